// Owns the proof that a set-up is made once for all who want it, is held while it is used, and goes when it is old or too much.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../../../src/base/clock.ts';
import { CaissonError } from '../../../../src/base/errors.ts';
import type { SetupFacts } from '../../../../src/contracts/setups.ts';
import {
  type CachePlan,
  excludeLines,
  openSetupCache,
  type SetupSource,
} from '../../../../src/workspace/setup/cache.ts';

const FACTS: SetupFacts = { commands: ['make'], team: 't', tree: '1', seen: 1, toolchain: 'node', ms: 1 };
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string];
const never = new AbortController().signal;
const DAY_MS = 24 * 3600 * 1000;

function scene(t: TestContext) {
  const top = mkdtempSync(join(tmpdir(), 'caisson-cache-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  const root = join(top, 'setups');
  let count = 0;
  const source = (text: string): SetupSource => {
    const box = join(top, `box-${(count += 1)}`);
    for (const name of ['work', 'home']) mkdirSync(join(box, name), { recursive: true });
    writeFileSync(join(box, 'work', 'made'), text);
    return { facts: FACTS, keep: { box, known: [], maxFiles: 100, maxBytes: 1e6 } };
  };
  const plan: CachePlan = { root, keepMs: DAY_MS, maxBytes: 1e9, diskPercent: 100, clock: systemClock };
  return {
    top,
    root,
    plan,
    source,
    open: (changes: Partial<CachePlan> = {}) => openSetupCache({ ...plan, ...changes }),
  };
}

const age = (root: string, key: string, ms: number) => {
  const then = new Date(Date.now() - ms);
  utimesSync(join(root, key, 'about.json'), then, then);
};
const keysOf = (root: string) => readdirSync(root).toSorted();

test('it is made once for all who ask at the same time, is found by the next, and outlives the process that made it', async (t) => {
  const { root, source, open } = scene(t);
  const cache = await open();
  let made = 0;
  const make = async () => {
    made += 1;
    return source('one');
  };
  const all = await Promise.all([1, 2, 3].map(() => cache.obtain(A, make, never)));
  assert.deepEqual(all.map((one) => one.cache).toSorted(), ['joined', 'joined', 'miss']);
  assert.equal((await cache.obtain(A, make, never)).cache, 'hit');
  const again = await open();
  const { entry } = await again.obtain(A, make, never);
  assert.equal(made, 1);
  const { key, files, bytes, tops, leftOut, ...rest } = entry;
  assert.deepEqual({ key, files, bytes, tops, leftOut }, { key: A, files: 1, bytes: 3, tops: ['made'], leftOut: 0 });
  const { commands, team, tree, seen, toolchain, ms } = rest;
  assert.deepEqual({ commands, team, tree, seen, toolchain, ms }, FACTS);
  assert.equal(statSync(root).mode & 0o777, 0o700);
});

test('a set-up that fails fails for all who waited; one that was given up is made by the next of them', async (t) => {
  const { root, source, open } = scene(t);
  const cache = await open();
  const failing = async (): Promise<SetupSource> => {
    throw new CaissonError('setup_failed', 'exit status 1');
  };
  const failed = await Promise.allSettled([1, 2].map(() => cache.obtain(A, failing, never)));
  assert.deepEqual(
    failed.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  let tries = 0;
  const givenUp = async (): Promise<SetupSource> => {
    tries += 1;
    if (tries === 1) throw new CaissonError('conflict', 'the run was stopped');
    return source('one');
  };
  const mixed = await Promise.allSettled([1, 2].map(() => cache.obtain(A, givenUp, never)));
  assert.deepEqual(
    mixed.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  assert.deepEqual(keysOf(root), [A]);
});

test('who waits for another and is stopped waits no longer, and the other goes on', async (t) => {
  const { source, open } = scene(t);
  const cache = await open();
  const { promise, resolve } = Promise.withResolvers<SetupSource>();
  const first = cache.obtain(A, () => promise, never);
  const stop = new AbortController();
  const second = cache.obtain(A, () => promise, stop.signal);
  stop.abort();
  await assert.rejects(second, { code: 'conflict' });
  resolve(source('one'));
  assert.equal((await first).cache, 'miss');
});

test('what is not used for long goes, what a run holds stays, and the longest unused goes first where there is too much', async (t) => {
  const { root, source, open } = scene(t);
  const cache = await open();
  for (const [at, key] of [A, B, C].entries()) {
    await cache.obtain(key, async () => source('x'.repeat(100)), never);
    age(root, key, (at + 1) * 1000);
    cache.release(key);
  }
  assert.deepEqual(
    (await cache.list()).map(({ key }) => key),
    [A, B, C],
  );
  age(root, C, 2 * DAY_MS);
  await open();
  assert.deepEqual(keysOf(root), [A, B]);
  await open({ maxBytes: 150 });
  assert.deepEqual(keysOf(root), [A]);
  const held = await open({ maxBytes: 50 });
  assert.deepEqual(keysOf(root), []);
  await held.obtain(A, async () => source('x'.repeat(100)), never);
  await held.obtain(B, async () => source('x'.repeat(100)), never);
  assert.deepEqual(keysOf(root), [A, B], 'both are in use');
  await assert.rejects(held.drop(A), { code: 'conflict' });
  held.release(A);
  assert.equal((await held.drop(A)).key, A);
  await assert.rejects(held.drop(A), { code: 'not_found' });
  await assert.rejects(held.drop('../runs'), { code: 'not_found' });
  assert.deepEqual(keysOf(root), [B]);
});

test('a full disk makes room, and half an entry of a process that died is cleared away', async (t) => {
  const { root, source, open } = scene(t);
  const cache = await open();
  await cache.obtain(A, async () => source('one'), never);
  mkdirSync(join(root, `${B}.1234.part`, 'objects'), { recursive: true });
  mkdirSync(join(root, `${C}.1234.gone`));
  await open();
  assert.deepEqual(keysOf(root), [A]);
  await open({ diskPercent: 0 });
  assert.deepEqual(keysOf(root), []);
});

test('one that is damaged is dropped when it is laid, but not the one that was made in its place', async (t) => {
  const { top, root, source, open } = scene(t);
  const cache = await open();
  const { entry: old } = await cache.obtain(A, async () => source('one'), never);
  const newBox = (name: string) => {
    for (const part of ['work', 'home']) mkdirSync(join(top, name, part), { recursive: true });
    return join(top, name);
  };
  rmSync(join(root, A, 'manifest'));
  await assert.rejects(cache.lay(old, newBox('one')), { code: 'setup_damaged' });
  assert.deepEqual(keysOf(root), []);
  const { entry: fresh } = await cache.obtain(A, async () => source('two'), never);
  await assert.rejects(cache.lay(old, newBox('two')), { code: 'setup_damaged' });
  await cache.lay(fresh, newBox('three'));
  assert.equal(readFileSync(join(top, 'three', 'work', 'made'), 'utf8'), 'two');
  writeFileSync(join(root, A, 'about.json.new'), '');
  rmSync(join(root, A, 'about.json'));
  writeFileSync(join(root, A, 'about.json'), '{broken');
  assert.equal(await cache.get(A), undefined);
  assert.deepEqual(keysOf(root), []);
});

test('lines for git name a path as it is, whatever it holds', () => {
  assert.equal(
    excludeLines(['node_modules', 'a b', '*.[x]', '!no', '#no', 'two\nlines', String.raw`back\slash`]),
    String.raw`/node_modules
/a\ b
/\*.\[x\]
/\!no
/\#no
/two?lines
/back\\slash
`,
  );
});
