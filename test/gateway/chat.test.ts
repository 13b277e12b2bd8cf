// Shows the chat endpoint on the wire: whole and streamed answers, and that what was cut never looks whole.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { LIMITS } from '../../src/base/limits.ts';
import type { ModelErrorEvent, ModelEvent } from '../../src/contracts/model-events.ts';
import { type Answer, call, callJson, open, readText } from './http.ts';
import { says, type Service, startService } from './service.ts';

const PATH = '/v1/chat/completions';
const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const STREAMED = { ...CHAT, stream: true };

interface Chunk {
  readonly id: string;
  readonly choices: readonly { readonly delta: object; readonly finish_reason: string | null }[];
  readonly usage?: object;
}

async function start(context: Parameters<typeof startService>[0], ...events: readonly ModelEvent[]) {
  const service = await startService(context, { model: says(...events) });
  return { service, key: await service.key(['client']) };
}

function chunksOf(text: string): readonly Chunk[] {
  const lines = text.split('\n\n').filter((line) => line !== '');
  assert.equal(lines.at(-1), 'data: [DONE]');
  return lines.slice(0, -1).map((line) => JSON.parse(line.replace('data: ', '')) as Chunk);
}

/** What came before the connection broke; fails if it ended as it should. */
async function readBroken(answer: IncomingMessage, onData: () => void = () => {}): Promise<string> {
  let text = '';
  try {
    for await (const chunk of answer) {
      text += String(chunk);
      onData();
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
    return text;
  }
  throw new Error(`the answer ended tidily: ${text}`);
}

const TOOL_ANSWER: readonly ModelEvent[] = [
  { type: 'reasoning', text: 'Let me ' },
  { type: 'reasoning', text: 'see.' },
  { type: 'text', text: 'I look.' },
  { type: 'tool_call', index: 3, id: 'call_a', name: 'bash', arguments: '{"a"', complete: false },
  { type: 'tool_call', index: 3, arguments: ':1}', complete: true },
  { type: 'tool_call', index: 7, id: 'call_b', name: 'read', complete: false },
  { type: 'tool_call', index: 7, arguments: '{}', complete: false },
  { type: 'tool_call', index: 7, complete: true },
  { type: 'usage', promptTokens: 10, completionTokens: 5, cachedTokens: 8, reasoningTokens: 2 },
  { type: 'finish', reason: 'stop' },
];

const USAGE = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 8 },
  completion_tokens_details: { reasoning_tokens: 2 },
};

describe('a whole answer', () => {
  test('has text, thinking, calls with both ids, and usage', async (context) => {
    const { service, key } = await start(context, ...TOOL_ANSWER);
    const { status, body } = await callJson<Record<string, unknown>>(service, 'POST', PATH, { key, json: CHAT });
    const { id, created, ...rest } = body;
    assert.equal(status, 200);
    assert.match(String(id), /^chatcmpl_/);
    assert.equal(typeof created, 'number');
    assert.deepEqual(rest, {
      model: 'm',
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'I look.',
            refusal: null,
            reasoning_content: 'Let me see.',
            tool_calls: [
              { id: 'call_a', type: 'function', function: { name: 'bash', arguments: '{"a":1}' } },
              { id: 'call_b', type: 'function', function: { name: 'read', arguments: '{}' } },
            ],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: USAGE,
    });
  });

  test('of calls alone has no content, and a call without an id gets one', async (context) => {
    const { service, key } = await start(
      context,
      { type: 'tool_call', index: 0, name: 'bash', arguments: '{}', complete: true },
      { type: 'finish', reason: 'tool_calls' },
    );
    const { body } = await callJson<{ choices: [{ message: { content: unknown; tool_calls: [{ id: string }] } }] }>(
      service,
      'POST',
      PATH,
      { key, json: CHAT },
    );
    const { message } = body.choices[0];
    assert.equal(message.content, null);
    assert.match(message.tool_calls[0].id, /^call_[0-9a-z]{26}$/);
  });
});

