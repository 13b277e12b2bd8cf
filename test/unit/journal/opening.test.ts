// What the opening of a journal makes, accepts and refuses: key, head, and a database that does not fit them.
import assert from 'node:assert/strict';
import { copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { CaissonError } from '../../../src/base/errors.ts';
import { readJournalKey } from '../../../src/journal/key.ts';
import { fillScene, inDirectory, openScene, said, verifyDirectory } from './scene.ts';

/** A filled data directory that nobody has open. */
async function inFilled(test: (directory: string) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const scene = await openScene(directory);
    await fillScene(scene);
    await scene.close();
    await test(directory);
  });
}

async function change(directory: string, sql: string): Promise<void> {
  const db = new Database(join(directory, 'caisson.db'));
  db.exec(sql);
  db.close();
}

async function assertBroken(directory: string, pattern: RegExp): Promise<void> {
  await assert.rejects(openScene(directory), (error: CaissonError) => {
    assert.equal(error.code, 'journal_broken');
    assert.match(error.message, pattern);
    return true;
  });
}

test('a new journal makes its key readable by its owner alone, and an empty head', async () => {
  await inDirectory(async (directory) => {
    const scene = await openScene(directory);
    await scene.close();
    for (const name of ['journal.key', 'journal.head', 'caisson.db'])
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
    assert.deepEqual(await readJournalKey(join(directory, 'journal.key')), scene.key);
    assert.equal(scene.key.length, 32);
    assert.deepEqual((await verifyDirectory(directory)).completeness, { state: 'complete' });
  });
});

test('the same key is read again', async () => {
  await inDirectory(async (directory) => {
    const first = await openScene(directory);
    await first.close();
    const second = await openScene(directory);
    await second.close();
    assert.deepEqual(second.key, first.key);
  });
});

test('a missing key beside events is not made anew', async () => {
  await inFilled(async (directory) => {
    await rm(join(directory, 'journal.key'));
    await assertBroken(directory, /journal\.key is missing although 35 events are stored/);
    assert.equal(await readJournalKey(join(directory, 'journal.key')), undefined);
  });
});

test('a key file that holds no key is refused', async () => {
  await inFilled(async (directory) => {
    await writeFile(join(directory, 'journal.key'), 'not a key\n');
    await assertBroken(directory, /64 hexadecimal digits/);
  });
});

test('another key than the one that signed the head is refused', async () => {
  await inFilled(async (directory) => {
    await writeFile(join(directory, 'journal.key'), `${'0'.repeat(64)}\n`);
    await assertBroken(directory, /was changed, or was not written with this key/);
  });
});

test('a missing head beside events is refused, so that no loss is signed', async () => {
  await inFilled(async (directory) => {
    await rm(join(directory, 'journal.head'));
    await assertBroken(directory, /journal\.head is missing although 35 events are stored/);
  });
});

test('a cut tail of an open chain is refused at the opening, and the head still tells of it afterwards', async () => {
  await inFilled(async (directory) => {
    await change(directory, `DELETE FROM events WHERE chain = 'run_d' AND seq = 6`);
    await assertBroken(directory, /run_d#6, which journal\.head counts, is missing/);
    assert.deepEqual((await verifyDirectory(directory)).completeness, {
      state: 'cut',
      chain: 'run_d',
      expected: 6,
      found: 5,
    });
  });
});

test('an older head is taken for a crash: the events beyond it are counted, kept and signed', async () => {
  await inDirectory(async (directory) => {
    const [head, old] = [join(directory, 'journal.head'), join(directory, 'old')];
    const first = await openScene(directory);
    await first.journal.append([said('run_1', 'one')]);
    await copyFile(head, old);
    await first.journal.append([said('run_1', 'two'), said('run_2', 'new chain')]);
    await first.close();
    await copyFile(old, head);
    assert.deepEqual((await verifyDirectory(directory)).completeness, { state: 'crashed_before_head', ahead: 2 });
    const second = await openScene(directory);
    assert.equal(second.journal.recovered, 2);
    const events = await second.journal.append([said('run_1', 'three'), said('run_2', 'three')]);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      [3, 2],
    );
    await second.close();
    assert.deepEqual((await verifyDirectory(directory)).completeness, { state: 'complete' });
  });
});

test('a changed event is shown to nobody, and neither is a changed content', async () => {
  await inFilled(async (directory) => {
    await change(directory, `UPDATE events SET step = step + 1 WHERE chain = 'run_a' AND seq = 3`);
    await change(directory, `UPDATE contents SET content = CAST('forged' AS BLOB) WHERE kept = 'whole'`);
    const scene = await openScene(directory);
    const { journal } = scene;
    try {
      await assert.rejects(journal.read('run_a', 0, 10), { code: 'journal_broken', message: /run_a#3 was changed/ });
      const [event] = await journal.read('run_a', 4, 1);
      assert.ok(event?.body.type === 'message_received');
      await assert.rejects(journal.content(event.body.textHash), { code: 'journal_broken', message: /was changed/ });
    } finally {
      await scene.close();
    }
  });
});

test('the key is in no file but its own', async () => {
  await inFilled(async (directory) => {
    const key = (await readFile(join(directory, 'journal.key'), 'utf8')).trim();
    for (const name of ['journal.head', 'caisson.db']) {
      const bytes = await readFile(join(directory, name));
      assert.equal(bytes.includes(key) || bytes.includes(Buffer.from(key, 'hex')), false, name);
    }
  });
});
