// Owns what engines were seen to send, as bytes of an event stream, with the events that each must become.
import { begin, failed, finish, more, say, think, used, whole } from '../events.ts';
import { FIELDS } from './field-transcripts.ts';
import { chunk, CUT, DONE, fragment, frame, type Transcript, usage } from './frames.ts';

const BROKEN_OFF = failed('the engine broke its answer off: it is stopping, or took it back');

const ENVELOPE = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', prompt_token_ids: null };
const ROLE = chunk({ role: 'assistant', content: '' }, null, ENVELOPE);
const named = (index: number, id: string, name: string, more: object = {}) =>
  chunk({ tool_calls: [{ index, id, type: 'function', function: { name, ...more } }] });

const WHOLE_CALLS: readonly Transcript[] = [
  {
    name: 'vLLM: thinking, blank lines, text, a call without an arguments key at first, usage',
    bytes:
      ROLE +
      chunk({ reasoning: 'I look ' }) +
      chunk({ reasoning: 'at it.\n' }) +
      chunk({ content: '\n\n' }) +
      chunk({ content: 'Let me see.' }) +
      chunk({ content: '\n\n' }) +
      named(0, 'chatcmpl-tool-1', 'bash') +
      fragment(0, '{"command": ') +
      fragment(0, '"ls"}') +
      chunk({ content: '\n' }) +
      chunk({}, 'tool_calls') +
      usage(10, 5) +
      DONE,
    events: [
      think('I look '),
      think('at it.\n'),
      say('Let me see.'),
      begin(0, 'chatcmpl-tool-1', 'bash'),
      more(0, '{"command": '),
      more(0, '"ls"}'),
      whole(0),
      used(10, 5),
      finish('tool_calls'),
    ],
  },
  {
    name: 'vLLM under load: name and arguments together, the finish on the last chunk',
    bytes:
      named(0, 'a', 'bash', { arguments: '{"command": "l' }) +
      chunk({ tool_calls: [{ index: 0, function: { arguments: 's"}' } }] }, 'tool_calls') +
      DONE,
    events: [begin(0, 'a', 'bash', '{"command": "l'), more(0, 's"}'), whole(0), finish('tool_calls')],
  },
  {
    name: 'several calls whose fragments take turns',
    bytes:
      named(0, 'a', 'bash') +
      named(1, 'b', 'bash') +
      fragment(0, '{"command":"ls"}') +
      fragment(1, '{"command":"pwd"}') +
      chunk({}, 'tool_calls') +
      DONE,
    events: [
      begin(0, 'a', 'bash'),
      begin(1, 'b', 'bash'),
      more(0, '{"command":"ls"}'),
      more(1, '{"command":"pwd"}'),
      whole(0),
      whole(1),
      finish('tool_calls'),
    ],
  },
  {
    name: 'two calls in one chunk, no [DONE]',
    bytes: chunk(
      {
        tool_calls: [
          { index: 0, id: 'a', function: { name: 'bash', arguments: '{"command":"a"}' } },
          { index: 1, id: 'b', function: { name: 'bash', arguments: '{"command":"b"}' } },
        ],
      },
      'tool_calls',
    ),
    events: [
      begin(0, 'a', 'bash', '{"command":"a"}'),
      begin(1, 'b', 'bash', '{"command":"b"}'),
      whole(0),
      whole(1),
      finish('tool_calls'),
    ],
  },
  {
    name: 'no index anywhere: a name begins a call, the rest goes on with the last',
    bytes:
      chunk({ tool_calls: [{ id: 'a', function: { name: 'bash' } }] }) +
      fragment(undefined, '{"command":') +
      fragment(undefined, '"a"}') +
      chunk({ tool_calls: [{ id: 'b', function: { name: 'bash', arguments: '{"command":"b"}' } }] }) +
      chunk({ tool_calls: [{ id: 'b', function: { arguments: ' ' } }] }) +
      chunk({}, 'stop') +
      DONE,
    events: [
      begin(0, 'a', 'bash'),
      more(0, '{"command":'),
      more(0, '"a"}'),
      begin(1, 'b', 'bash', '{"command":"b"}'),
      more(1, ' '),
      whole(0),
      whole(1),
      finish('tool_calls'),
    ],
  },
  {
    name: 'every call numbered 0: another id with a name is another call',
    bytes:
      named(0, 'a', 'bash', { arguments: '{"command":"a"}' }) +
      named(0, 'b', 'bash', { arguments: '{"command":' }) +
      fragment(0, '"b"}') +
      chunk({}, 'tool_calls') +
      DONE,
    events: [
      begin(0, 'a', 'bash', '{"command":"a"}'),
      begin(1, 'b', 'bash', '{"command":'),
      more(1, '"b"}'),
      whole(0),
      whole(1),
      finish('tool_calls'),
    ],
  },
  {
    name: 'numbers that begin at 1, the id and the name said again with each fragment',
    bytes:
      named(1, 'a', 'bash', { arguments: '{"command":' }) +
      named(1, 'a', 'bash', { arguments: '"a"}' }) +
      chunk({}, 'tool_calls') +
      DONE,
    events: [begin(0, 'a', 'bash', '{"command":'), more(0, '"a"}'), whole(0), finish('tool_calls')],
  },
  {
    name: 'no id: one is made up',
    bytes:
      chunk({ tool_calls: [{ index: 0, function: { name: 'bash', arguments: '{"command":"a"}' } }] }, 'stop') + DONE,
    events: [begin(0, 'made-1', 'bash', '{"command":"a"}'), whole(0), finish('tool_calls')],
  },
  {
    name: 'the name comes behind the id and some arguments: nothing is told before it',
    bytes:
      chunk({ tool_calls: [{ index: 0, id: 'a', function: { arguments: '{"command":' } }] }) +
      chunk({ tool_calls: [{ index: 0, function: { name: 'bash', arguments: '"a"}' } }] }) +
      chunk({}, 'tool_calls') +
      DONE,
    events: [begin(0, 'a', 'bash', '{"command":"a"}'), whole(0), finish('tool_calls')],
  },
  {
    name: 'arguments as an object instead of text',
    bytes: named(0, 'a', 'bash', { arguments: { command: 'ls' } }) + chunk({}, 'tool_calls') + DONE,
    events: [begin(0, 'a', 'bash', '{"command":"ls"}'), whole(0), finish('tool_calls')],
  },
  {
    name: 'a tool that needs no arguments, called without any',
    bytes: named(0, 'a', 'ping') + chunk({}, 'tool_calls') + DONE,
    events: [
      begin(0, 'a', 'ping'),
      { type: 'tool_call', index: 0, arguments: '{}', complete: true },
      finish('tool_calls'),
    ],
  },
  {
    name: 'a call inside the thinking, and a tool that nobody offered',
    bytes: chunk({ reasoning: 'so' }) + named(0, 'a', 'fly', { arguments: '{}' }) + chunk({}, 'tool_calls') + DONE,
    events: [think('so'), begin(0, 'a', 'fly', '{}'), whole(0), finish('tool_calls')],
  },
];

