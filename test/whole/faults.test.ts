// Owns the proof that a death at any moment loses nothing and repeats nothing. Real processes are killed; only replies are scripted.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ChildEnd, runChild, type Wish, wordOf } from './child.ts';
import type { RunFacts, Said } from './fault-child.ts';
import { gitIn, makeDataDir, makeRepo, NOTHING_LEFT, verdictOf } from './house.ts';

const LANES = 2;
const RANDOM_KILLS = 30;
const DEATHS_IN_A_ROW = 8;
/** Every so many fault points of an apply: neither journal nor store has a rhythm of that length. */
const APPLY_STRIDE = 5;
const PLAIN = { 'a.txt': 'a\n' };
const CHECKED = { ...PLAIN, '.caisson.yaml': 'checks:\n  - name: nothing\n    run: test ! -e nothing\n' };

/** What must hold when a service has taken up what the killed one left. `where`: for the message of a failure. */
function assertTakenUp(word: Extract<Said, { say: 'recovered' }> | undefined, verified: boolean, where: string): void {
  assert.ok(word !== undefined, where);
  const { integrity, completeness } = word.verdict;
  assert.deepEqual(
    { where, integrity, completeness, left: word.left },
    { where, integrity: { ok: true }, completeness: { state: 'complete' }, left: NOTHING_LEFT },
  );
  if (word.run !== undefined) assertOnce(word.run, verified, where);
}

/** The run went on to its end. Only one that died before its first event was durable, so that nobody heard of it, is crashed. */
function assertOnce(run: RunFacts, verified: boolean, where: string): void {
  const { end, types, started, finished, effects } = run;
  if (types.length === 0) {
    assert.deepEqual({ where, end }, { where, end: { end: 'crashed' } });
    return;
  }
  assert.deepEqual({ where, end }, { where, end: { end: 'done', verified } });
  assert.equal(types.at(-1), 'run_ended', where);
  assert.equal(types.filter((type) => type === 'run_ended').length, 1, where);
  assert.equal(started, 1, `${where}: the call was started ${started} times`);
  assert.ok(effects <= started, `${where}: the effect is there ${effects} times`);
  if (finished === 1) assert.equal(effects, 1, where);
}

/** The journal as the dead process left it: never cut, never wrong; the head may be one append late. */
async function assertLeftSound(dataDir: string, where: string): Promise<void> {
  const { integrity, completeness } = await verdictOf(dataDir);
  assert.deepEqual({ where, integrity }, { where, integrity: { ok: true } });
  assert.match(completeness.state, /^(complete|crashed_before_head)$/, where);
}

/** The fault points of a whole run that nothing kills, in the order they are passed. */
async function placesOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const counted = await runChild({ dataDir: await makeDataDir(t), repo: await makeRepo(t, files), next: 'work' });
  assert.equal(counted.errors, '');
  return wordOf(counted, 'done')?.places ?? [];
}

interface Kill {
  readonly order: Partial<Wish>;
  readonly afterMs?: number;
}

