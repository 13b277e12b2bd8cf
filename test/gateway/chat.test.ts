// Shows the chat endpoint on the wire: whole and streamed answers, and that what was cut never looks whole.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { LIMITS } from '../../src/base/limits.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { call, callJson, open, readText } from './http.ts';
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

for (const stream of [true, false])
  test(`a model that does not heed the abort is not read on, stream: ${stream}`, async (context) => {
    const ready = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const service = await startService(context, {
      model: async function* model(): AsyncGenerator<ModelEvent> {
        try {
          for (;;) {
            yield { type: 'text', text: 'x' };
            ready.resolve();
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          over.resolve();
        }
      },
    });
    const abort = new AbortController();
    const key = await service.key(['client']);
    const answer = open(service, 'POST', PATH, { key, json: { ...CHAT, stream }, signal: abort.signal });
    answer.then((message) => message.on('error', () => {})).catch(() => {});
    await ready.promise;
    abort.abort();
    await over.promise;
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