const CUT_CALLS: readonly Transcript[] = [
  {
    name: 'cut by max_tokens inside a call',
    bytes: named(0, 'a', 'bash') + fragment(0, '{"command": "') + chunk({}, 'length') + DONE,
    events: [begin(0, 'a', 'bash'), more(0, '{"command": "'), finish('length')],
  },
  {
    name: 'cut by max_tokens where the arguments happen to parse: only the call before it is whole',
    bytes:
      named(0, 'a', 'bash', { arguments: '{"command":"a"}' }) +
      named(1, 'b', 'bash', { arguments: '{"command":"rm -r build"}' }) +
      chunk({}, 'length') +
      DONE,
    events: [
      begin(0, 'a', 'bash', '{"command":"a"}'),
      begin(1, 'b', 'bash', '{"command":"rm -r build"}'),
      whole(0),
      finish('length'),
    ],
  },
  {
    name: 'a call that the model never closed, finished as tool_calls',
    bytes: named(0, 'a', 'bash') + fragment(0, '{"command": "Basel') + chunk({}, 'tool_calls') + DONE,
    events: [begin(0, 'a', 'bash'), more(0, '{"command": "Basel'), finish('tool_calls')],
  },
  {
    name: 'a call cut behind the name of a tool that needs arguments',
    bytes: named(0, 'a', 'bash') + chunk({}, 'tool_calls') + DONE,
    events: [begin(0, 'a', 'bash'), finish('tool_calls')],
  },
  {
    name: 'arguments that are JSON but no object',
    bytes: named(0, 'a', 'bash', { arguments: '["ls"]' }) + chunk({}, 'tool_calls') + DONE,
    events: [begin(0, 'a', 'bash', '["ls"]'), finish('tool_calls')],
  },
  {
    name: 'a call that never got a name',
    bytes: chunk({ tool_calls: [{ index: 0, id: 'a', function: { arguments: '{}' } }] }) + chunk({}, 'stop') + DONE,
    events: [begin(0, 'a', '', '{}'), finish('tool_calls')],
  },
  {
    name: 'a filter that stopped the answer behind a call',
    bytes: named(0, 'a', 'bash', { arguments: '{"command":"a"}' }) + chunk({}, 'content_filter') + DONE,
    events: [begin(0, 'a', 'bash', '{"command":"a"}'), finish('content_filter')],
  },
];