/** Each lane has a data directory of its own; each child first takes up what the one before it left. Gives the places of death. */
async function killOneAfterTheOther(
  t: TestContext,
  kills: readonly Kill[],
  files: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const waiting = [...kills];
  const died: string[] = [];
  const verified = '.caisson.yaml' in files;
  const repo = await makeRepo(t, files);
  const lane = async () => {
    const dataDir = await makeDataDir(t);
    let where = 'the first child';
    const judge = (end: ChildEnd) => {
      assert.equal(end.errors, '', where);
      assertTakenUp(wordOf(end, 'recovered'), verified, where);
    };
    for (let kill = waiting.shift(); kill !== undefined; kill = waiting.shift()) {
      const end = await runChild({ dataDir, repo, next: 'work', ...kill.order }, kill.afterMs);
      judge(end);
      const place = wordOf(end, 'killed')?.place ?? (end.signal === null ? 'nowhere' : 'outside of a fault point');
      where = `killed ${JSON.stringify({ ...kill, place })}`;
      died.push(place);
      await assertLeftSound(dataDir, where);
    }
    judge(await runChild({ dataDir }));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return died;
}

test('a kill at every fault point of a run loses nothing, repeats nothing and leaves nothing', async (t) => {
  const places = await placesOf(t, PLAIN);
  assert.ok(places.length > 100, `only ${places.length} fault points`);
  for (const place of ['before:tool', 'after:tool', 'after:store.commit', 'after:store.head', 'before:seal'])
    assert.ok(places.includes(place), place);
  const kills = places.map((_, index) => ({ order: { killAt: index + 1 } }));
  const died = await killOneAfterTheOther(t, kills, PLAIN);
  const alive = died.filter((place) => place === 'nowhere').length;
  // The sandbox opens beside the first request: appends are joined now more, now less.
  assert.ok(alive <= 10, `${alive} of ${died.length} children were not killed`);
});

test('a kill at each place that checks add loses nothing, repeats nothing and leaves nothing', async (t) => {
  const plain = new Set(await placesOf(t, PLAIN));
  const added = [...new Set(await placesOf(t, CHECKED))].filter((place) => !plain.has(place));
  assert.ok(added.includes('after:append:check_started'), added.join(' '));
  const rounds = [...added.map((killIn) => ({ order: { killIn } })), { order: { killIn: 'before:append:run_ended' } }];
  assert.deepEqual(
    new Set(await killOneAfterTheOther(t, rounds, CHECKED)),
    new Set([...added, 'before:append:run_ended']),
  );
});

test('a kill at any moment loses nothing, repeats nothing and leaves nothing', async (t) => {
  const random = seeded(20240504);
  const kills = Array.from({ length: RANDOM_KILLS }, () => ({ order: {}, afterMs: Math.floor(random() * 1500) }));
  const died = await killOneAfterTheOther(t, kills, CHECKED);
  assert.equal(died.length, RANDOM_KILLS);
  assert.ok(died.filter((place) => place !== 'nowhere').length > RANDOM_KILLS / 2);
});

test('a service that is killed again and again while it takes a run up still brings it to its end', async (t) => {
  const dataDir = await makeDataDir(t);
  const repo = await makeRepo(t, CHECKED);
  await runChild({ dataDir, repo, next: 'work', killIn: 'after:tool' });
  for (let count = 1; count <= DEATHS_IN_A_ROW; count += 1) {
    const end = await runChild({ dataDir, early: true, killAt: count * 4 });
    assert.deepEqual({ errors: end.errors, signal: end.signal }, { errors: '', signal: 'SIGKILL' });
    await assertLeftSound(dataDir, `death ${count} at ${wordOf(end, 'killed')?.place}`);
  }
  assertTakenUp(wordOf(await runChild({ dataDir }), 'recovered'), true, 'after all deaths');
});

test('a kill between the grant and the ref asks nobody again and makes the same commit', async (t) => {
  const dataDir = await makeDataDir(t);
  const repo = await makeRepo(t, PLAIN);
  const apply = (refs: readonly string[], killAt: number) => runChild({ dataDir, repo, next: 'apply', refs, killAt });
  await runChild({ dataDir, repo, next: 'work' });
  const refOf = (count: number) => `refs/heads/caisson/fix-${count}`;
  const first = await apply([refOf(0)], 1e9);
  const commit = wordOf(first, 'applied')?.commit;
  const places = wordOf(first, 'done')?.places ?? [];
  assert.ok(commit !== undefined, first.errors);
  const asked = places.findLastIndex((place) => place === 'after:append:asked');
  assert.ok(asked !== -1 && places.length - asked > 20, places.join('\n'));
  let told = 1;
  for (let count = 1; asked + count < places.length; count += APPLY_STRIDE) {
    const dead = await apply([refOf(count)], asked + 1 + count);
    const where = wordOf(dead, 'killed')?.place;
    assert.deepEqual({ where, signal: dead.signal, errors: dead.errors }, { where, signal: 'SIGKILL', errors: '' });
    await assertLeftSound(dataDir, `killed at ${where}`);
    const again = await apply([refOf(count)], 0);
    assert.equal(again.errors, '', where);
    const { run } = wordOf(again, 'recovered') ?? {};
    const applied = run?.types.filter((type) => type === 'applied').length ?? 0;
    // What was told as applied is over, and the same wish is a new one. Before that, the one question still holds.
    const questions = applied > told ? 2 : 1;
    told = applied + 1;
    assert.deepEqual(
      { where, ...wordOf(again, 'applied') },
      { where, say: 'applied', commit, ref: refOf(count), questions },
    );
    assert.equal((await gitIn(repo, 'rev-parse', refOf(count))).trim(), commit);
  }
});

/** A small generator with a long enough period (mulberry32): the same moments every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
