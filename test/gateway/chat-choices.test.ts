// Shows several answers to one chat request: each choice is whole by itself, and one that fails spoils all.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import type { ChatRequest } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { ASK, PATH, readStream, readWhole, startWith } from './chat-stream.ts';
import { call, callJson, open } from './http.ts';
import { startService } from './service.ts';

const USAGE = { type: 'usage', promptTokens: 3, completionTokens: 2, cachedTokens: 1 } as const;

/** The first choice says its words in pieces, the second makes calls, the third is cut by the limit. */
async function* answerTo({ seed = 0 }: ChatRequest): AsyncGenerator<ModelEvent> {
  if (seed === 1) {
    yield { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{', complete: false };
    yield { type: 'tool_call', index: 1, id: 'b', name: 'g', arguments: '{}', complete: true };
    yield { type: 'tool_call', index: 0, arguments: '}', complete: true };
  } else
    for (const piece of ['one ', 'two ', 'three']) {
      yield { type: 'text', text: piece };
      await new Promise((resolve) => setImmediate(resolve));
    }
  yield USAGE;
  yield { type: 'finish', reason: seed === 2 ? 'length' : 'stop' };
}

const THREE = { n: 3, seed: 0 };
const called = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '{}' } });
const choice = (index: number, message: object, finish: string) => ({
  index,
  message: { role: 'assistant', content: 'one two three', refusal: null, ...message },
  logprobs: null,
  finish_reason: finish,
});
const CHOICES = [
  choice(0, {}, 'stop'),
  choice(1, { content: null, tool_calls: [called('a', 'f'), called('b', 'g')] }, 'tool_calls'),
  choice(2, {}, 'length'),
];
const SUM = {
  prompt_tokens: 9,
  completion_tokens: 6,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 3 },
};

describe('several choices', () => {
  test('are answers of their own, numbered, with other seeds, and their usage is summed', async (context) => {
    const started = await startWith(context, answerTo);
    assert.deepEqual(await readWhole(started, THREE), { choices: CHOICES, usage: SUM });
    assert.deepEqual(
      started.service.asked.map(({ request }) => request.seed),
      [0, 1, 2],
    );
    const metrics = await started.service.ports.metrics();
    assert.match(metrics, /caisson_tokens_total\{for="client",kind="prompt"\} 9/);
  });

  test('are streamed as they come, whoever speaks', async (context) => {
    const started = await startWith(context, answerTo);
    const { choices, usage, chunks } = await readStream(started, { ...THREE, stream_options: { include_usage: true } });
    assert.deepEqual({ choices, usage }, { choices: CHOICES, usage: SUM });
    const speakers = chunks.flatMap(({ choices: [one] }) => (one?.delta.content ? [one.index] : []));
    assert.notDeepEqual(
      speakers,
      speakers.toSorted((left, right) => left - right),
      'none waits for the end of another',
    );
  });

  test('each count as a request where a key has a limit: all come in, or none', async (context) => {
    const service = await startService(context, { model: answerTo });
    const { key } = await service.ports.accounts.create({
      name: 'few',
      team: 'red',
      roles: ['client'],
      limits: { requestsPerMinute: 4 },
    });
    assert.equal((await call(service, 'POST', PATH, { key, json: { ...ASK, ...THREE } })).status, 200);
    const refused = await callJson<{ error: { code: string } }>(service, 'POST', PATH, {
      key,
      json: { ...ASK, ...THREE },
    });
    assert.deepEqual([refused.status, refused.body.error.code], [429, 'rate_limit_exceeded']);
    assert.equal(service.asked.length, 3);
  });
});

describe('one choice that fails', () => {
  const failing: readonly ModelEvent[] = [
    { type: 'error', code: 'backend_failed', message: 'lost', retryable: true },
    { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{}', complete: false },
    { type: 'finish', reason: 'abort' },
  ];
  for (const last of failing)
    test(`spoils all, and the engine is told to stop the others: ${JSON.stringify(last)}`, async (context) => {
      async function* model({ seed }: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
        yield { type: 'text', text: 'a' };
        if (seed === 0) await once(signal, 'abort');
        else {
          yield last;
          if (last.type === 'tool_call') yield { type: 'finish', reason: 'tool_calls' };
        }
      }
      const service = await startService(context, { model });
      const key = await service.key(['client']);
      const json = { ...ASK, n: 2, seed: 0 };
      assert.equal((await call(service, 'POST', PATH, { key, json })).status, 502);
      await assert.rejects(call(service, 'POST', PATH, { key, json: { ...json, stream: true } }), {
        code: 'ECONNRESET',
      });
      assert.deepEqual(
        service.asked.map(({ signal }) => signal.aborted),
        [true, true, true, true],
      );
    });
});

test('a client that leaves ends every choice', async (context) => {
  const engine = { running: 0 };
  async function* model(_: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    engine.running += 1;
    yield { type: 'text', text: 'a' };
    await once(signal, 'abort');
    engine.running -= 1;
  }
  const service = await startService(context, { model });
  const key = await service.key(['client']);
  const answer = await open(service, 'POST', PATH, { key, json: { ...ASK, n: 3, stream: true } });
  while (engine.running < 3) await new Promise((resolve) => setImmediate(resolve));
  answer.destroy();
  while (engine.running > 0) await new Promise((resolve) => setImmediate(resolve));
});
