// Rotation: a new key for the same account, both good for the overlap, and never two heirs of one key.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOUR, inScene, START } from './scene.ts';

const LIMITS = { requestsPerMinute: 5, models: ['a'] } as const;
const REQUEST = { name: 'ci', team: 'tools', roles: ['client'], limits: LIMITS } as const;

test('the new key is the same account with the same limits; the old one is good until the overlap is over', async () => {
  await inScene(async ({ accounts, clock }) => {
    const old = await accounts.create(REQUEST);
    assert.ok(await accounts.authenticate(old.key));
    const made = (await accounts.rotate(old.record.id, { overlapMs: 24 * HOUR })) ?? assert.fail();
    assert.notEqual(made.key, old.key);
    assert.deepEqual(made.record, {
      ...old.record,
      id: made.record.id,
      prefix: made.key.slice(0, 12),
      account: old.record.id,
    });
    const principal = { id: old.record.id, name: 'ci', team: 'tools', roles: ['client'], limits: LIMITS };
    clock.now += 24 * HOUR - 1;
    assert.deepEqual(await accounts.authenticate(old.key), principal);
    assert.deepEqual(await accounts.authenticate(made.key), principal);
    clock.now += 1;
    assert.equal(await accounts.authenticate(old.key), undefined);
    assert.deepEqual(await accounts.authenticate(made.key), principal);
  });
});

test('without an overlap the old key is out at once, although it was just seen', async () => {
  await inScene(async ({ accounts }) => {
    const old = await accounts.create(REQUEST);
    assert.ok(await accounts.authenticate(old.key));
    const made = (await accounts.rotate(old.record.id, { overlapMs: 0 })) ?? assert.fail();
    assert.equal(await accounts.authenticate(old.key), undefined);
    assert.ok(await accounts.authenticate(made.key));
  });
});

test('an overlap makes no key live longer, and the new one lives as long as the old one was made for, or as told', async () => {
  await inScene(async ({ accounts, clock }) => {
    const old = await accounts.create({ ...REQUEST, expiresAt: START + 10 * HOUR });
    clock.now += 9 * HOUR;
    const made = (await accounts.rotate(old.record.id, { overlapMs: 24 * HOUR })) ?? assert.fail();
    assert.equal(made.record.expiresAt, START + 19 * HOUR);
    clock.now += 1;
    const told = await accounts.rotate(made.record.id, { overlapMs: HOUR, expiresAt: START + 11 * HOUR });
    assert.equal(told?.record.expiresAt, START + 11 * HOUR);
    assert.deepEqual(
      (await accounts.list()).map(({ expiresAt }) => expiresAt),
      [START + 10 * HOUR, START + 10 * HOUR + 1, START + 11 * HOUR],
    );
  });
});

test('the third key of a line is still the account of the first', async () => {
  await inScene(async ({ accounts }) => {
    const first = await accounts.create(REQUEST);
    const second = (await accounts.rotate(first.record.id, { overlapMs: HOUR })) ?? assert.fail();
    const third = (await accounts.rotate(second.record.id, { overlapMs: HOUR })) ?? assert.fail();
    assert.equal(third.record.account, first.record.id);
    for (const { key } of [first, second, third]) assert.equal((await accounts.authenticate(key))?.id, first.record.id);
  });
});

test('a key that was rotated, revoked or has expired is not rotated; a heir that was revoked makes room for another', async () => {
  await inScene(async ({ accounts, clock }) => {
    const old = await accounts.create({ ...REQUEST, expiresAt: START + HOUR });
    const heir = (await accounts.rotate(old.record.id, { overlapMs: HOUR })) ?? assert.fail();
    const again = () => accounts.rotate(old.record.id, { overlapMs: HOUR });
    await assert.rejects(again(), { code: 'conflict' });
    await accounts.revoke(heir.record.id);
    await assert.rejects(accounts.rotate(heir.record.id, { overlapMs: HOUR }), { code: 'conflict' });
    assert.ok(await again());
    clock.now += HOUR;
    await assert.rejects(again(), { code: 'conflict' });
    assert.equal(await accounts.rotate('key_none', { overlapMs: HOUR }), undefined);
  });
});

test('revoking one key of a line leaves the others', async () => {
  await inScene(async ({ accounts }) => {
    const old = await accounts.create(REQUEST);
    const made = (await accounts.rotate(old.record.id, { overlapMs: HOUR })) ?? assert.fail();
    await accounts.revoke(old.record.id);
    assert.equal(await accounts.authenticate(old.key), undefined);
    assert.ok(await accounts.authenticate(made.key));
  });
});
