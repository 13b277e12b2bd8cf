// Shows that the machine that checks every stream does find what is wrong with one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkStream, type Event } from './checker.ts';

const USAGE = { input_tokens: 1, output_tokens: 2, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const MESSAGE = { type: 'message', role: 'assistant', content: [], stop_reason: null, stop_sequence: null };
const begin = (index: number, content_block: object): Event => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, delta: object): Event => ({ type: 'content_block_delta', index, delta });
const end = (index: number): Event => ({ type: 'content_block_stop', index });
const call = (id: string) => ({ type: 'tool_use', id, name: 'bash', input: {} });
const json = (partial_json: string) => ({ type: 'input_json_delta', partial_json });
const stop = (stop_reason: string, stop_sequence: string | null = null): Event => ({
  type: 'message_delta',
  delta: { stop_reason, stop_sequence },
  usage: USAGE,
});

const START: Event = { type: 'message_start', message: { ...MESSAGE, id: 'msg_1', model: 'm', usage: USAGE } };
const PING: Event = { type: 'ping' };
const STOP: Event = { type: 'message_stop' };
const THINKING = [
  begin(0, { type: 'thinking', thinking: '', signature: '' }),
  delta(0, { type: 'thinking_delta', thinking: 'hm' }),
  delta(0, { type: 'signature_delta', signature: 's' }),
  end(0),
];
const TEXT = [begin(0, { type: 'text', text: '' }), delta(0, { type: 'text_delta', text: 'a' }), end(0)];
const CALL = [begin(0, call('a')), delta(0, json('{"a"')), delta(0, json(':1}')), end(0)];
const SECOND = [begin(1, call('b')), delta(1, json('{}')), end(1)];
const ERROR: Event = { type: 'error', error: { type: 'api_error', message: 'x' }, request_id: 'req_1' };

const wire = (events: readonly Event[]) =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

test('good streams pass, and give the message', () => {
  const { end, message, pings } = checkStream(wire([START, PING, ...CALL, PING, ...SECOND, stop('tool_use'), STOP]));
  assert.deepEqual([end, pings], ['whole', 2]);
  assert.deepEqual(message?.content, [
    { ...call('a'), input: { a: 1 } },
    { ...call('b'), input: {} },
  ]);
  assert.equal(checkStream(wire([START, ...THINKING, stop('stop_sequence', 'X'), STOP])).end, 'whole');
  assert.deepEqual(checkStream(wire([START, PING, ERROR])).error, ERROR['error']);
  assert.equal(checkStream(wire([START, ...TEXT]).slice(0, -1), true).end, 'open');
});

const BAD: Readonly<Record<string, readonly Event[]>> = {
  'no message_start': [...TEXT, stop('end_turn'), STOP],
  'a ping before message_start': [PING, START, ...TEXT, stop('end_turn'), STOP],
  'two message_starts': [START, START, ...TEXT, stop('end_turn'), STOP],
  'no message_delta': [START, ...TEXT, STOP],
  'no message_stop': [START, ...TEXT, stop('end_turn')],
  'two message_deltas': [START, ...TEXT, stop('end_turn'), stop('end_turn'), STOP],
  'something after the end': [START, ...TEXT, stop('end_turn'), STOP, PING],
  'a block after message_delta': [START, stop('end_turn'), ...TEXT, STOP],
  'a block that is not closed': [START, ...TEXT.slice(0, 2), stop('end_turn'), STOP],
  'a block that was not begun': [START, ...TEXT.slice(1), stop('end_turn'), STOP],
  'a block with nothing in it': [START, ...TEXT.slice(0, 1), end(0), stop('end_turn'), STOP],
  'blocks that overlap': [START, ...CALL.slice(0, 2), ...SECOND, ...CALL.slice(2), stop('tool_use'), STOP],
  'a gap in the indexes': [START, ...SECOND, stop('tool_use'), STOP],
  'a delta of another block': [START, ...TEXT.slice(0, 1), delta(1, json('a')), end(0), stop('end_turn'), STOP],
  'a delta of another kind': [START, ...TEXT.slice(0, 1), delta(0, json('a')), end(0), stop('end_turn'), STOP],
  'a delta with nothing in it': [
    START,
    ...CALL.slice(0, 1),
    delta(0, json('')),
    ...CALL.slice(1),
    stop('tool_use'),
    STOP,
  ],
  'arguments that are cut': [START, ...CALL.slice(0, 2), end(0), stop('tool_use'), STOP],
  'arguments that are no object': [START, ...CALL.slice(0, 1), delta(0, json('[1]')), end(0), stop('tool_use'), STOP],
  'two calls of one id': [START, ...CALL, begin(1, call('a')), ...SECOND.slice(1), stop('tool_use'), STOP],
  'thinking without a signature': [START, ...THINKING.slice(0, 2), end(0), stop('end_turn'), STOP],
  'thinking after its signature': [
    START,
    ...THINKING.slice(0, 3),
    ...THINKING.slice(1, 2),
    end(0),
    stop('end_turn'),
    STOP,
  ],
  'calls without tool_use': [START, ...CALL, stop('end_turn'), STOP],
  'tool_use without calls': [START, ...TEXT, stop('tool_use'), STOP],
  'a reason that does not exist': [START, ...TEXT, stop('stop'), STOP],
  'a stop sequence that is not named': [START, ...TEXT, stop('stop_sequence'), STOP],
  'usage that is none': [START, ...TEXT, { ...stop('end_turn'), usage: { output_tokens: -1 } }, STOP],
  'an error after content': [START, ...TEXT, ERROR],
  'an error without an id': [START, { type: 'error', error: { type: 'api_error', message: 'x' } }],
  'an event that does not exist': [START, { type: 'message_end' }],
};

describe('refused is', () => {
  for (const [name, events] of Object.entries(BAD))
    test(name, () => {
      assert.throws(() => checkStream(wire(events)), { name: 'AssertionError' });
    });

  test('an event with two names, one that is cut, and lines that are none', () => {
    const good = wire([START, ...TEXT, stop('end_turn'), STOP]);
    for (const bad of [
      good.replace('event: message_stop', 'event: message_delta'),
      good.slice(0, -1),
      `${good}: comment\n\n`,
      good.replace('event: message_stop\n', ''),
    ])
      assert.throws(() => checkStream(bad), { name: 'AssertionError' });
    assert.equal(checkStream(good).end, 'whole');
  });
});
