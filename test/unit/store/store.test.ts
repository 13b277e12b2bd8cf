// What the store promises: writes are durable when they resolve, fail alone, share commits, and are seen by every read after.
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { CaissonError } from '../../../src/base/errors.ts';
import { openStore, openStoreReadOnly } from '../../../src/store/open.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { sha256 } from '../../../src/base/hash.ts';
import { appendRow, inDirectory, inStore, readChain, row } from './scene.ts';

/** Sends an operation that the types forbid, as a defect of a caller would. */
type Untyped = {
  write(name: string, args: unknown): Promise<unknown>;
  read(name: string, args: unknown): Promise<unknown>;
};

test('a write is seen by every read after it', async () => {
  await inStore(async (store) => {
    for (let seq = 1; seq <= 20; seq += 1) {
      await appendRow(store, row('a', seq));
      assert.equal((await readChain(store, 'a')).length, seq);
    }
  });
});

test('writes are made in the order of their calls', async () => {
  await inStore(async (store) => {
    await Promise.all(Array.from({ length: 100 }, (_, index) => appendRow(store, row('a', index + 1))));
    assert.equal((await readChain(store, 'a')).length, 100);
  });
});

test('writes that wait share one transaction', async () => {
  const places: string[] = [];
  await inStore(
    async (store) => {
      await Promise.all(Array.from({ length: 500 }, (_, index) => appendRow(store, row('a', index + 1))));
    },
    (place) => places.push(place),
  );
  assert.ok(places.length <= 6, places.join(' '));
  assert.deepEqual(places.slice(0, 2), ['before:store.commit', 'after:store.commit']);
});

test('a write that fails in a shared transaction fails alone and leaves nothing', async () => {
  await inStore(async (store) => {
    const text = 'content of a failed write';
    const results = await Promise.allSettled([
      appendRow(store, row('a', 1)),
      appendRow(store, row('a', 1), text),
      appendRow(store, row('b', 7)),
      appendRow(store, row('a', 2)),
    ]);
    const codes = results.map((result) => (result.status === 'rejected' ? (result.reason as CaissonError).code : 'ok'));
    assert.deepEqual(codes, ['ok', 'internal', 'conflict', 'ok']);
    assert.deepEqual(await readChain(store, 'a'), [1, 2]);
    assert.equal(await store.read('readContent', { hash: sha256(text) }), undefined);
  });
});

test('a write with mistaken arguments rejects alone: of a wrong shape, not plain data, or with an unknown name', async () => {
  await inStore(async (store) => {
    const untyped: Untyped = store;
    const good = appendRow(store, row('a', 1));
    await assert.rejects(untyped.write('appendEvents', { rows: 'none' }), { code: 'internal' });
    await assert.rejects(untyped.write('appendEvents', { rows: [() => {}] }), {
      code: 'internal',
      message: /not plain data/,
    });
    await assert.rejects(untyped.write('dropAll', {}), { code: 'internal', message: /no write dropAll/ });
    await assert.rejects(untyped.write('constructor', {}), { code: 'internal', message: /no write constructor/ });
    await assert.rejects(untyped.read('appendEvents', {}), { code: 'internal', message: /no read appendEvents/ });
    await good;
    assert.deepEqual(await readChain(store, 'a'), [1]);
  });
});

test('a table takes no value of another type', async () => {
  await inStore(async (store) => {
    const wrong = { ...row('a', 1), time: 1.5 };
    await assert.rejects(appendRow(store, wrong), { code: 'internal', message: /SQLITE_CONSTRAINT/ });
  });
});

test('a side file is in place when the write that asked for it resolves, and belongs to its owner alone', async () => {
  await inStore(async (store, directory) => {
    for (const text of ['one', 'a longer two', '3']) {
      const seq = (await readChain(store, 'a')).length + 1;
      await appendRow(store, row('a', seq), undefined, { name: 'side', text });
      assert.equal(await readFile(join(directory, 'side'), 'utf8'), text);
    }
    assert.equal((await stat(join(directory, 'side'))).mode & 0o777, 0o600);
    assert.equal((await readdir(directory)).includes('side.new'), false);
  });
});

test('of the side files of one transaction the last one that succeeded is in place', async () => {
  await inStore(async (store, directory) => {
    const side = (text: string) => ({ name: 'side', text });
    await Promise.allSettled([
      appendRow(store, row('a', 1), undefined, side('first')),
      appendRow(store, row('a', 2), undefined, side('second')),
      appendRow(store, row('a', 9), undefined, side('of a failed write')),
    ]);
    assert.equal(await readFile(join(directory, 'side'), 'utf8'), 'second');
  });
});

test('a side file that cannot be written undoes what asked for it', async () => {
  await inStore(async (store) => {
    const side = { name: 'no/such/directory', text: 'x' };
    await assert.rejects(appendRow(store, row('a', 1), undefined, side), { code: 'data_dir_unusable' });
    assert.deepEqual(await readChain(store, 'a'), []);
    await appendRow(store, row('a', 1));
  });
});

test('fault points are passed in order, on the calling thread, while the writer stands still', async () => {
  const places: string[] = [];
  await inStore(
    async (store, directory) => {
      await appendRow(store, row('a', 1), undefined, { name: 'side', text: 'x' });
      await store.write('chainTails', { chains: ['a'] });
      await appendRow(store, row('a', 2));
      assert.equal(await readFile(join(directory, 'side'), 'utf8'), 'x');
    },
    (place) => places.push(place),
  );
  assert.deepEqual(places, [
    'before:store.commit',
    'after:store.commit',
    'after:store.head',
    'before:store.commit',
    'after:store.commit',
  ]);
});

test('closing lets what was called finish, removes the log, and rejects what comes later', async () => {
  await inDirectory(async (directory) => {
    const store = await openStore({ dataDir: directory, faults: noFaults });
    const writes = Array.from({ length: 50 }, (_, index) => appendRow(store, row('a', index + 1)));
    await store.close();
    await Promise.all(writes);
    await store.close();
    await assert.rejects(appendRow(store, row('a', 51)), { code: 'internal', message: /closed/ });
    await assert.rejects(readChain(store, 'a'), { code: 'internal', message: /closed/ });
    assert.deepEqual((await readdir(directory)).sort(), ['caisson.db', 'lock', 'lock.owner']);
    const db = new Database(join(directory, 'caisson.db'), { readonly: true });
    assert.deepEqual(db.prepare('SELECT count(*) AS n FROM events').get(), { n: 50 });
    db.close();
  });
});

test('the database is in the modes that make an acknowledged write survive a power loss', async () => {
  await inStore(async (store, directory) => {
    await appendRow(store, row('a', 1));
    const db = new Database(join(directory, 'caisson.db'), { readonly: true });
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    const strict = db.prepare(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict`,
    );
    assert.deepEqual(strict.pluck().all(), ['sqlite_schema']);
    db.close();
  });
});

test('a store that is open only to be read takes no write, and a reader that was never started needs no closing', async () => {
  await inDirectory(async (directory) => {
    const store = await openStore({ dataDir: directory, faults: noFaults });
    await appendRow(store, row('a', 1));
    await store.close();
    const copy = await openStoreReadOnly(join(directory, 'caisson.db'));
    assert.deepEqual(await readChain(copy, 'a'), [1]);
    await assert.rejects(appendRow(copy, row('a', 2)), { code: 'internal', message: /open only to be read/ });
    await copy.close();
    await copy.close();
    await assert.rejects(readChain(copy, 'a'), { code: 'internal', message: /closed/ });
  });
});
