// Shows that the hashes of a run are learned from its events as they come, and that only a bounded number of runs is remembered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import type { RunEvent } from '../../../src/contracts/run-events.ts';
import { createContents } from '../../../src/gateway/api/contents.ts';

function makeJournal(texts: readonly string[]) {
  const reads: [string, number][] = [];
  const events = texts.map((text, index): RunEvent => ({
    v: 1,
    id: `e${index}`,
    chain: 'c',
    seq: index + 1,
    step: 0,
    time: 0,
    parent: '',
    body: { type: 'message_received', by: sha256('not a content'), textHash: sha256(text) },
    previous: '',
    hash: sha256(`event ${index}`),
  }));
  return {
    reads,
    read: async (chain: string, after: number, limit: number) => {
      reads.push([chain, after]);
      return events.slice(after, after + limit);
    },
    content: async (hash: string) => texts.find((text) => sha256(text) === hash) ?? `leaked ${hash}`,
  };
}

test('a long run is read page by page once, and only its end after that', async () => {
  const journal = makeJournal(Array.from({ length: 1100 }, (_, index) => `text ${index}`));
  const contents = createContents(journal);
  assert.equal(await contents.read('run', sha256('text 1099')), 'text 1099');
  assert.equal(await contents.read('run', sha256('text 3')), 'text 3');
  assert.equal(await contents.read('run', sha256('unknown')), undefined);
  assert.deepEqual(journal.reads, [
    ['run', 0],
    ['run', 500],
    ['run', 1000],
    ['run', 1100],
  ]);
});

test('neither the hash of an event nor a hash in another field opens a content', async () => {
  const contents = createContents(makeJournal(['text']));
  assert.deepEqual(
    [await contents.read('run', sha256('event 0')), await contents.read('run', sha256('not a content'))],
    [undefined, undefined],
  );
});

test('runs read long ago are forgotten and read anew', async () => {
  const journal = makeJournal(['text']);
  const contents = createContents(journal);
  const read = (run: string) => contents.read(run, sha256('text'));
  await read('first');
  for (let count = 0; count < 32; count += 1) await read(`run ${count}`);
  journal.reads.length = 0;
  await read('run 31');
  await read('first');
  assert.deepEqual(journal.reads, [['first', 0]]);
});
