// Owns the tests of what a request may ask for beyond an answer, and of what the engine refuses. Knows no trap and no death.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOpenAIBackend } from '../../../../src/backends/openai/backend.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { LIMITS } from '../../../../src/base/limits.ts';
import type { ChatRequest } from '../../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { openai } from '../dialects.ts';
import { cueFor } from '../plays.ts';
import { CONTEXT, MODEL } from '../server.ts';
import { ask, EACH, eventsOf, type OnStage } from '../stage.ts';
import { jsonOr, playOf, toldBy } from '../told.ts';

const OFF: Partial<ChatRequest> = { thinking: { enabled: false } };

export function testWishes(on: OnStage): void {
  const events = (request: ChatRequest) => eventsOf(on().backend, request);
  const told = async (request: ChatRequest) => toldBy(await events(request));

  describe('thinking', () => {
    for (const [how, thinking] of [
      ['is off where the request says so', { enabled: false }],
      ['is off for the effort none', { effort: 'none' }],
    ] as const)
      test(how, EACH, async () => {
        assert.deepEqual(await told(ask('weather', { thinking })), { ...playOf('weather'), thinking: '' });
      });

    test('ends with its budget, and the answer is whole', EACH, async () => {
      const { thinking, ...answer } = playOf('weather');
      const short = await told(ask('weather', { thinking: { enabled: true, budgetTokens: 3 } }));
      assert.ok(thinking.startsWith(short.thinking) && short.thinking.length < thinking.length / 2, short.thinking);
      assert.deepEqual({ ...answer, thinking: '' }, { ...short, thinking: '' });
    });

    test('is counted', EACH, async () => {
      const usage = (await events(ask('musing'))).findLast((event) => event.type === 'usage');
      assert.ok((usage?.reasoningTokens ?? 0) > 3, JSON.stringify(usage));
    });
  });

  test(
    'an answer of nothing but thinking comes once, also where the engine is told to send no empty text',
    EACH,
    async () => {
      const forced = ask('musing', { extra: { chat_template_kwargs: { force_nonempty_content: true } } });
      assert.deepEqual(await told(forced), playOf('musing'));
    },
  );

  test('log-probabilities of each token, with as many others as were asked for', EACH, async () => {
    const found = (await events(ask('greeting', { logprobs: 2 }))).flatMap((event) =>
      event.type === 'logprobs' ? event.tokens : [],
    );
    assert.ok(found.length > 10, String(found.length));
    for (const { logprob, top } of found) assert.deepEqual([logprob <= 0, top.length], [true, 2]);
    assert.equal(
      found
        .map(({ token }) => token)
        .join('')
        .includes('Hello!'),
      true,
    );
  });

  test('the text that ends an answer is named and left out', EACH, async () => {
    const all = await events(ask('greeting', { stop: ['= 7'], ...OFF }));
    assert.deepEqual(all.at(-1), { type: 'finish', reason: 'stop', stop: '= 7' });
    assert.equal(toldBy(all).text, 'Hello! 3 + 4');
  });

  test('JSON after a schema', EACH, async () => {
    const schema = {
      type: 'object',
      properties: { size: { enum: ['small', 'large'] }, ready: { type: 'boolean' } },
      required: ['size', 'ready'],
      additionalProperties: false,
    };
    const request = ask('greeting', {
      tools: [],
      responseFormat: { type: 'json_schema', name: 'box', schema },
      ...OFF,
    });
    const { text, end } = await told(request);
    const { size, ready } = jsonOr(text) as { size: string; ready: boolean };
    assert.deepEqual([['small', 'large'].includes(size), typeof ready, end], [true, 'boolean', 'stop'], text);
  });

  test('one of the tools because the request says so', EACH, async () => {
    const { calls } = await told(ask('greeting', { toolChoice: { name: 'read_file' }, maxTokens: 40, ...OFF }));
    assert.deepEqual(
      calls.map(({ name }) => name),
      ['read_file'],
    );
  });

  test('prompts with the same salt share the cache, others do not', EACH, async () => {
    const words = `${Date.now()} ${'word '.repeat(500)}`;
    const messages = [{ role: 'user' as const, content: cueFor('greeting', words) }];
    const cached = async (salt: string) => {
      const all = await events(ask('greeting', { messages, tools: [], extra: { cache_salt: salt } }));
      return (all.findLast((event) => event.type === 'usage')?.cachedTokens ?? 0) > 0;
    };
    assert.deepEqual(
      [await cached('a1'), await cached('b2'), await cached('a1'), await cached('b2')],
      [false, false, true, true],
    );
  });

  test('teams share no cache where the engine is told of them, and what can wait is answered too', EACH, async () => {
    const messages = [{ role: 'user' as const, content: cueFor('greeting', `${Date.now()} ${'word '.repeat(500)}`) }];
    const backend = createOpenAIBackend({
      name: 'vllm',
      url: on().vllm.url,
      limits: LIMITS,
      clock: systemClock,
      teamCaches: true,
    });
    const cached = async (team: string) => {
      const all = await eventsOf(backend, ask('greeting', { messages, tools: [], team, background: true }));
      assert.deepEqual(toldBy(all), playOf('greeting'));
      return (all.findLast((event) => event.type === 'usage')?.cachedTokens ?? 0) > 0;
    };
    assert.deepEqual([await cached('red'), await cached('blue'), await cached('red')], [false, false, true]);
  });

  test('a text to go on with', EACH, async () => {
    const prompt = '<|im_start|>assistant\n<think>\n<|cue:greeting:0:on|>';
    const all: ModelEvent[] = [];
    const request = { model: MODEL, messages: [{ role: 'user' as const, content: prompt }], maxTokens: 100 };
    const stream = on().backend.complete?.(request, AbortSignal.timeout(20_000));
    assert.ok(stream !== undefined);
    for await (const event of stream) all.push(event);
    assert.deepEqual(toldBy(all), {
      thinking: '',
      text: `${playOf('greeting').thinking}\n</think>\n\n${playOf('greeting').text}`,
      calls: [],
      end: 'stop',
    });
  });

  describe('what the engine refuses is told in words', () => {
    test('a conversation that is longer than the window', EACH, async () => {
      const messages = [{ role: 'user' as const, content: cueFor('greeting', 'word '.repeat(CONTEXT * 2)) }];
      const all = await events(ask('greeting', { messages }));
      assert.deepEqual(
        all.map((event) => (event.type === 'error' ? [event.code, event.retryable] : event)),
        [['context_exceeded', false]],
      );
      const refused = await openai(on().service)
        .chat.completions.create({
          model: MODEL,
          messages: [{ role: 'user', content: 'word '.repeat(CONTEXT * 2) }],
          stream: true,
        })
        .then(
          () => undefined,
          (error: { status?: number; code?: string }) => [error.status, error.code],
        );
      assert.deepEqual(refused, [400, 'context_length_exceeded']);
    });

    test('a limit that does not fit beside the prompt is left out', EACH, async () => {
      assert.deepEqual(await told(ask('greeting', { maxTokens: CONTEXT * 4 })), playOf('greeting'));
    });

    test('a model that is not served, with the names of those that are', EACH, async () => {
      const [event] = await events({ ...ask('greeting'), model: 'other' });
      assert.ok(event?.type === 'error');
      assert.equal(event.code, 'model_not_found');
      assert.match(event.message, /served are: nemotron-scripted$/);
    });

    test('vectors of texts', EACH, async () => {
      const answer = await on().backend.embed?.(
        { model: MODEL, input: ['a'], base64: false },
        AbortSignal.timeout(10_000),
      );
      assert.deepEqual(answer, {
        type: 'error',
        code: 'not_supported',
        message: 'the engine of this model has no embeddings',
        retryable: false,
      });
    });
  });
}