describe('a streamed answer', () => {
  test('has the role once, each piece as it came, calls numbered without gaps, and one end', async (context) => {
    const { service, key } = await start(context, ...TOOL_ANSWER);
    const answer = await call(service, 'POST', PATH, { key, json: STREAMED });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.match(String(answer.headers['x-request-id']), /^req_/);
    const chunks = chunksOf(answer.text);
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    assert.deepEqual(
      chunks.map(({ choices }) => [choices[0]?.delta, choices[0]?.finish_reason]),
      [
        [{ role: 'assistant', content: '' }, null],
        [{ reasoning_content: 'Let me ' }, null],
        [{ reasoning_content: 'see.' }, null],
        [{ content: 'I look.' }, null],
        [
          { tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'bash', arguments: '{"a"' } }] },
          null,
        ],
        [{ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }, null],
        [
          { tool_calls: [{ index: 1, id: 'call_b', type: 'function', function: { name: 'read', arguments: '' } }] },
          null,
        ],
        [{ tool_calls: [{ index: 1, function: { arguments: '{}' } }] }, null],
        [{}, 'tool_calls'],
      ],
    );
  });

  test('ends with usage when it was asked for, and only then', async (context) => {
    const { service, key } = await start(context, ...TOOL_ANSWER);
    const json = { ...STREAMED, stream_options: { include_usage: true } };
    const last = chunksOf((await call(service, 'POST', PATH, { key, json })).text).at(-1);
    assert.deepEqual([last?.choices, last?.usage], [[], USAGE]);
    const without = chunksOf((await call(service, 'POST', PATH, { key, json: STREAMED })).text);
    assert.ok(without.every((chunk) => chunk.usage === undefined));
  });

  test('begins with its first event, not with its last', async (context) => {
    const more = Promise.withResolvers<void>();
    const service = await startService(context, {
      model: async function* model() {
        yield { type: 'text', text: 'first' };
        await more.promise;
        yield { type: 'text', text: 'second' };
        yield { type: 'finish', reason: 'stop' };
      },
    });
    const key = await service.key(['client']);
    const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
    const [chunk] = (await once(answer, 'data')) as [Buffer];
    assert.match(String(chunk), /"content":"first"/);
    more.resolve();
    assert.match(await readText(answer), /"content":"second"[\s\S]*\[DONE\]\n\n$/);
  });

  test('sends headers and empty pieces while the model is silent', async (context) => {
    const more = Promise.withResolvers<void>();
    const service = await startService(context, {
      model: async function* model() {
        await more.promise;
        yield { type: 'text', text: 'late' };
        yield { type: 'finish', reason: 'stop' };
      },
      changes: { limits: { ...LIMITS, sseKeepAliveMs: 20 } },
    });
    const key = await service.key(['client']);
    const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
    let text = '';
    for await (const chunk of answer) {
      text += String(chunk);
      if (text.split('"delta":{}').length > 2) more.resolve();
    }
    const deltas = chunksOf(text).map(({ choices }) => JSON.stringify(choices[0]?.delta));
    assert.equal(deltas[0], '{"role":"assistant","content":""}');
    assert.equal(deltas.filter((delta) => delta.includes('role')).length, 1);
    assert.deepEqual(
      deltas.filter((delta) => delta.includes('late')),
      ['{"content":"late"}'],
    );
  });
});

const DEAD: ModelErrorEvent = {
  type: 'error',
  code: 'backend_failed',
  message: 'engine http://vllm-7:8000/v1 said 500 at 10.1.2.3:8000',
  retryable: true,
};

