// What was used, over real HTTP: exact for answers that came whole, estimated and apart for those that were cut, and who sees it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageLine, UsageSums } from '../../src/contracts/accounts.ts';
import type { ChatRequest } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { callJson, open, readText } from './http.ts';
import { says } from './service.ts';
import { ANSWER, CHAT, type Door, NOON, obedientModel, startDoor, until, USAGE } from './admission/scene.ts';
import { seeded, upTo } from '../unit/tools/seeded.ts';

const PATH = '/v1/chat/completions';
const NOTHING: UsageSums = { requests: 0, promptTokens: 0, completionTokens: 0, cachedTokens: 0, gpuSeconds: 0 };

interface Report {
  readonly from: number;
  readonly to: number;
  readonly by: string;
  readonly usage: readonly UsageLine[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function usageOf({ service }: Door, key: string, query = ''): Promise<Report & { readonly status: number }> {
  const { status, body } = await callJson<Report>(service, 'GET', `/api/v1/usage${query}`, { key });
  return { status, ...body };
}

const ask = (door: Door, key: string, more: object = {}) =>
  callJson<{ error?: object }>(door.service, 'POST', PATH, { key, json: { ...CHAT, ...more } });

const exact = (requests: number): UsageSums => ({
  requests,
  promptTokens: 100 * requests,
  completionTokens: 20 * requests,
  cachedTokens: 60 * requests,
  gpuSeconds: 0,
});

test('whole answers count as the engine says, streamed or not, in each dialect', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const key = await door.key({});
  await ask(door, key);
  await readText(await open(door.service, 'POST', PATH, { key, json: { ...CHAT, stream: true } }));
  const message = { model: 'm', max_tokens: 10, messages: CHAT.messages };
  assert.equal((await callJson(door.service, 'POST', '/v1/messages', { key, json: message })).status, 200);
  const [record] = await door.accounts.list();
  const { from, to, by, usage } = await usageOf(door, key);
  assert.deepEqual(
    { from, to, by, usage },
    {
      from: NOON - 12 * 3_600_000 - 30_000,
      to: NOON + 60_000,
      by: 'key',
      usage: [{ of: record?.id, name: 'a', ...exact(3), estimated: NOTHING }],
    },
  );
});

test('what was cut is estimated and stands apart; what was refused is nothing', async (context) => {
  const cut: readonly ModelEvent[] = [{ type: 'text', text: 'x'.repeat(400) }];
  const answers: Record<string, readonly ModelEvent[]> = {
    whole: ANSWER,
    cut,
    silent: [
      { type: 'text', text: 'x'.repeat(40) },
      { type: 'finish', reason: 'stop' },
    ],
    refused: [{ type: 'error', code: 'backend_failed', message: 'broken', retryable: true }],
    aborted: [...cut, USAGE, { type: 'finish', reason: 'abort' }],
  };
  const door = await startDoor(context, {
    model: async function* model({ model }) {
      yield* answers[model] ?? [];
    },
  });
  const key = await door.key({});
  for (const model of Object.keys(answers)) await ask(door, key, { model });
  const guess = (promptTokens: number, completionTokens: number, cachedTokens = 0) => ({
    ...NOTHING,
    estimated: { requests: 1, promptTokens, completionTokens, cachedTokens, gpuSeconds: 0 },
  });
  assert.deepEqual((await usageOf(door, key, '?by=model')).usage, [
    { of: 'aborted', ...guess(100, 100, 60) },
    { of: 'cut', ...guess(1, 100) },
    { of: 'silent', ...guess(1, 10) },
    { of: 'whole', ...exact(1), estimated: NOTHING },
  ]);
});

test('a client that leaves in the middle leaves an estimate; one that leaves in the line leaves nothing', async (context) => {
  const { asked, model } = obedientModel();
  const door = await startDoor(context, { model, engine: { maxConcurrent: 1 } });
  const key = await door.key({});
  const first = await open(door.service, 'POST', PATH, { key, json: { ...CHAT, stream: true } });
  const gone = new AbortController();
  const second = open(door.service, 'POST', PATH, { key, json: CHAT, signal: gone.signal });
  await until(() => door.admission.lines()[0]?.waiting.length === 1);
  gone.abort();
  await assert.rejects(second);
  await until(() => door.admission.lines()[0]?.waiting.length === 0);
  door.clock.monotonic += 2000;
  first.destroy();
  await until(() => door.admission.lines()[0]?.running.length === 0);
  assert.equal(asked.length, 1);
  const [line] = (await usageOf(door, key)).usage;
  assert.deepEqual(line?.estimated, {
    requests: 1,
    promptTokens: 1,
    completionTokens: 2,
    cachedTokens: 0,
    gpuSeconds: 2,
  });
  assert.equal(line?.requests, 0);
});

test('a key sees its own; an auditor and an admin see all, by each view', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const [mine, other] = [await door.key({}, 'mine'), await door.key({}, 'other')];
  const [auditor, admin] = [await door.key({}, 'auditor', ['auditor']), await door.key({}, 'admin', ['admin'])];
  await ask(door, mine, { model: 'm1' });
  await ask(door, other, { model: 'm2' });
  const seen = async (key: string, by: string) => {
    const { usage } = await usageOf(door, key, `?by=${by}`);
    return usage.map(({ of, name, requests }) => `${name ?? of} ${requests}`).sort();
  };
  assert.deepEqual(await seen(mine, 'key'), ['mine 1']);
  assert.deepEqual(await seen(other, 'model'), ['m2 1']);
  assert.deepEqual(await seen(auditor, 'key'), ['mine 1', 'other 1']);
  assert.deepEqual(await seen(admin, 'team'), ['red 2']);
  assert.deepEqual(await seen(admin, 'model'), ['m1 1', 'm2 1']);
  assert.deepEqual(await seen(admin, 'day'), ['2026-01-31 2']);
  assert.deepEqual(await seen(admin, 'run'), []);
});

