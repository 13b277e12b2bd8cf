// Verification as its callers see it: beside a service at work, on a lone copy, on a broken file; it never blocks and never changes.
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { sha256 } from '../../../src/base/hash.ts';
import { verifyJournal } from '../../../src/journal/verify.ts';
import { openStoreReadOnly } from '../../../src/store/open.ts';
import { fillScene, inDirectory, inScene, openScene, said, verifyDirectory } from './scene.ts';

const whole = {
  events: 35,
  chains: 5,
  integrity: { ok: true },
  completeness: { state: 'complete' },
  prunedContents: 1,
};

test('a journal in use verifies while it is being appended to', async () => {
  await inScene(async (scene) => {
    await fillScene(scene);
    const work = { going: true };
    const appending = (async () => {
      for (let index = 0; work.going; index += 1) await scene.journal.append([said('run_d', `busy ${index}`)]);
    })();
    try {
      for (let round = 0; round < 3; round += 1) {
        const { integrity, completeness } = await verifyJournal(scene);
        assert.deepEqual(integrity, { ok: true });
        assert.deepEqual(completeness, { state: 'complete' });
      }
    } finally {
      work.going = false;
      await appending;
    }
  });
});

test('a copied file verifies with copies of head and key, in a directory that cannot be written, and is not changed', async () => {
  await inDirectory(async (directory) => {
    const scene = await openScene(join(directory, 'data'));
    await fillScene(scene);
    await scene.close();
    const copy = join(directory, 'copy');
    await mkdir(copy);
    for (const name of ['caisson.db', 'journal.head', 'journal.key'])
      await copyFile(join(directory, 'data', name), join(copy, name));
    const before = sha256(await readFile(join(copy, 'caisson.db')));
    await chmod(copy, 0o500);
    try {
      assert.deepEqual(await verifyDirectory(copy), whole);
    } finally {
      await chmod(copy, 0o700);
    }
    assert.equal(sha256(await readFile(join(copy, 'caisson.db'))), before);
    assert.deepEqual((await readdir(copy)).sort(), ['caisson.db', 'journal.head', 'journal.key']);
  });
});

test('a copy taken from under a running service without its log lacks its end, and verification says so', async () => {
  await inDirectory(async (directory) => {
    const copy = join(directory, 'copy');
    await mkdir(copy);
    const scene = await openScene(join(directory, 'data'));
    await fillScene(scene);
    for (const name of ['caisson.db', 'journal.head', 'journal.key'])
      await copyFile(join(directory, 'data', name), join(copy, name));
    await scene.close();
    const { completeness } = await verifyDirectory(copy);
    assert.equal(completeness.state, 'cut');
  });
});

test('a copy taken with its log verifies', async () => {
  await inDirectory(async (directory) => {
    const copy = join(directory, 'copy');
    await mkdir(copy);
    const scene = await openScene(join(directory, 'data'));
    await fillScene(scene);
    for (const name of ['caisson.db', 'caisson.db-wal', 'journal.head', 'journal.key'])
      await copyFile(join(directory, 'data', name), join(copy, name));
    await scene.close();
    assert.deepEqual(await verifyDirectory(copy), whole);
    assert.deepEqual((await readdir(copy)).length, 4);
  });
});

test('the first bad event is named, and the bad ones are counted', async () => {
  await inDirectory(async (directory) => {
    const scene = await openScene(directory);
    await fillScene(scene);
    await scene.close();
    const db = new Database(join(directory, 'caisson.db'));
    db.exec(`UPDATE events SET time = time + 1 WHERE chain IN ('run_b', 'run_c') AND seq = 2`);
    db.close();
    const { integrity, completeness } = await verifyDirectory(directory);
    assert.deepEqual(completeness, { state: 'complete' });
    assert.deepEqual(integrity, {
      ok: false,
      first: { chain: 'run_b', seq: 2, problem: 'it was changed: its hash is not the one of its fields' },
      bad: 2,
    });
  });
});

test('a file whose pages were overwritten or cut off gets a verdict or a coded error, never a clean bill', async () => {
  await inDirectory(async (directory) => {
    const scene = await openScene(directory);
    await fillScene(scene);
    await scene.close();
    const file = join(directory, 'caisson.db');
    const bytes = await readFile(file);
    const pages = pagesOfJournal(file);
    assert.ok(pages.length >= 6, `${pages.length} pages`);
    for (const page of pages) {
      const damaged = Buffer.from(bytes);
      damaged.fill(0xaa, (page - 1) * 4096, page * 4096);
      await writeFile(file, damaged);
      await assertNotClean(directory, `page ${page}`);
    }
    await writeFile(file, bytes);
    await truncate(file, bytes.length - 2 * 4096);
    await assertNotClean(directory, 'cut off');
  });
});

test('a file that is no database, and one that is missing, are refused with a coded error', async () => {
  await inDirectory(async (directory) => {
    await writeFile(join(directory, 'caisson.db'), 'this is not a database, whatever its name says'.repeat(100));
    await assert.rejects(verifyDirectory(directory), { code: 'journal_broken' });
    await assert.rejects(openStoreReadOnly(join(directory, 'missing.db')), { code: 'data_dir_unusable' });
  });
});

test('the calling thread is free while a long journal is verified', async () => {
  await inScene(async (scene) => {
    const filler = Array.from({ length: 500 }, (_, index) => said('run_1', `word ${index}`));
    for (let round = 0; round < 20; round += 1) await scene.journal.append(filler);
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 1);
    const { events } = await verifyJournal(scene);
    clearInterval(ticking);
    assert.equal(events, 10_000);
    assert.ok(turns > 20, `${turns} turns of the loop`);
  });
});

/** Numbers, from 1, of the pages that hold events and contents and their indexes. */
function pagesOfJournal(file: string): readonly number[] {
  const db = new Database(file);
  try {
    const pages = db.prepare(`SELECT pageno FROM dbstat WHERE name LIKE '%events%' OR name LIKE '%contents%'`);
    return pages.pluck().all() as number[];
  } finally {
    db.close();
  }
}

async function assertNotClean(directory: string, what: string): Promise<void> {
  try {
    const { integrity, completeness } = await verifyDirectory(directory);
    assert.ok(!integrity.ok || completeness.state !== 'complete', `clean although ${what}`);
  } catch (error) {
    assert.match((error as { code: string }).code, /^(journal_broken|data_dir_unusable|internal)$/, what);
  }
}
