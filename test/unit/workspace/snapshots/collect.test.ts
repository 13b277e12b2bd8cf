// Owns the proof that what is kept goes when it is old or the disk is full, and never while somebody needs it.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { collectKept, type CollectPlan, holdKept, touchKept } from '../../../../src/workspace/snapshots/collect.ts';
import { tempDir } from '../repos.ts';

const HOUR = 3_600_000;
const NOW = 1_764_000_000_000;

/** `kept`, `runs`: hours since each was used. */
function scene(
  t: TestContext,
  { kept = {}, runs = {} }: { readonly kept?: Record<string, number>; readonly runs?: Record<string, number> },
) {
  const root = tempDir(t);
  const [keptRoot, runsRoot] = [join(root, 'kept'), join(root, 'runs')];
  const fill = (folder: string, hours: Record<string, number>) => {
    mkdirSync(folder);
    for (const [name, ago] of Object.entries(hours)) {
      const path = join(folder, name);
      mkdirSync(path);
      writeFileSync(join(path, 'object'), 'x');
      const at = (NOW - ago * HOUR) / 1000;
      utimesSync(path, at, at);
    }
  };
  fill(keptRoot, kept);
  fill(runsRoot, runs);
  const collect = (wish: Partial<CollectPlan> = {}) =>
    collectKept({
      keptRoot,
      runsRoot,
      live: new Set(),
      keepMs: 48 * HOUR,
      diskPercent: 80,
      now: NOW,
      taken: async () => 10,
      ...wish,
    });
  return { root, keptRoot, runsRoot, collect, left: () => readdirSync(keptRoot).sort() };
}

describe('the collection of what is kept', () => {
  it('takes what is older than its days, and leaves the rest', async (t) => {
    const { collect, left } = scene(t, { kept: { run_a: 60, run_b: 49, run_c: 47, run_d: 2 } });
    assert.deepEqual(await collect(), { byAge: ['run_a', 'run_b'], byDisk: [], leftOver: [] });
    assert.deepEqual(left(), ['run_c', 'run_d']);
  });

  it('takes the oldest first while the disk is too full, and no more than is needed', async (t) => {
    const { collect, left } = scene(t, { kept: { run_a: 9, run_b: 30, run_c: 20, run_d: 3 } });
    const full = [95, 88, 80];
    const collected = await collect({ taken: async () => full.shift() ?? 0 });
    assert.deepEqual(collected, { byAge: [], byDisk: ['run_b', 'run_c'], leftOver: [] });
    assert.deepEqual(left(), ['run_a', 'run_d']);
  });

  it('takes nothing that is held, until it is let go', async (t) => {
    const { keptRoot, collect, left } = scene(t, { kept: { run_a: 900, run_b: 900 } });
    await holdKept(keptRoot, 'run_a', true);
    assert.deepEqual((await collect({ taken: async () => 100 })).byAge, ['run_b']);
    assert.deepEqual(left(), ['run_a', 'run_a.held']);
    await holdKept(keptRoot, 'run_a', false);
    assert.deepEqual((await collect()).byAge, ['run_a']);
    assert.deepEqual(left(), []);
  });

  it('takes nothing that was used within the last hour, however full the disk is', async (t) => {
    const { keptRoot, collect, left } = scene(t, { kept: { run_a: 900, run_b: 0.5 } });
    await touchKept(join(keptRoot, 'run_a'), NOW);
    await touchKept(join(keptRoot, 'not there'), NOW);
    assert.deepEqual(await collect({ taken: async () => 100 }), { byAge: [], byDisk: [], leftOver: [] });
    assert.deepEqual(left(), ['run_a', 'run_b']);
  });

  it('takes directories of runs that are over, none of a run at work, and follows no link', async (t) => {
    const { root, runsRoot, collect } = scene(t, { runs: { run_a: 5, run_b: 5, run_c: 0.1 } });
    mkdirSync(join(root, 'outside'));
    writeFileSync(join(root, 'outside', 'file'), 'x');
    symlinkSync(join(root, 'outside'), join(runsRoot, 'run_a', 'link'));
    utimesSync(join(runsRoot, 'run_a'), 1, 1);
    assert.deepEqual((await collect({ live: new Set(['run_b']) })).leftOver, ['run_a']);
    assert.deepEqual(readdirSync(runsRoot).sort(), ['run_b', 'run_c']);
    assert.deepEqual(readdirSync(join(root, 'outside')), ['file']);
  });

  it('asks the disk itself where nobody else says how full it is', async (t) => {
    const { keptRoot, runsRoot } = scene(t, { kept: { run_a: 5 } });
    const plan = { keptRoot, runsRoot, live: new Set<string>(), keepMs: 48 * HOUR, now: NOW };
    assert.deepEqual((await collectKept({ ...plan, diskPercent: 100 })).byDisk, []);
    assert.deepEqual((await collectKept({ ...plan, diskPercent: 0 })).byDisk, ['run_a']);
  });
});
