// Limits of keys over real HTTP: their headers, their refusals in each dialect's shape, and what a restart leaves of them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IncomingHttpHeaders } from 'node:http';
import { call, callJson, open, readText } from '../http.ts';
import { says } from '../service.ts';
import { ANSWER, CHAT, type Door, obedientModel, startDoor, until } from './scene.ts';

const CHAT_PATH = '/v1/chat/completions';

interface Refusal {
  readonly error: { readonly message: string; readonly type: string; readonly param: unknown; readonly code: string };
}

function limitHeaders(headers: IncomingHttpHeaders): object {
  const names = Object.keys(headers).filter((name) => /^(?:x-ratelimit|x-caisson|retry-after)/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, headers[name]]));
}

function chat({ service }: Door, key: string, more: object = {}, headers: Record<string, string> = {}) {
  return callJson<Refusal>(service, 'POST', CHAT_PATH, { key, json: { ...CHAT, ...more }, headers });
}

test('a key without limits has no header of limits', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const { status, headers } = await chat(door, await door.key({}));
  assert.deepEqual([status, limitHeaders(headers)], [200, {}]);
});

test('the headers count down on every answer: whole, streamed, and failed by the engine', async (context) => {
  let fails = false;
  const door = await startDoor(context, {
    model: async function* model() {
      if (fails) yield { type: 'error', code: 'backend_failed', message: 'broken', retryable: true };
      else yield* ANSWER;
    },
  });
  const key = await door.key({ requestsPerMinute: 100, tokensPerMinute: 1000 });
  const headers = (requests: number, tokens: number, reset: string) => ({
    'x-ratelimit-limit-requests': '100',
    'x-ratelimit-limit-tokens': '1000',
    'x-ratelimit-remaining-requests': String(requests),
    'x-ratelimit-remaining-tokens': String(tokens),
    'x-ratelimit-reset-requests': '1m0s',
    'x-ratelimit-reset-tokens': reset,
  });
  const whole = await chat(door, key);
  assert.deepEqual([whole.status, limitHeaders(whole.headers)], [200, headers(99, 999, '0ms')]);
  door.clock.monotonic += 5000;
  const streamed = await open(door.service, 'POST', CHAT_PATH, { key, json: { ...CHAT, stream: true } });
  assert.match(await readText(streamed), /data: \[DONE\]\n\n$/);
  assert.deepEqual([streamed.statusCode, limitHeaders(streamed.headers)], [200, headers(98, 879, '55s')]);
  fails = true;
  const failed = await chat(door, key);
  assert.deepEqual([failed.status, limitHeaders(failed.headers)], [502, headers(97, 759, '1m0s')]);
});

test('over its requests a key is told 429 and when to come again, the engine is not asked, and then it may', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const key = await door.key({ requestsPerMinute: 1 });
  assert.equal((await chat(door, key)).status, 200);
  door.clock.monotonic += 18_000;
  for (const stream of [false, true]) {
    const { status, headers, body } = await chat(door, key, { stream });
    assert.deepEqual(
      { status, headers: limitHeaders(headers), body },
      {
        status: 429,
        headers: {
          'retry-after': '42',
          'x-ratelimit-limit-requests': '1',
          'x-ratelimit-remaining-requests': '0',
          'x-ratelimit-reset-requests': '42s',
        },
        body: {
          error: {
            message: 'this key may send 1 requests a minute',
            type: 'rate_limit_error',
            param: null,
            code: 'rate_limit_exceeded',
          },
        },
      },
    );
  }
  assert.equal(door.service.asked.length, 1);
  door.clock.monotonic += 42_000;
  assert.equal((await chat(door, key)).status, 200);
});

test('Anthropic’s clients are told in their own shape', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const key = await door.key({ requestsPerMinute: 1 });
  await chat(door, key);
  const message = await callJson<{ type: string; error: { type: string } }>(door.service, 'POST', '/v1/messages', {
    headers: { 'x-api-key': key },
    json: { model: 'm', max_tokens: 10, messages: CHAT.messages },
  });
  assert.deepEqual(
    [message.status, message.headers['retry-after'], message.body.type, message.body.error.type],
    [429, '60', 'error', 'rate_limit_error'],
  );
});

test('a key may have so many requests at once; each that ends, however it ends, makes room', async (context) => {
  const { asked, model } = obedientModel();
  const door = await startDoor(context, { model });
  const key = await door.key({ streams: 2 });
  const start = () => open(door.service, 'POST', CHAT_PATH, { key, json: { ...CHAT, stream: true } });
  const [first, second] = [await start(), await start()];
  const third = await chat(door, key);
  assert.deepEqual(
    [third.status, third.headers['retry-after'], third.body.error.code],
    [429, '1', 'rate_limit_exceeded'],
  );
  asked[0]?.finish();
  assert.match(await readText(first), /\[DONE\]/);
  const fourth = await start();
  assert.equal(fourth.statusCode, 200);
  second.destroy();
  await until(() => asked[1]?.signal.aborted === true);
  await until(async () => {
    const answer = await start();
    const isIn = answer.statusCode === 200;
    if (!isIn) answer.resume();
    return isIn;
  });
  assert.equal((await chat(door, key)).status, 429);
});