/** Answers that must not look whole. */
const CUTS: readonly { readonly name: string; readonly events: readonly ModelEvent[]; readonly message: string }[] = [
  {
    name: 'the engine dies',
    events: [{ type: 'text', text: 'ls -a &&' }, DEAD],
    message: 'engine the engine said 500 at the engine',
  },
  {
    name: 'the engine just stops',
    events: [{ type: 'text', text: 'ls -a &&' }],
    message: 'the engine stopped in the middle of the answer',
  },
  {
    name: 'the engine gives up',
    events: [
      { type: 'text', text: 'ls -a &&' },
      { type: 'finish', reason: 'abort' },
    ],
    message: 'the engine gave the answer up',
  },
  {
    name: 'a call was never closed',
    events: [
      { type: 'tool_call', index: 0, id: 'c', name: 'bash', arguments: '{"command":"ls -a &&', complete: false },
      { type: 'finish', reason: 'tool_calls' },
    ],
    message: 'the answer ended inside the tool call "bash"',
  },
  {
    name: 'the limit cuts a call',
    events: [
      { type: 'tool_call', index: 0, id: 'c', name: 'bash', arguments: '{"command":"ls -a &&', complete: false },
      { type: 'finish', reason: 'length' },
    ],
    message: 'the limit on tokens was reached inside the tool call "bash"',
  },
];

describe('an answer that was cut', () => {
  for (const { name, events, message } of CUTS)
    test(`is a broken connection when it was streamed, and 502 when it was not: ${name}`, async (context) => {
      const [first, ...rest] = events;
      const seen = Promise.withResolvers<void>();
      const service = await startService(context, {
        model: async function* model(): AsyncGenerator<ModelEvent> {
          if (first !== undefined) yield first;
          await seen.promise;
          yield* rest;
        },
      });
      const key = await service.key(['client']);
      const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
      const text = await readBroken(answer, seen.resolve);
      assert.match(text, /ls -a &&/);
      assert.doesNotMatch(text, /DONE|"finish_reason":"/);
      const whole = await callJson<{ error: object }>(service, 'POST', PATH, { key, json: CHAT });
      assert.equal(whole.status, 502);
      assert.deepEqual(whole.body.error, { message, type: 'server_error', param: null, code: 'backend_failed' });
    });

  test('at the limit, with no call open, is a good answer that says so', async (context) => {
    const { service, key } = await start(context, { type: 'text', text: 'a' }, { type: 'finish', reason: 'length' });
    const chunks = chunksOf((await call(service, 'POST', PATH, { key, json: STREAMED })).text);
    assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'length');
  });

  test('by growing over the ceiling is 502', async (context) => {
    const limits = { ...LIMITS, modelAnswerBytes: 10 };
    const model = says({ type: 'text', text: 'x'.repeat(11) }, { type: 'finish', reason: 'stop' });
    const service = await startService(context, { model, changes: { limits } });
    const { status } = await call(service, 'POST', PATH, { key: await service.key(['client']), json: CHAT });
    assert.equal(status, 502);
  });
});

/** Error of the engine → status, then type and code of the body. */
const ENGINE_ERRORS: readonly [ModelErrorEvent['code'], number, string, string][] = [
  ['backend_unreachable', 503, 'overloaded_error', 'backend_unreachable'],
  ['backend_failed', 502, 'server_error', 'backend_failed'],
  ['backend_garbage', 502, 'server_error', 'backend_garbage'],
  ['model_not_found', 404, 'not_found_error', 'model_not_found'],
  ['invalid_input', 400, 'invalid_request_error', 'invalid_input'],
  ['context_exceeded', 400, 'invalid_request_error', 'context_length_exceeded'],
  ['overloaded', 503, 'overloaded_error', 'overloaded'],
  ['aborted', 502, 'server_error', 'backend_failed'],
  ['rehearsal_left_script', 500, 'server_error', 'rehearsal_left_script'],
];