test('the time is given as dates or milliseconds, and what is none is refused by name', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const key = await door.key({});
  await ask(door, key);
  const count = async (query: string) => (await usageOf(door, key, query)).usage[0]?.requests;
  assert.equal(await count('?from=2026-01-31&to=2026-02-01'), 1);
  assert.equal(await count('?from=2026-01-31T12:01:00Z&to=2026-02-01'), undefined);
  assert.equal(await count(`?from=${NOON - 60_000}&to=${NOON + 60_000}`), 1);
  assert.equal(await count('?from=2026-01-30&to=2026-01-31'), undefined);
  const refusal = async (query: string) => {
    const { status, error } = await usageOf(door, key, query);
    return [status, error?.message];
  };
  const words = 'expected a date such as 2026-01-31, or milliseconds since 1970';
  assert.deepEqual(await refusal('?from=yesterday'), [400, `from: ${words}`]);
  assert.deepEqual(await refusal('?to=1e99'), [400, `to: ${words}`]);
  assert.deepEqual(await refusal('?from=99999999999999999999'), [400, `from: ${words}`]);
  assert.deepEqual(await refusal('?from=2026-02-01&to=2026-01-31'), [400, 'to: must be later than from']);
  assert.equal((await refusal('?by=price'))[0], 400);
});

test('usage outlives the service', async (context) => {
  const before = await startDoor(context, { model: says(...ANSWER) });
  const key = await before.key({});
  await ask(before, key);
  await before.stop();
  const after = await startDoor(context, { model: says(...ANSWER), directory: before.directory });
  await ask(after, key);
  assert.deepEqual((await usageOf(after, key)).usage[0]?.requests, 2);
});

test('what a run asks waits in the line as its owner, and counts for the run, its owner and the owner’s budget', async (context) => {
  const { asked, model } = obedientModel();
  const door = await startDoor(context, { model, engine: { maxConcurrent: 1 } });
  const key = await door.key({ dailyTokens: 200 });
  const [record] = await door.accounts.list();
  const stream = door.admission.forRuns(model, async (id) =>
    id === 'run_a' ? { owner: record?.id ?? '', team: 'red' } : undefined,
  );
  const first = ask(door, key);
  await until(() => asked.length === 1);
  const request: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }], affinity: 'run_a' };
  const heard: ModelEvent[] = [];
  const run = (async () => {
    for await (const event of stream(request, new AbortController().signal)) heard.push(event);
  })();
  await until(() => door.admission.lines()[0]?.waiting.length === 1);
  assert.equal(door.admission.lines()[0]?.waiting[0]?.key, record?.id);
  asked[0]?.finish();
  assert.equal((await first).status, 200);
  await until(() => asked.length === 2);
  asked[1]?.finish();
  await run;
  assert.deepEqual(heard, ANSWER);
  const sums = async (by: string) =>
    (await usageOf(door, key, `?by=${by}`)).usage.map(({ of, requests }) => [of, requests]);
  assert.deepEqual(await sums('run'), [['run_a', 1]]);
  assert.deepEqual(await sums('key'), [[record?.id, 2]]);
  assert.equal((await ask(door, key)).status, 429);
});

test('under clients that come, read and leave at random, usage is exact for those that read all, and no place is lost', async (context) => {
  const random = seeded(11);
  let finished = 0;
  const door = await startDoor(context, {
    engine: { maxConcurrent: 3 },
    model: async function* model(request, signal) {
      for (let word = 0; word < 5; word += 1) {
        yield { type: 'text', text: 'word ' };
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (signal.aborted) return;
      }
      if (request.model === 'broken') yield { type: 'error', code: 'backend_failed', message: 'x', retryable: true };
      else {
        finished += 1;
        yield* ANSWER.slice(1);
      }
    },
  });
  const keys = await Promise.all(['a', 'b', 'c'].map((name) => door.key({}, name)));
  let whole = 0;
  const client = async (number: number) => {
    const patience = random() < 0.4 ? upTo(random, 30) : undefined;
    const model = random() < 0.2 ? 'broken' : 'm';
    const key = keys[number % 3] ?? '';
    const signal = patience === undefined ? undefined : AbortSignal.timeout(patience);
    const options = { key, json: { ...CHAT, model, stream: true }, ...(signal === undefined ? {} : { signal }) };
    const text = await open(door.service, 'POST', PATH, options)
      .then(readText)
      .catch(() => '');
    if (text.endsWith('data: [DONE]\n\n')) whole += 1;
  };
  for (let round = 0; round < 5; round += 1)
    await Promise.all(Array.from({ length: 20 }, (_, number) => client(number)));
  await until(() => door.admission.lines()[0]?.running.length === 0);
  const admin = await door.key({}, 'admin', ['admin']);
  const [line] = (await usageOf(door, admin, '?by=team')).usage;
  // One that was whole at the engine may not have reached a client that had just left; nothing is read that was not whole.
  const { requests = 0, promptTokens, completionTokens } = line ?? {};
  assert.ok(whole > 20 && whole <= requests, `${whole} answers were read to their end`);
  assert.ok((line?.estimated.requests ?? 0) > 5, 'hardly any was cut');
  assert.equal(requests, finished);
  assert.deepEqual([promptTokens, completionTokens], [100 * requests, 20 * requests]);
  assert.deepEqual(door.admission.lines(), [{ engine: 'engine', running: [], waiting: [] }]);
});
