// The transaction that writes share, met directly: what a full database, a lost transaction and a broken commit do to each of them.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { noFaults } from '../../../src/base/faults.ts';
import { type BatchPorts, commitBatch } from '../../../src/store/batch.ts';
import { type Connection, type Db, openWriter } from '../../../src/store/connection.ts';
import type { Job, JobResult } from '../../../src/store/messages.ts';
import { inDirectory } from './scene.ts';

interface Place {
  readonly connection: Connection;
  readonly directory: string;
  readonly ports: BatchPorts;
}

/** A table of blobs, with operations that do what their name says. */
async function inPlace(test: (place: Place) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const connection = openWriter(join(directory, 'test.db'));
    connection.exec('CREATE TABLE blobs (size INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT');
    const operations: Readonly<Record<string, (db: Db, args: unknown) => unknown>> = {
      put: (db, size) => db.prepare('INSERT INTO blobs VALUES (?, ?)').run(size, Buffer.alloc(Number(size))).changes,
      loseTransaction: () => {
        connection.exec('ROLLBACK');
        throw new Error('the transaction is lost');
      },
    };
    const ports = { connection, find: (name: string) => operations[name], dataDir: directory, faults: noFaults };
    try {
      await test({ connection, directory, ports });
    } finally {
      connection.close();
    }
  });
}

const job = (id: number, name: string, args: unknown = 10): Job => ({ id, name, args });
const sizes = ({ connection }: Place) => connection.prepare('SELECT size FROM blobs').all();
const outcome = (result: JobResult) => (result.ok ? result.value : result.report.code);

test('the writer commits with its log synced at each commit', async () => {
  await inPlace(async ({ connection }) => {
    const modes = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout', 'trusted_schema'];
    assert.deepEqual(
      modes.map((mode) => connection.pragma(mode)),
      ['wal', 2, 1, 5000, 0],
    );
  });
});

test('a write for which the database has no room fails alone, and the small ones around it are stored', async () => {
  await inPlace(async (place) => {
    place.connection.pragma('max_page_count = 20');
    const results = commitBatch([job(1, 'put'), job(2, 'put', 500_000), job(3, 'put', 20)], place.ports);
    assert.deepEqual(results.map(outcome), [1, 'disk_full', 1]);
    assert.deepEqual(sizes(place), [{ size: 10 }, { size: 20 }]);
    place.connection.pragma('max_page_count = 1000');
    assert.deepEqual(commitBatch([job(4, 'put', 500_000)], place.ports).map(outcome), [1]);
  });
});

test('when SQLite gives up the whole transaction with one write, the others are made without it', async () => {
  await inPlace(async (place) => {
    const jobs = [job(1, 'put'), { ...job(2, 'loseTransaction'), side: { name: 'side', text: 'x' } }, job(3, 'put')];
    assert.deepEqual(commitBatch(jobs, place.ports).map(outcome), [1, 'internal', 1]);
    assert.deepEqual(sizes(place), [{ size: 10 }, { size: 10 }]);
    assert.deepEqual(commitBatch([job(4, 'put')], place.ports).map(outcome), [1]);
  });
});

test('when the commit fails, none is said to be stored, and the side file is not left behind', async () => {
  await inPlace(async (place) => {
    const side = { name: 'side', text: 'x' };
    const breaking: BatchPorts = {
      ...place.ports,
      faults: () => {
        throw Object.assign(new Error('no room for the commit'), { code: 'ENOSPC' });
      },
    };
    const results = commitBatch([job(1, 'put'), { ...job(2, 'put'), side }], breaking);
    assert.deepEqual(results.map(outcome), ['disk_full', 'disk_full']);
    assert.deepEqual(sizes(place), []);
    assert.deepEqual(
      (await readdir(place.directory)).filter((name) => name.startsWith('side')),
      [],
    );
    assert.deepEqual(commitBatch([job(3, 'put')], place.ports).map(outcome), [1]);
  });
});
