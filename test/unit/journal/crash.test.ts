// kill -9 at every fault point of appending and at random moments: what was acknowledged is there, and the journal verifies.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JournalVerdict } from '../../../src/contracts/journal.ts';
import { checkJournal } from '../../../src/journal/check.ts';
import { readHead } from '../../../src/journal/head.ts';
import { readIfThere, readJournalKey } from '../../../src/journal/key.ts';
import { openReader } from '../../../src/store/connection.ts';
import { inDirectory, openScene, said, verifyDirectory } from './scene.ts';

const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url));
const RANDOM_KILLS = 10;
const AT_ONCE = 2;

/** Compiled code of the child, so that dozens of them start fast. */
let cache = '';

before(async () => {
  cache = await mkdtemp(join(tmpdir(), 'caisson-crash-cache-'));
});

after(() => rm(cache, { recursive: true, force: true }));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

test('a kill at every fault point of appending loses nothing that was acknowledged', async () => {
  const points = await countFaultPoints();
  assert.ok(points >= 20, `${points} fault points`);
  const targets = Array.from({ length: points }, (_, index) => index + 1);
  const states = new Set<string>();
  await inParallel(targets, async (target) => {
    await inDirectory(async (directory) => {
      const ended = await endOf(startChild(directory, target, 1));
      assert.equal(ended.signal, 'SIGKILL', `fault point ${target}: ${ended.errors}`);
      states.add(await checkAfterCrash(directory, ended.lines, `fault point ${target}`));
    });
  });
  // Before the first head, and both sides of the moment between commit and head, were met.
  assert.deepEqual([...states].sort(), ['complete', 'crashed_before_head', 'head_missing']);
});

test('a kill at a random moment loses nothing that was acknowledged', async () => {
  await inParallel(
    Array.from({ length: RANDOM_KILLS }, (_, index) => index),
    async (index) => {
      await inDirectory(async (directory) => {
        const child = startChild(directory, 0, 100_000);
        const ended = endOf(child);
        await once(child.stdout ?? child, 'data');
        setTimeout(() => child.kill('SIGKILL'), index * 7 + Math.random() * 7);
        const { signal, lines, errors } = await ended;
        assert.equal(signal, 'SIGKILL', errors);
        await checkAfterCrash(directory, lines, `random kill ${index}`);
      });
    },
  );
});

test('a journal that crashed again and again on one directory goes on each time', async () => {
  await inDirectory(async (directory) => {
    const acknowledged: string[] = [];
    for (const target of [9, 3, 16]) {
      const { signal, lines, errors } = await endOf(startChild(directory, target, 1));
      assert.equal(signal, 'SIGKILL', errors);
      acknowledged.push(...lines);
      await checkAfterCrash(directory, acknowledged, `fault point ${target} after others`);
    }
  });
});

async function countFaultPoints(): Promise<number> {
  let points = 0;
  await inDirectory(async (directory) => {
    const { signal, lines, errors } = await endOf(startChild(directory, 0, 1));
    assert.equal(signal, null, errors);
    points = Number(lines.find((line) => line.startsWith('passed '))?.split(' ')[1]);
    assert.equal((await verifyDirectory(directory)).completeness.state, 'complete');
  });
  return points;
}

/** Gives back the state of the end as it was found after the crash, before anything was opened. */
async function checkAfterCrash(directory: string, lines: readonly string[], what: string): Promise<string> {
  const crashed = await look(directory, lines);
  assert.deepEqual(crashed.verdict.integrity, { ok: true }, what);
  assert.deepEqual(crashed.lost, [], what);
  assert.ok(crashed.verdict.completeness.state !== 'head_missing' || crashed.verdict.events === 0, what);
  const scene = await openScene(directory);
  try {
    await scene.journal.append([said('run_after', 'it goes on')]);
  } finally {
    await scene.close();
  }
  const after = await look(directory, lines);
  const { integrity, completeness } = after.verdict;
  assert.deepEqual({ integrity, completeness }, { integrity: { ok: true }, completeness: { state: 'complete' } }, what);
  assert.deepEqual(after.lost, [], what);
  return crashed.verdict.completeness.state;
}

/** The verdict on a directory that nobody has open, and which acknowledged events are not in it. */
async function look(directory: string, lines: readonly string[]): Promise<{ verdict: JournalVerdict; lost: string[] }> {
  const key = await readJournalKey(join(directory, 'journal.key'));
  const head = await readIfThere(join(directory, 'journal.head'));
  const connection = openReader(join(directory, 'caisson.db'));
  try {
    const find = connection.prepare('SELECT 1 FROM events WHERE chain = ? AND seq = ? AND hash = ?');
    const acknowledged = lines.filter((line) => line.startsWith('ack '));
    const lost = acknowledged.filter((line) => find.get(...line.split(' ').slice(1)) === undefined);
    return { verdict: checkJournal(connection, readHead(head, key), key), lost };
  } finally {
    connection.close();
  }
}

function startChild(directory: string, target: number, rounds: number): ChildProcess {
  return spawn(process.execPath, [CHILD, directory, String(target), String(rounds)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { NODE_COMPILE_CACHE: cache },
  });
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let output = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  // A line that the kill cut was not said.
  return { signal, lines: output.split('\n').slice(0, -1), errors };
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  });
  await Promise.all(workers);
}
