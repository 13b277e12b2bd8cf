// Keys: shown once, kept as hashes, good until they expire or are revoked.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { newKey } from '../../../src/accounts/key-text.ts';
import { type Accounts, createAccounts } from '../../../src/accounts/keys.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { isId } from '../../../src/base/ids.ts';
import { openWriter } from '../../../src/store/connection.ts';
import { openStore, type Store } from '../../../src/store/open.ts';
import { inDirectory, inStore } from '../store/scene.ts';

const START = 1_700_000_000_000;
const REQUEST = { name: 'laptop', team: 'tools', roles: ['client', 'author'] } as const;

/** After that a key is looked up again. */
const FORGOTTEN_MS = 6000;

interface Scene {
  readonly directory: string;
  readonly accounts: Accounts;
  readonly clock: { now: number };
  readonly reads: string[];
}

async function inScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const store = await openStore({ dataDir: directory, faults: noFaults });
    const reads: string[] = [];
    const watched: Store = {
      ...store,
      read: (name, args) => {
        reads.push(name);
        return store.read(name, args);
      },
    };
    const clock = { now: START };
    const accounts = createAccounts({ store: watched, clock: { now: () => clock.now, monotonic: () => clock.now } });
    try {
      await test({ directory, accounts, clock, reads });
    } finally {
      await store.close();
    }
  });
}

function change(directory: string, sql: string): void {
  const connection = openWriter(join(directory, 'caisson.db'));
  try {
    connection.exec(sql);
  } finally {
    connection.close();
  }
}

test('a new key comes with its record, and whoever has it is who it was made for', async () => {
  await inScene(async ({ accounts }) => {
    const { key, record } = await accounts.create(REQUEST);
    assert.ok(isId('key', record.id));
    assert.deepEqual(record, {
      id: record.id,
      name: 'laptop',
      team: 'tools',
      roles: ['client', 'author'],
      prefix: key.slice(0, 12),
      createdAt: START,
    });
    assert.deepEqual(await accounts.authenticate(key), {
      id: record.id,
      name: 'laptop',
      team: 'tools',
      roles: ['client', 'author'],
    });
  });
});

test('no file of the data directory holds a key', async () => {
  await inScene(async ({ accounts, directory }) => {
    const { key } = await accounts.create(REQUEST);
    await accounts.authenticate(key);
    const contents = await Promise.all(
      (await readdir(directory)).map(async (name) => (await readFile(join(directory, name))).toString('latin1')),
    );
    const holding = (text: string) => contents.filter((content) => content.includes(text)).length;
    assert.equal(holding(key.slice(0, 20)), 0);
    assert.ok(
      holding(key.slice(0, 12)) > 0,
      'the prefix, which is kept in clear, was not found: nothing was looked at',
    );
  });
});

test('a key that nobody made is nobody, and a mistyped one is not even looked up', async () => {
  await inScene(async ({ accounts, reads }) => {
    const { key } = await accounts.create(REQUEST);
    const swapped = key.slice(0, 10) + (key.charAt(10) === 'x' ? 'y' : 'x') + key.slice(11);
    for (const text of ['', 'csn_', swapped, `${key} `]) assert.equal(await accounts.authenticate(text), undefined);
    assert.deepEqual(reads, []);
    assert.equal(await accounts.authenticate(newKey()), undefined);
    assert.deepEqual(reads, ['findKey']);
  });
});

test('a key is good until the millisecond in which it expires', async () => {
  await inScene(async ({ accounts, clock }) => {
    const { key, record } = await accounts.create({ ...REQUEST, expiresAt: START + 1000 });
    assert.equal(record.expiresAt, START + 1000);
    clock.now += 999;
    assert.equal((await accounts.authenticate(key))?.id, record.id);
    clock.now += 1;
    assert.equal(await accounts.authenticate(key), undefined);
  });
});

test('a revoked key is nobody; revoking it again changes nothing; one that is not there is not revoked', async () => {
  await inScene(async ({ accounts, clock }) => {
    const [mine, other] = [await accounts.create(REQUEST), await accounts.create({ ...REQUEST, name: 'other' })];
    clock.now += 5;
    const revoked = { ...mine.record, revokedAt: START + 5 };
    assert.deepEqual(await accounts.revoke(mine.record.id), revoked);
    clock.now += 5;
    assert.deepEqual(await accounts.revoke(mine.record.id), revoked);
    assert.equal(await accounts.revoke('key_none'), undefined);
    assert.equal(await accounts.authenticate(mine.key), undefined);
    assert.equal((await accounts.authenticate(other.key))?.id, other.record.id);
  });
});

