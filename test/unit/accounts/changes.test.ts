// Keys that are changed: what is told is otherwise at once, what is not told stays, and what is over stays over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyChange } from '../../../src/contracts/accounts.ts';
import { HOUR, inScene, START } from './scene.ts';

const LIMITS = { models: ['a'], requestsPerMinute: 5, dailyTokens: 100 } as const;
const REQUEST = { name: 'ci', team: 'tools', roles: ['client'], limits: LIMITS } as const;

test('what is told is otherwise, null takes a limit away, the rest stays, and the changes are told with both sides', async () => {
  await inScene(async ({ accounts }) => {
    const { record } = await accounts.create(REQUEST);
    const limits = { models: ['a', 'b'], dailyTokens: null, streams: 2, requestsPerMinute: 5 };
    assert.deepEqual(await accounts.change(record.id, { expiresAt: START + HOUR, limits }), {
      record: { ...record, expiresAt: START + HOUR, limits: { models: ['a', 'b'], requestsPerMinute: 5, streams: 2 } },
      changes: [
        { name: 'models', from: ['a'], to: ['a', 'b'] },
        { name: 'dailyTokens', from: 100, to: null },
        { name: 'streams', from: null, to: 2 },
        { name: 'expiresAt', from: null, to: START + HOUR },
      ],
    });
  });
});

test('without its last limit a key has none, and without its end it has no end', async () => {
  await inScene(async ({ accounts }) => {
    const made = await accounts.create({ ...REQUEST, limits: { streams: 1 }, expiresAt: START + HOUR });
    const { limits: _limits, expiresAt: _expiresAt, ...bare } = made.record;
    const { id } = bare;
    assert.deepEqual((await accounts.change(id, { limits: { streams: null } }))?.record, {
      ...bare,
      expiresAt: START + HOUR,
    });
    assert.deepEqual((await accounts.change(id, { expiresAt: null }))?.record, bare);
    assert.deepEqual(await accounts.list(), [bare]);
    assert.equal((await accounts.authenticate(made.key))?.limits, undefined);
  });
});

test('a change that changes nothing tells no change', async () => {
  await inScene(async ({ accounts }) => {
    const { record } = await accounts.create(REQUEST);
    for (const change of [{}, { limits: {} }, { limits: LIMITS }, { limits: { streams: null } }, { expiresAt: null }])
      assert.deepEqual(await accounts.change(record.id, change), { record, changes: [] }, JSON.stringify(change));
  });
});

test('a key that was just seen has its new limits and its new end at once', async () => {
  await inScene(async ({ accounts, clock }) => {
    const { key, record } = await accounts.create(REQUEST);
    assert.deepEqual((await accounts.authenticate(key))?.limits, LIMITS);
    await accounts.change(record.id, { limits: { requestsPerMinute: 1 }, expiresAt: START + 1 });
    assert.deepEqual((await accounts.authenticate(key))?.limits, { ...LIMITS, requestsPerMinute: 1 });
    clock.now += 1;
    assert.equal(await accounts.authenticate(key), undefined);
  });
});

test('limits belong to the whole line of a key, the end to one key, and other keys are left alone', async () => {
  await inScene(async ({ accounts }) => {
    const [first, stranger] = [await accounts.create(REQUEST), await accounts.create(REQUEST)];
    const second = (await accounts.rotate(first.record.id, { overlapMs: 2 * HOUR })) ?? assert.fail();
    await accounts.change(second.record.id, { limits: { streams: 3 }, expiresAt: START + HOUR });
    const limits = { ...LIMITS, streams: 3 };
    assert.deepEqual(
      (await accounts.list()).map(({ id, limits, expiresAt }) => ({ id, limits, expiresAt })),
      [
        { id: first.record.id, limits, expiresAt: START + 2 * HOUR },
        { id: stranger.record.id, limits: LIMITS, expiresAt: undefined },
        { id: second.record.id, limits, expiresAt: START + HOUR },
      ].toSorted((one, other) => (one.id < other.id ? -1 : 1)),
    );
    assert.deepEqual((await accounts.authenticate(first.key))?.limits, limits);
  });
});

test('a key that was revoked or has expired is not changed, and one that is not there is told as that', async () => {
  await inScene(async ({ accounts, clock }) => {
    const [revoked, expired] = [await accounts.create(REQUEST), await accounts.create(REQUEST)];
    await accounts.revoke(revoked.record.id);
    await accounts.change(expired.record.id, { expiresAt: START + 1 });
    clock.now += 1;
    const before = await accounts.list();
    const change: KeyChange = { expiresAt: null, limits: { dailyTokens: null } };
    for (const { record } of [revoked, expired])
      await assert.rejects(accounts.change(record.id, change), {
        code: 'conflict',
        message: `key ${record.id} is over`,
      });
    assert.deepEqual(await accounts.list(), before);
    assert.equal(await accounts.change('key_none', change), undefined);
  });
});

test('two changes at the same time both hold', async () => {
  await inScene(async ({ accounts }) => {
    const { record } = await accounts.create(REQUEST);
    const wishes = [{ streams: 2 }, { requestsPerMinute: null }, { tokensPerMinute: 7 }];
    await Promise.all(wishes.map((limits) => accounts.change(record.id, { limits })));
    const [now] = await accounts.list();
    assert.deepEqual(now?.limits, { models: ['a'], dailyTokens: 100, streams: 2, tokensPerMinute: 7 });
  });
});
