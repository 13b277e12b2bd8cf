// Owns the proof that snapshots of a run at work hold no step up and never hold half of one. The files are a stand-in.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { EventBody } from '../../../../src/contracts/run-events.ts';
import { createStepSnapshots } from '../../../../src/runs/snapshots/during.ts';

/** Each take waits until it is let go; the order of what happened is written down. */
function scene(changedAt?: number, fails = false) {
  const told: EventBody[] = [];
  const said: string[] = [];
  const going: (() => void)[] = [];
  const snapshots = createStepSnapshots({
    open: async () => ({
      take: async (signal) => {
        said.push('take');
        await new Promise<void>((resolve) => going.push(resolve));
        if (fails) throw new Error('the disk is gone');
        return signal.aborted ? undefined : { tree: 'tree', changed: 1 };
      },
    }),
    emit: async (events) => void told.push(...events.map(({ body }) => body)),
    logger: { warn: (message, fields) => void said.push(`${message} ${JSON.stringify(fields)}`) },
    run: 'run_1',
    changedAt,
  });
  const settle = async () => {
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };
  const letGo = async () => {
    await settle();
    for (const go of going.splice(0)) go();
    await settle();
  };
  return { snapshots, told, said, letGo, settle };
}

const taken = (step: number): EventBody => ({ type: 'snapshot_taken', step, tree: 'tree', changed: 1 });

describe('the snapshots of a run', () => {
  it('are taken when the model is asked after a step that may have changed files', async () => {
    const { snapshots, told, letGo } = scene();
    snapshots.calling('bash', 1);
    snapshots.begin(1);
    await letGo();
    assert.deepEqual(told, [taken(1)]);
  });

  it('are not taken where nothing can have changed', async () => {
    const { snapshots, told, said, letGo } = scene();
    snapshots.begin(0);
    for (const tool of ['read', 'search', 'finish']) snapshots.calling(tool, 1);
    snapshots.begin(1);
    await letGo();
    assert.deepEqual({ told, said }, { told: [], said: [] });
  });

  it('go on while the next step only reads', async () => {
    const { snapshots, told, letGo, settle } = scene();
    snapshots.calling('edit', 1);
    snapshots.begin(1);
    await settle();
    snapshots.calling('read', 2);
    snapshots.begin(2);
    await letGo();
    assert.deepEqual(told, [taken(1)]);
  });

  it('are given up when the next step changes files, and the one after that has its own', async () => {
    const { snapshots, told, letGo, settle } = scene();
    snapshots.calling('bash', 1);
    snapshots.begin(1);
    await settle();
    snapshots.calling('bash', 2);
    snapshots.begin(2);
    await letGo();
    await letGo();
    assert.deepEqual(told, [taken(2)]);
  });

  it('never run two at a time', async () => {
    const { snapshots, said, letGo, settle } = scene();
    for (const step of [1, 2, 3]) {
      snapshots.calling('bash', step);
      snapshots.begin(step);
      await settle();
    }
    assert.deepEqual(said, ['take']);
    await letGo();
    assert.deepEqual(said, ['take', 'take'], 'the second was given up before it began');
  });

  it('do not begin for a step behind which another one has changed files already', async () => {
    const { snapshots, told, letGo } = scene();
    snapshots.calling('bash', 1);
    snapshots.calling('bash', 2);
    snapshots.begin(1);
    await letGo();
    assert.deepEqual(told, []);
    snapshots.begin(2);
    await letGo();
    assert.deepEqual(told, [taken(2)]);
  });

  it('begin with what an earlier process may have changed', async () => {
    const { snapshots, told, letGo } = scene(4);
    snapshots.begin(4);
    await letGo();
    assert.deepEqual(told, [taken(4)]);
  });

  it('fail without failing the run, and say so', async () => {
    const { snapshots, told, said, letGo } = scene(1, true);
    snapshots.begin(1);
    await letGo();
    await snapshots.close();
    const fields = '{"run":"run_1","step":1,"message":"Error: the disk is gone"}';
    assert.deepEqual({ told, said }, { told: [], said: ['take', `a step has no snapshot ${fields}`] });
  });

  it('are over when they are closed: nothing is told after that', async () => {
    const { snapshots, told, letGo, settle } = scene(1);
    snapshots.begin(1);
    await settle();
    const closing = snapshots.close();
    await letGo();
    await closing;
    assert.deepEqual(told, []);
  });
});