test('the list has every key, in the order they were made, also those that are over', async () => {
  await inScene(async ({ accounts, clock }) => {
    const records = [];
    for (const name of ['a', 'b', 'c']) {
      records.push((await accounts.create({ name, team: 't', roles: ['auditor'], expiresAt: START + 1 })).record);
      clock.now += 1;
    }
    const revoked = await accounts.revoke(records[1]?.id ?? '');
    assert.deepEqual(await accounts.list(), records.with(1, revoked ?? assert.fail()));
  });
});

test('keys outlive the service that made them', async () => {
  await inDirectory(async (directory) => {
    const clock = { now: () => START, monotonic: () => START };
    const first = await openStore({ dataDir: directory, faults: noFaults });
    const { key, record } = await createAccounts({ store: first, clock }).create(REQUEST);
    await first.close();
    const second = await openStore({ dataDir: directory, faults: noFaults });
    try {
      assert.equal((await createAccounts({ store: second, clock }).authenticate(key))?.id, record.id);
    } finally {
      await second.close();
    }
  });
});

test('a role that this version does not know gives nothing, and roles that are no list are refused', async () => {
  await inScene(async ({ accounts, directory, clock }) => {
    const { key } = await accounts.create(REQUEST);
    change(directory, `UPDATE keys SET roles = '["owner","auditor"]'`);
    assert.deepEqual((await accounts.authenticate(key))?.roles, ['auditor']);
    for (const roles of ['"admin"', 'admin', '{"admin":1}', '[1]']) {
      clock.now += FORGOTTEN_MS;
      change(directory, `UPDATE keys SET roles = '${roles}'`);
      await assert.rejects(accounts.authenticate(key), { code: 'data_dir_unusable' });
    }
  });
});

test('a key that was just seen is not looked up again for some seconds; one that is unknown is each time', async () => {
  await inScene(async ({ accounts, clock, reads }) => {
    const { key } = await accounts.create(REQUEST);
    for (let count = 0; count < 100; count += 1) assert.ok(await accounts.authenticate(key));
    assert.deepEqual(reads, ['findKey']);
    clock.now += FORGOTTEN_MS;
    assert.ok(await accounts.authenticate(key));
    assert.deepEqual(reads, ['findKey', 'findKey']);
    const nobody = newKey();
    await accounts.authenticate(nobody);
    await accounts.authenticate(nobody);
    assert.equal(reads.length, 4);
  });
});

test('a key that was seen a moment ago is out with its revocation', async () => {
  await inScene(async ({ accounts }) => {
    const { key, record } = await accounts.create(REQUEST);
    assert.ok(await accounts.authenticate(key));
    await accounts.revoke(record.id);
    assert.equal(await accounts.authenticate(key), undefined);
  });
});

test('a look-up that was under way during the revocation does not bring the key back', async () => {
  await inStore(async (store) => {
    let goOn = () => {};
    const slow = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const late: Store = {
      ...store,
      read: async (name, args) => {
        const found = await store.read(name, args);
        await slow;
        return found;
      },
    };
    const accounts = createAccounts({ store: late, clock: { now: () => START, monotonic: () => START } });
    const { key, record } = await accounts.create(REQUEST);
    const underWay = accounts.authenticate(key);
    // The reader has the row of before.
    await store.read('listKeys', {});
    await accounts.revoke(record.id);
    goOn();
    assert.equal((await underWay)?.id, record.id);
    assert.equal(await accounts.authenticate(key), undefined);
  });
});

test('a key that expires while it is remembered is out in that millisecond', async () => {
  await inScene(async ({ accounts, clock }) => {
    const { key } = await accounts.create({ ...REQUEST, expiresAt: START + 1000 });
    clock.now += 999;
    assert.ok(await accounts.authenticate(key));
    clock.now += 1;
    assert.equal(await accounts.authenticate(key), undefined);
  });
});

test('more keys than are remembered are all still good', async () => {
  await inScene(async ({ accounts, reads }) => {
    const made = await Promise.all(Array.from({ length: 1010 }, () => accounts.create(REQUEST)));
    for (const { key } of made) assert.ok(await accounts.authenticate(key));
    reads.length = 0;
    for (const { key } of made.slice(-1000)) await accounts.authenticate(key);
    assert.equal(reads.length, 0);
    await accounts.authenticate(made[0]?.key ?? '');
    assert.equal(reads.length, 1);
  });
});

test('limits come back with the key and its record as they were given', async () => {
  await inScene(async ({ accounts }) => {
    const limits = {
      models: ['qwen', 'team/*'],
      requestsPerMinute: 60,
      tokensPerMinute: 100_000,
      streams: 4,
      dailyTokens: 1_000_000,
      dailyGpuSeconds: 0.5,
      budget: 'soft',
      class: 'batch',
    } as const;
    const { key, record } = await accounts.create({ ...REQUEST, limits });
    assert.deepEqual(record.limits, limits);
    assert.deepEqual((await accounts.authenticate(key))?.limits, limits);
    assert.deepEqual(await accounts.list(), [record]);
  });
});