const WORDS: readonly Transcript[] = [
  {
    name: 'llama-server and older vLLM: reasoning_content, and text until stop',
    bytes:
      chunk({ role: 'assistant', content: null }) +
      chunk({ reasoning_content: 'Hm.' }) +
      chunk({ content: 'Yes, ' }) +
      chunk({ content: 'it is.\n' }) +
      chunk({}, 'stop') +
      DONE,
    events: [think('Hm.'), say('Yes, '), say('it is.'), say('\n'), finish('stop')],
  },
  {
    name: 'line breaks between two texts stay, with the second',
    bytes: chunk({ content: 'a\n' }) + chunk({ content: '\n' }) + chunk({ content: 'b' }) + chunk({}, 'stop') + DONE,
    events: [say('a'), say('\n\nb'), finish('stop')],
  },
  {
    name: 'text behind a call is kept if it is more than blank',
    bytes:
      named(0, 'a', 'ping', { arguments: '{}' }) +
      chunk({ content: ' ' }) +
      chunk({ content: 'x' }) +
      chunk({}, 'stop'),
    events: [begin(0, 'a', 'ping', '{}'), say('x'), whole(0), finish('tool_calls')],
  },
  {
    name: 'nothing but thinking',
    bytes: chunk({ reasoning: 'Only this.' }) + chunk({}, 'stop') + DONE,
    events: [think('Only this.'), finish('stop')],
  },
  {
    name: 'force_nonempty_content: the thinking is not told twice',
    bytes:
      chunk({ reasoning: 'Only ' }) + chunk({ reasoning: 'this.' }) + chunk({ content: 'Only this.' }, 'stop') + DONE,
    events: [think('Only '), think('this.'), finish('stop')],
  },
  {
    name: 'an answer that repeats its thinking in pieces is an answer',
    bytes: chunk({ reasoning: '42' }) + chunk({ content: '4' }) + chunk({ content: '2' }, 'stop') + DONE,
    events: [think('42'), say('4'), say('2'), finish('stop')],
  },
  {
    name: 'a short answer that is the same as its thinking, told before the finish',
    bytes: chunk({ reasoning: '42' }) + chunk({ content: '42' }) + chunk({}, 'stop') + DONE,
    events: [think('42'), say('42'), finish('stop')],
  },
  {
    name: 'an answer whose last piece is the same as its thinking',
    bytes: chunk({ reasoning: '2' }) + chunk({ content: '4' }) + chunk({ content: '2' }, 'stop') + DONE,
    events: [think('2'), say('4'), say('2'), finish('stop')],
  },
  {
    name: 'line breaks before a call do not come back with text behind it',
    bytes:
      chunk({ content: 'a\n\n' }) +
      named(0, 'a', 'ping', { arguments: '{}' }) +
      chunk({ content: 'b' }) +
      chunk({}, 'tool_calls'),
    events: [say('a'), begin(0, 'a', 'ping', '{}'), say('b'), whole(0), finish('tool_calls')],
  },
  {
    name: 'an empty answer',
    bytes: ROLE + chunk({}, 'stop') + DONE,
    events: [finish('stop')],
  },
  {
    name: 'usage in every chunk: the first is told at once and the last counts, with its details',
    bytes:
      chunk({ content: 'a' }, null, { usage: { prompt_tokens: 9, completion_tokens: 1 } }) +
      chunk({}, 'stop', { usage: null }) +
      frame({
        choices: [],
        usage: {
          prompt_tokens: 9,
          completion_tokens: 2,
          prompt_tokens_details: { cached_tokens: 8 },
          completion_tokens_details: { reasoning_tokens: 0 },
        },
      }) +
      DONE,
    events: [
      used(9, 1),
      say('a'),
      { type: 'usage', promptTokens: 9, completionTokens: 2, cachedTokens: 8, reasoningTokens: 0 },
      finish('stop'),
    ],
  },
  {
    name: 'comments, carriage returns, ids, and letters of several bytes',
    bytes: `: ping\r\n\r\nid: 1\r\n${chunk({ content: 'Grüße 😀' }).trimEnd()}\r\n\r\n${chunk({})}${chunk({}, 'stop')}${DONE}`,
    events: [say('Grüße 😀'), finish('stop')],
  },
  {
    name: 'a second choice that nobody asked for, and a finish that nobody knows',
    bytes:
      frame({ choices: [{ index: 1, delta: { content: 'no' }, finish_reason: 'stop' }] }) +
      chunk({ content: 'yes' }, 'constructor') +
      DONE,
    events: [say('yes'), finish('stop')],
  },
];

