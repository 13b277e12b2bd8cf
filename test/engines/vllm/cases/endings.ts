// Owns the tests of streams that do not come to their end: who leaves, who is killed, who is told to stop. The last ones: the engine dies.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { chatBody, openai } from '../dialects.ts';
import { ask, EACH, eventsOf, type OnStage } from '../stage.ts';
import { playOf, toldBy } from '../told.ts';

const RUNNING = 'vllm:num_requests_running';
const SUCCESS = 'vllm:request_success_total';
const GONE_MS = 1000;
const GRACE_MS = 20_000;
const DEATH_MS = 30_000;
const RESTART_MS = 500_000;

export function testLeaving(on: OnStage): void {
  describe('when the one who asked has gone, the engine stops', () => {
    test('that asked the backend', EACH, async () => {
      await engineStops(on, async () => {
        const abort = new AbortController();
        const events: ModelEvent[] = [];
        for await (const event of on().backend.stream(ask('long'), abort.signal)) {
          events.push(event);
          if (events.length === 20) abort.abort();
        }
        assert.deepEqual(events.at(-1), {
          type: 'error',
          code: 'aborted',
          message: 'the request was aborted',
          retryable: false,
        });
      });
    });

    for (const stream of [true, false])
      test(`that asked the service, ${stream ? 'streamed' : 'whole'}`, EACH, async () => {
        await engineStops(on, async () => {
          const abort = new AbortController();
          const { url, key } = on().service;
          const asked = fetch(`${url}/v1/chat/completions`, {
            method: 'POST',
            headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
            body: JSON.stringify({ ...chatBody({ play: 'long' }), stream }),
            signal: abort.signal,
          });
          asked.catch(() => {});
          if (stream) await (await asked).body?.getReader().read();
          await until(async () => (await on().vllm.metric(RUNNING)) === 1, 10_000);
          abort.abort();
        });
      });
  });
}

export function testDeaths(on: OnStage): void {
  describe('when the engine dies in the middle', () => {
    test('killed: what came is no whole answer, and the service says so', EACH, async () => {
      const asked = Promise.all([endOf(on), clientEnd(on)]);
      await until(async () => (await on().vllm.metric(RUNNING)) === 2, 20_000);
      process.kill(on().vllm.engine() ?? 0, 'SIGKILL');
      const [event, client] = await asked;
      assert.equal(event?.type === 'error' && event.retryable, true, JSON.stringify(event));
      assert.equal(client, 'failed');
      // The server ends a moment after its engine.
      await until(async () => (await refusal(on)) === 'backend_unreachable', DEATH_MS);
    });

    test('and back: the next request is answered as before', { timeout: RESTART_MS }, async () => {
      await on().vllm.again();
      await until(async () => (await clientEnd(on, 'greeting')) === 'stop', 60_000);
      assert.deepEqual(toldBy(await eventsOf(on().backend, ask('weather'))), playOf('weather'));
    });

    // It breaks its answers off as a rule. It was also seen to send nothing more until it was killed.
    test('told to stop: what came is no whole answer', EACH, async () => {
      const asked = Promise.all([endOf(on), clientEnd(on)]);
      await until(async () => (await on().vllm.metric(RUNNING)) === 2, 20_000);
      const [[event, client]] = await Promise.all([asked, on().vllm.end(GRACE_MS)]);
      assert.equal(event?.type === 'error' && event.retryable, true, JSON.stringify(event));
      assert.equal(client, 'failed');
    });
  });
}

/** By its own count nothing runs any more, and nothing of it was finished. */
async function engineStops(on: OnStage, leave: () => Promise<void>): Promise<void> {
  const finished = await on().vllm.metric(SUCCESS);
  await leave();
  await until(async () => (await on().vllm.metric(RUNNING)) === 0, GONE_MS);
  await delay(200);
  assert.deepEqual([await on().vllm.metric(RUNNING), await on().vllm.metric(SUCCESS)], [0, finished]);
}

async function endOf(on: OnStage): Promise<ModelEvent | undefined> {
  return (await eventsOf(on().backend, ask('long'))).at(-1);
}

async function refusal(on: OnStage): Promise<string> {
  const [event] = await eventsOf(on().backend, ask('greeting'));
  return event?.type === 'error' && event.retryable ? event.code : 'an answer';
}

/** Why the stream ended as a client of the service sees it. */
async function clientEnd(on: OnStage, play: 'long' | 'greeting' = 'long'): Promise<string> {
  try {
    let end = 'cut';
    for await (const { choices } of await openai(on().service).chat.completions.create({
      ...chatBody({ play }),
      stream: true,
    }))
      end = choices[0]?.finish_reason ?? end;
    return end;
  } catch {
    return 'failed';
  }
}

async function until(is: () => Promise<boolean>, milliseconds: number): Promise<void> {
  for (const end = Date.now() + milliseconds; Date.now() < end; await delay(20)) if (await is()) return;
  assert.fail(`not within ${milliseconds} ms`);
}