test('a hard budget ends with 429 until midnight; a soft one with a warning on each answer', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const [hard, soft] = [
    await door.key({ dailyTokens: 100 }, 'hard'),
    await door.key({ dailyTokens: 100, budget: 'soft' }, 'soft'),
  ];
  for (const key of [hard, soft]) assert.deepEqual(limitHeaders((await chat(door, key)).headers), {});
  const refused = await chat(door, hard);
  assert.deepEqual(
    { status: refused.status, headers: limitHeaders(refused.headers), error: refused.body.error },
    {
      status: 429,
      headers: { 'retry-after': '43170' },
      error: {
        message: 'the budget of this key is used up: 120 of 100 tokens today',
        type: 'rate_limit_error',
        param: null,
        code: 'budget_exceeded',
      },
    },
  );
  const warned = await chat(door, soft);
  assert.deepEqual(
    [warned.status, limitHeaders(warned.headers)],
    [200, { 'x-caisson-budget-warning': '120 of 100 tokens today' }],
  );
  const streamed = await open(door.service, 'POST', CHAT_PATH, { key: soft, json: { ...CHAT, stream: true } });
  streamed.resume();
  assert.deepEqual(limitHeaders(streamed.headers), { 'x-caisson-budget-warning': '240 of 100 tokens today' });
});

test('GPU seconds of a budget are the time at the engine, shared by those that run at once', async (context) => {
  const { asked, model } = obedientModel();
  const door = await startDoor(context, { model, engine: { gpus: 2 } });
  const key = await door.key({ dailyGpuSeconds: 6 });
  const [first, second] = [chat(door, key), chat(door, key)];
  await until(() => asked.length === 2);
  door.clock.monotonic += 3000;
  for (const { finish } of asked) finish();
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
  const { status, body } = await chat(door, key);
  assert.deepEqual(
    [status, body.error.message],
    [429, 'the budget of this key is used up: 6.0 of 6 GPU seconds today'],
  );
});

test('a model that a key may not use is refused by name, before the engine is asked', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const key = await door.key({ models: ['small', 'team/*'] });
  assert.equal((await chat(door, key, { model: 'team/x' })).status, 200);
  const { status, body } = await chat(door, key, { model: 'large' });
  assert.deepEqual(
    [status, body.error],
    [
      403,
      {
        message: 'this key may not use the model "large"',
        type: 'permission_error',
        param: 'model',
        code: 'forbidden',
      },
    ],
  );
  assert.equal(door.service.asked.length, 1);
});

test('a class that is none is refused with the name of its header', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const key = await door.key({});
  const { status, body } = await chat(door, key, {}, { 'x-caisson-class': 'urgent' });
  assert.deepEqual(
    [status, body.error.message, body.error.param],
    [400, 'x-caisson-class: expected interactive or batch', 'x-caisson-class'],
  );
  assert.equal((await chat(door, key, {}, { 'x-caisson-class': 'batch' })).status, 200);
});

describe('a restart', () => {
  test('leaves a key the limits of its minute and of its day', async (context) => {
    const limits = { requestsPerMinute: 2, dailyTokens: 1000 };
    const before = await startDoor(context, { model: says(...ANSWER) });
    const key = await before.key(limits);
    const other = await before.key({ dailyTokens: 240 }, 'other');
    for (const one of [key, key, other, other]) assert.equal((await chat(before, one)).status, 200);
    await before.stop();
    const { directory, clock } = before;
    const after = await startDoor(context, { model: says(...ANSWER), directory, clock: { ...clock, monotonic: 0 } });
    const codeOf = async (one: string) => (await chat(after, one)).body.error?.code;
    assert.deepEqual([await codeOf(key), await codeOf(other)], ['rate_limit_exceeded', 'budget_exceeded']);
    after.clock.now += 60_000;
    after.clock.monotonic += 60_000;
    assert.deepEqual([await codeOf(key), await codeOf(other)], [undefined, 'budget_exceeded']);
  });
});

test('a rotated key and the new one share their limits, and the old one is out when the overlap is over', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const old = await door.accounts.create({
    name: 'a',
    team: 'red',
    roles: ['client'],
    limits: { requestsPerMinute: 3, dailyTokens: 100_000 },
  });
  const admin = await door.key({}, 'admin', ['admin']);
  await chat(door, old.key);
  const rotated = await callJson<{ key: string; record: { account: string } }>(
    door.service,
    'POST',
    `/api/v1/keys/${old.record.id}/rotate`,
    { key: admin, json: { overlapMs: 10_000 } },
  );
  assert.deepEqual([rotated.status, rotated.body.record.account], [201, old.record.id]);
  const statuses = [];
  for (const key of [rotated.body.key, old.key, rotated.body.key, old.key])
    statuses.push((await chat(door, key)).status);
  assert.deepEqual(statuses, [200, 200, 429, 429]);
  door.clock.now += 60_000;
  door.clock.monotonic += 60_000;
  assert.deepEqual([(await chat(door, old.key)).status, (await chat(door, rotated.body.key)).status], [401, 200]);
});