describe('an engine that fails before its first event is a proper error, streamed or not:', () => {
  for (const [code, status, type, openaiCode] of ENGINE_ERRORS)
    test(code, async (context) => {
      const message = "This model's maximum context length is 10 tokens.";
      const { service, key } = await start(context, { type: 'error', code, message, retryable: false, retryAfter: 7 });
      for (const json of [CHAT, STREAMED]) {
        const answer = await callJson<{ error: object }>(service, 'POST', PATH, { key, json });
        const told = code === 'backend_unreachable' ? 'the engine of this model cannot be reached' : message;
        assert.equal(answer.status, status);
        assert.deepEqual(answer.body.error, { message: told, type, param: null, code: openaiCode });
        assert.equal(answer.headers['retry-after'], status === 503 ? '7' : undefined);
      }
    });

  test('and an engine that says nothing at all is one as well', async (context) => {
    const { service, key } = await start(context);
    assert.equal((await call(service, 'POST', PATH, { key, json: STREAMED })).status, 502);
  });
});

describe('a client that leaves', () => {
  const leaving = async (service: Service, stream: boolean, ready: Promise<void>) => {
    const abort = new AbortController();
    const key = await service.key(['client']);
    const answer = open(service, 'POST', PATH, { key, json: { ...CHAT, stream }, signal: abort.signal });
    answer.then((message) => message.on('error', () => {})).catch(() => {});
    await ready;
    abort.abort();
    const [asked] = service.asked;
    if (asked?.signal.aborted === false) await once(asked.signal, 'abort');
    assert.equal(asked?.signal.aborted, true);
  };
  const cases = [
    ['before the first event', true, 0],
    ['in the middle of a stream', true, 1],
    ['while it waits for a whole answer', false, 1],
  ] as const;
  for (const [name, streamed, texts] of cases)
    test(`aborts the generation: ${name}`, async (context) => {
      const ready = Promise.withResolvers<void>();
      const over = Promise.withResolvers<void>();
      const service = await startService(context, {
        model: async function* model(_request, signal): AsyncGenerator<ModelEvent> {
          for (let count = 0; count < texts; count += 1) yield { type: 'text', text: 'x' };
          ready.resolve();
          if (!signal.aborted) await once(signal, 'abort');
          over.resolve();
        },
      });
      await leaving(service, streamed, ready.promise);
      await over.promise;
    });
});