const FAILURES: readonly Transcript[] = [
  {
    name: 'the engine is stopped: finish abort',
    bytes: chunk({ content: 'a' }) + chunk({}, 'abort') + DONE,
    events: [say('a'), BROKEN_OFF],
  },
  {
    name: 'the engine is killed: an error inside the stream',
    bytes:
      chunk({ content: 'a' }) +
      'data: {"error":{"message":"EngineCore encountered an issue.","type":"InternalServerError","code":500}}\n\n' +
      DONE,
    events: [say('a'), failed('the endpoint failed: EngineCore encountered an issue.')],
  },
  {
    name: 'an error event of another form',
    bytes: 'event: error\ndata: {"message":"Loading model","code":503}\n\n',
    events: [{ type: 'error', code: 'overloaded', message: 'the endpoint is busy: Loading model', retryable: true }],
  },
  {
    name: 'an error that is only text',
    bytes: 'data: {"error":"boom"}\n\n',
    events: [failed('the endpoint failed: boom')],
  },
  { name: 'the end without a finish', bytes: chunk({ content: 'a' }), events: [say('a'), CUT] },
  { name: 'the end without anything', bytes: '', events: [CUT] },
  { name: 'only [DONE]', bytes: DONE, events: [CUT] },
  {
    name: 'JSON that is no chunk',
    bytes: 'data: {"hello":"world"}\n\n',
    events: [
      {
        type: 'error',
        code: 'backend_garbage',
        message: 'the endpoint sent an event that is no chat chunk: {"hello":"world"}',
        retryable: false,
      },
    ],
  },
];

export const TRANSCRIPTS: readonly Transcript[] = [...WHOLE_CALLS, ...CUT_CALLS, ...WORDS, ...FIELDS, ...FAILURES];