test('rotation of what is not there, was rotated, or with a wrong overlap is refused', async (context) => {
  const door = await startDoor(context);
  const admin = await door.key({}, 'admin', ['admin']);
  const { record } = await door.accounts.create({ name: 'a', team: 'red', roles: ['client'] });
  const rotate = async (id: string, json: object) => {
    const path = `/api/v1/keys/${id}/rotate`;
    const { status, body } = await callJson<Refusal>(door.service, 'POST', path, { key: admin, json });
    return [status, body.error?.code, body.error?.message];
  };
  assert.deepEqual(await rotate('key_none', {}), [404, 'not_found', 'there is no key key_none']);
  assert.deepEqual((await rotate(record.id, { overlapMs: -1 })).slice(0, 2), [400, 'invalid_input']);
  assert.deepEqual((await rotate(record.id, { overlapMs: 31 * 86_400_000 })).slice(0, 2), [400, 'invalid_input']);
  assert.deepEqual(await rotate(record.id, { expiresAt: 1 }), [
    400,
    'invalid_input',
    'the key would have expired already',
  ]);
  assert.deepEqual(await rotate(record.id, {}), [201, undefined, undefined]);
  assert.deepEqual((await rotate(record.id, {})).slice(0, 2), [409, 'conflict']);
});

test('a key is made with its limits; limits that are none are refused with their path', async (context) => {
  const door = await startDoor(context);
  const admin = await door.key({}, 'admin', ['admin']);
  const make = (limits: unknown) =>
    callJson<Refusal & { record: { limits: unknown } }>(door.service, 'POST', '/api/v1/keys', {
      key: admin,
      json: { name: 'b', roles: ['client'], limits },
    });
  const limits = { models: ['m*'], requestsPerMinute: 5, dailyGpuSeconds: 1.5, budget: 'soft', class: 'batch' };
  assert.deepEqual((await make(limits)).body.record.limits, limits);
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ requestsPerMinute: 0 }, /^limits\.requestsPerMinute: /],
    [{ tokensPerMinute: 1.5 }, /^limits\.tokensPerMinute: /],
    [{ models: [] }, /^limits\.models: /],
    [{ budget: 'none' }, /^limits\.budget: /],
    [{ rpm: 5 }, /^limits: .*rpm/],
  ];
  for (const [given, message] of wrong) {
    const { status, body } = await make(given);
    assert.equal(status, 400);
    assert.match(body.error.message, message);
  }
});

test('a revoked key is refused at once, although it was used a moment ago', async (context) => {
  const door = await startDoor(context, { model: says(...ANSWER) });
  const admin = await door.key({}, 'admin', ['admin']);
  const { key, record } = await door.accounts.create({ name: 'a', team: 'red', roles: ['client'] });
  assert.equal((await chat(door, key)).status, 200);
  await call(door.service, 'POST', `/api/v1/keys/${record.id}/revoke`, { key: admin, json: {} });
  assert.equal((await chat(door, key)).status, 401);
});

test('a way to the engine without events waits, is counted and gives its place back in the same manner', async (context) => {
  const door = await startDoor(context, { engine: { maxConcurrent: 1 } });
  const [principal] = [await door.accounts.authenticate(await door.key({ tokensPerMinute: 1000 }))];
  assert.ok(principal);
  const admit = async () => {
    const admitted = await door.admission.admit({ principal, model: 'm', promptTokens: 10 });
    return admitted.ok ? admitted.pass : assert.fail(admitted.error.message);
  };
  const [first, second, third] = [await admit(), await admit(), await admit()];
  const { signal } = new AbortController();
  assert.equal(await first.enter(signal), undefined);
  const waits = second.enter(signal);
  const gone = third.enter(AbortSignal.abort());
  assert.equal((await gone)?.code, 'aborted');
  first.used({ exact: true, promptTokens: 500, completionTokens: 80, cachedTokens: 0 });
  first.close();
  first.close();
  assert.equal(await waits, undefined);
  for (const pass of [second, third]) pass.close();
  const now = door.clock.now;
  const [line] = await door.admission.usage({ by: 'key', from: now - 60_000, to: now + 60_000 });
  assert.deepEqual([line?.requests, line?.promptTokens, line?.completionTokens], [1, 500, 80]);
  const last = await door.admission.admit({ principal, model: 'm', promptTokens: 10 });
  assert.deepEqual(last.headers, {
    'x-ratelimit-limit-tokens': '1000',
    'x-ratelimit-remaining-tokens': '410',
    'x-ratelimit-reset-tokens': '1m0s',
  });
  assert.deepEqual(door.admission.lines(), [{ engine: 'engine', running: [], waiting: [] }]);
});