test('a client that reads slowly makes the engine wait', async (context) => {
  const text = 'x'.repeat(64 * 1024);
  let said = 0;
  const service = await startService(context, {
    model: async function* model(): AsyncGenerator<ModelEvent> {
      for (; said < 2000; said += 1) yield { type: 'text', text };
      yield { type: 'finish', reason: 'stop' };
    },
  });
  const answer = await open(service, 'POST', PATH, { key: await service.key(['client']), json: STREAMED });
  answer.pause();
  let before = -1;
  while (before !== said) {
    before = said;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(said < 500, `${said} pieces of 64 kB were taken for a client that read none`);
  let bytes = 0;
  for await (const chunk of answer) bytes += (chunk as Buffer).length;
  assert.ok(bytes > 2000 * text.length);
});

describe('of the request', () => {
  test('everything known becomes ours, and unknown fields and nulls are ignored', async (context) => {
    const { service, key } = await start(context, { type: 'text', text: 'a' }, { type: 'finish', reason: 'stop' });
    const json = {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be good.' },
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'brief.' },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?', cache_control: {} },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'low' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          reasoning_content: 'hm',
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'bash', arguments: '{"broken' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'out' }], name: 'bash' },
        { role: 'assistant', content: 'done', tool_calls: [], refusal: null },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'bash', description: 'runs', parameters: { type: 'object' }, strict: false },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'bash' } },
      temperature: 0.5,
      top_p: 0.9,
      max_tokens: 100,
      max_completion_tokens: 200,
      stop: 'END',
      seed: 7,
      n: 1,
      presence_penalty: null,
      store: false,
      reasoning_effort: 'high',
      prompt_cache_key: 'conversation',
      client_metadata: { anything: [1, 2] },
    };
    assert.equal((await call(service, 'POST', PATH, { key, json })).status, 200);
    assert.deepEqual(service.asked[0]?.request, {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be good.' },
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image', url: 'data:image/png;base64,AA' },
          ],
        },
        {
          role: 'assistant',
          content: '',
          reasoning: 'hm',
          toolCalls: [{ id: 'c1', name: 'bash', arguments: '{"broken' }],
        },
        { role: 'tool', callId: 'c1', content: 'out' },
        { role: 'assistant', content: 'done' },
      ],
      tools: [{ name: 'bash', description: 'runs', parameters: { type: 'object' } }],
      toolChoice: { name: 'bash' },
      temperature: 0.5,
      topP: 0.9,
      maxTokens: 200,
      stop: ['END'],
      seed: 7,
      affinity: 'conversation',
    });
  });

  test('an empty list of tools is none, and a header may name the conversation', async (context) => {
    const { service, key } = await start(context, { type: 'text', text: 'a' }, { type: 'finish', reason: 'stop' });
    const json = { ...CHAT, tools: [], tool_choice: null, stop: null, stream: null };
    await call(service, 'POST', PATH, { key, json, headers: { 'x-session-id': 's1' } });
    assert.deepEqual(service.asked[0]?.request, {
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
      affinity: 's1',
    });
  });

  test('a mistake is told with its field, in the shape of OpenAI', async (context) => {
    const { service, key } = await start(context);
    const told = async (changes: object) => {
      const { status, body } = await callJson<{ error: { param: string; message: string; type: string } }>(
        service,
        'POST',
        PATH,
        { key, json: { ...CHAT, ...changes } },
      );
      assert.deepEqual([status, body.error.type], [400, 'invalid_request_error']);
      return [body.error.param, body.error.message];
    };
    const roles = 'expected a message with the role system, developer, user, assistant or tool';
    assert.deepEqual(
      [
        await told({ model: '' }),
        await told({ messages: [] }),
        await told({ messages: [{ role: 'robot', content: 'x' }] }),
        await told({ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }),
        await told({ tools: [{ type: 'custom', custom: {} }] }),
        await told({ tool_choice: 'maybe' }),
        await told({ n: 2 }),
        await told({ temperature: -1 }),
        await told({ max_tokens: 0 }),
      ],
      [
        ['model', 'model: Too small: expected string to have >=1 characters'],
        ['messages', 'messages: Too small: expected array to have >=1 items'],
        ['messages[0].role', `messages[0].role: ${roles}`],
        ['messages[0].content', 'messages[0].content: expected text or a list of parts of type text or image_url'],
        [
          'tools[0].type',
          'tools[0].type: only tools of type function are known here; tools[0].function: Invalid input: expected object, received undefined',
        ],
        ['tool_choice', 'tool_choice: expected auto, none, required or a function by name'],
        ['n', 'n: only one choice is given per request'],
        ['temperature', 'temperature: Too small: expected number to be >=0'],
        ['max_tokens', 'max_tokens: Too small: expected number to be >=1'],
      ],
    );
    assert.equal(service.asked.length, 0);
  });
});

test('a closing service breaks its streams instead of ending them', async (context) => {
  const service = await startService(context, {
    model: async function* model(_request, signal): AsyncGenerator<ModelEvent> {
      yield { type: 'text', text: 'half' };
      if (!signal.aborted) await once(signal, 'abort');
    },
  });
  const answer = await open(service, 'POST', PATH, { key: await service.key(['client']), json: STREAMED });
  const broken = readBroken(answer);
  await once(answer, 'readable');
  await service.app.close();
  assert.match(await broken, /half/);
});

test('an error of ours that nobody expected is told without its words, and logged', async (context) => {
  const service = await startService(context, {
    changes: { models: () => Promise.reject(new Error('password hunter2')) },
  });
  const answer: Answer = await call(service, 'GET', '/v1/models', { key: await service.key(['client']) });
  assert.equal(answer.status, 500);
  assert.deepEqual(JSON.parse(answer.text), {
    error: { message: 'an unexpected error', type: 'server_error', param: null, code: 'internal' },
  });
  assert.ok(service.logged.some(({ message }) => message === 'a request failed unexpectedly'));
});
