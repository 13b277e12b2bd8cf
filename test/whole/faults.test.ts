// Owns the proof that a death at any moment loses nothing and repeats nothing. Real processes are killed; only replies are scripted.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ChildEnd, runChild, type Wish, wordOf } from './child.ts';
import type { RunFacts, Said } from './fault-child.ts';
import { gitIn, makeDataDir, makeRepo, NOTHING_LEFT, verdictOf } from './house.ts';

const LANES = 2;
const RANDOM_KILLS = 30;
const REPO = { 'a.txt': 'a\n', '.caisson.yaml': 'checks:\n  - name: nothing\n    run: test ! -e nothing\n' };

/** What must hold when a service has taken up what the killed one left. `where`: for the message of a failure. */
function assertTakenUp(word: Extract<Said, { say: 'recovered' }> | undefined, where: string): void {
  assert.ok(word !== undefined, where);
  const { integrity, completeness } = word.verdict;
  assert.deepEqual(
    { where, integrity, completeness, left: word.left },
    { where, integrity: { ok: true }, completeness: { state: 'complete' }, left: NOTHING_LEFT },
  );
  if (word.run !== undefined) assertOnce(word.run, where);
}

/** The run went on to its end. Only one that died before its first event was durable, so that nobody heard of it, is crashed. */
function assertOnce(run: RunFacts, where: string): void {
  const { end, types, started, finished, effects } = run;
  if (types.length === 0) {
    assert.deepEqual({ where, end }, { where, end: { end: 'crashed' } });
    return;
  }
  assert.deepEqual({ where, end }, { where, end: { end: 'done', verified: true } });
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

interface Kill {
  readonly order: Partial<Wish>;
  readonly afterMs?: number;
}

/** Each lane has a data directory of its own; each child first takes up what the one before it left. Gives the places of death. */
async function killOneAfterTheOther(t: TestContext, kills: readonly Kill[]): Promise<readonly string[]> {
  const waiting = [...kills];
  const died: string[] = [];
  const repo = await makeRepo(t, REPO);
  const lane = async () => {
    const dataDir = await makeDataDir(t);
    let where = 'the first child';
    const judge = (end: ChildEnd) => {
      assert.equal(end.errors, '', where);
      assertTakenUp(wordOf(end, 'recovered'), where);
    };
    for (let kill = waiting.shift(); kill !== undefined; kill = waiting.shift()) {
      const end = await runChild({ dataDir, repo, then: 'work', ...kill.order }, kill.afterMs);
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
  const dataDir = await makeDataDir(t);
  const counted = await runChild({ dataDir, repo: await makeRepo(t, REPO), then: 'work', killAt: 1e9 });
  const places = wordOf(counted, 'done')?.places ?? [];
  assert.ok(places.length > 100, `only ${places.length} fault points: ${counted.errors}`);
  for (const place of ['before:tool', 'after:tool', 'after:store.commit', 'after:store.head', 'before:seal'])
    assert.ok(places.includes(place), place);
  const kills = places.map((_, index) => ({ order: { killAt: index + 1 } }));
  const died = await killOneAfterTheOther(t, kills);
  const alive = died.filter((place) => place === 'nowhere').length;
  // Two sandboxes at work at once join their appends now more, now less.
  assert.ok(alive <= 20, `${alive} of ${died.length} children were not killed`);
  assert.deepEqual(new Set([...died, 'nowhere']), new Set([...places, 'nowhere']));
});

test('a kill at any moment loses nothing, repeats nothing and leaves nothing', async (t) => {
  const random = seeded(20240504);
  const kills = Array.from({ length: RANDOM_KILLS }, () => ({ order: {}, afterMs: Math.floor(random() * 1500) }));
  const died = await killOneAfterTheOther(t, kills);
  assert.equal(died.length, RANDOM_KILLS);
  assert.ok(died.filter((place) => place !== 'nowhere').length > RANDOM_KILLS / 2);
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
