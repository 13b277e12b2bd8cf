// Migrations are applied once, in order, and what was applied must be what is shipped.
import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { noFaults } from '../../../src/base/faults.ts';
import { sha256 } from '../../../src/base/hash.ts';
import { type Connection, openWriter } from '../../../src/store/connection.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { openStore } from '../../../src/store/open.ts';
import { inDirectory } from './scene.ts';

const SHIPPED = new URL('../../../src/store/migrations/', import.meta.url);
const FIRST = 'CREATE TABLE one (n INTEGER NOT NULL) STRICT;';
const SECOND = 'CREATE TABLE two (n INTEGER NOT NULL) STRICT; INSERT INTO two VALUES (2);';

interface Place {
  readonly connection: Connection;
  readonly run: () => void;
  readonly put: (name: string, sql: string) => Promise<void>;
}

async function inPlace(test: (place: Place) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const migrations = join(directory, 'migrations');
    await mkdir(migrations);
    const connection = openWriter(join(directory, 'test.db'));
    try {
      await test({
        connection,
        run: () => migrate(connection, pathToFileURL(`${migrations}/`)),
        put: (name, sql) => writeFile(join(migrations, name), sql),
      });
    } finally {
      connection.close();
    }
  });
}

const applied = ({ connection }: Place) =>
  connection.prepare('SELECT number, name, checksum FROM migrations ORDER BY number').all();

test('migrations are applied once, in order, and each is recorded with its checksum', async () => {
  await inPlace(async (place) => {
    await place.put('001-one.sql', FIRST);
    place.run();
    await place.put('002-two.sql', SECOND);
    await place.put('README.md', 'not a migration');
    place.run();
    place.run();
    assert.deepEqual(place.connection.prepare('SELECT n FROM two').all(), [{ n: 2 }]);
    assert.deepEqual(applied(place), [
      { number: 1, name: '001-one.sql', checksum: sha256(FIRST) },
      { number: 2, name: '002-two.sql', checksum: sha256(SECOND) },
    ]);
  });
});

test('a migration that was changed after it was applied is a mismatch', async () => {
  await inPlace(async (place) => {
    await place.put('001-one.sql', FIRST);
    place.run();
    await place.put('001-one.sql', `${FIRST} `);
    assert.throws(place.run, { code: 'migration_mismatch', message: /001-one\.sql was changed/ });
  });
});

test('a migration of a newer version, one of another name and a missing number are mismatches', async () => {
  await inPlace(async (place) => {
    await place.put('001-one.sql', FIRST);
    place.run();
    const record = place.connection.prepare('INSERT INTO migrations VALUES (?, ?, ?)');
    record.run(2, '002-newer.sql', sha256(''));
    assert.throws(place.run, {
      code: 'migration_mismatch',
      message: /002-newer\.sql, which this version does not know/,
    });
    await place.put('002-two.sql', SECOND);
    assert.throws(place.run, { code: 'migration_mismatch', message: /002-newer\.sql where 002-two\.sql is expected/ });
  });
  await inPlace(async (place) => {
    await place.put('001-one.sql', FIRST);
    await place.put('003-three.sql', SECOND);
    assert.throws(place.run, { code: 'migration_mismatch', message: /migration 2 is missing/ });
  });
});

test('a migration that fails in its middle leaves nothing of itself', async () => {
  await inPlace(async (place) => {
    await place.put('001-one.sql', FIRST);
    await place.put('002-two.sql', `${SECOND} INSERT INTO nowhere VALUES (1);`);
    assert.throws(place.run, /no such table: nowhere/);
    assert.deepEqual(applied(place), [{ number: 1, name: '001-one.sql', checksum: sha256(FIRST) }]);
    await place.put('002-two.sql', SECOND);
    place.run();
    assert.deepEqual(place.connection.prepare('SELECT n FROM two').all(), [{ n: 2 }]);
  });
});

test('a store whose database is of a newer version does not open, and says what it found', async () => {
  await inDirectory(async (directory) => {
    const store = await openStore({ dataDir: directory, faults: noFaults });
    await store.close();
    const connection = openWriter(join(directory, 'caisson.db'));
    connection.prepare('INSERT INTO migrations VALUES (?, ?, ?)').run(999, '999-later.sql', '');
    connection.close();
    await assert.rejects(openStore({ dataDir: directory, faults: noFaults }), {
      code: 'migration_mismatch',
      message: /999-later\.sql/,
    });
  });
});

test('the shipped migrations are numbered without a gap and make only STRICT tables', async () => {
  await inDirectory(async (directory) => {
    for (const name of await readdir(SHIPPED)) {
      await copyFile(new URL(name, SHIPPED), join(directory, name));
      const sql = await readFile(join(directory, name), 'utf8');
      const tables = sql.match(/CREATE TABLE/g) ?? [];
      assert.equal((sql.match(/\) STRICT;/g) ?? []).length, tables.length, name);
    }
    const connection = openWriter(join(directory, 'test.db'));
    migrate(connection, pathToFileURL(`${directory}/`));
    connection.close();
  });
});
