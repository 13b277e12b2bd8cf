// Owns the proof of the look at processes: who belongs to whom, and who is dead.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import {
  commandLine,
  familyOf,
  killGroup,
  listProcesses,
  readProcess,
  untilDead,
} from '../../../src/sandbox/processes.ts';

/** A shell that leads a group and says when its children are there. */
async function family(t: TestContext, script: string): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('bash', ['-c', `${script}\necho ready\nwait`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = child.pid ?? 0;
  t.after(() => killGroup(pid));
  await once(child.stdout, 'data');
  return Object.assign(child, { pid });
}

function commands(pid: number): readonly string[] {
  return familyOf(pid)
    .map((one) => commandLine(one.pid).join(' ').trim())
    .toSorted();
}

describe('the look at processes', () => {
  it('reads a name with brackets and spaces as a name', async (t) => {
    const { pid } = await family(t, "printf ') Z (' >/proc/$$/comm; sleep 70000 &");
    const { startedAt, state, ...seen } = readProcess(pid) ?? {};
    assert.deepEqual(seen, { pid, parent: process.pid, group: pid });
    assert.match(state ?? '', /^[RSD]$/);
    assert.equal(startedAt !== undefined && startedAt >= (readProcess(process.pid)?.startedAt ?? 0), true);
  });

  it('sees itself among all, and nothing of a pid that is free', () => {
    assert.deepEqual(listProcesses().filter(({ pid }) => pid === process.pid).length, 1);
    assert.deepEqual([readProcess(2 ** 30), commandLine(2 ** 30), familyOf(2 ** 30)], [undefined, [], []]);
  });

  it('counts children of children and what left the group as one family, and nobody else', async (t) => {
    const stranger = await family(t, 'sleep 70001 &');
    const { pid } = await family(t, 'sleep 70002 & (setsid sleep 70003 & exec sleep 70004) & sleep 0.2');
    const sleepers = commands(pid).filter((line) => line.startsWith('sleep'));
    const shown = sleepers.filter((line) => !line.startsWith('sleep 0'));
    assert.deepEqual(shown, ['sleep 70002', 'sleep 70003', 'sleep 70004']);
    for (const one of familyOf(pid)) if (commandLine(one.pid)[0] === 'sleep') process.kill(one.pid, 'SIGKILL');
    assert.deepEqual(commands(stranger.pid).at(-1), 'sleep 70001');
  });

  it('kills a whole group, and is silent about one that is gone', async (t) => {
    const child = await family(t, 'sleep 70005 & sleep 70005 &');
    const all = familyOf(child.pid);
    assert.equal(all.length, 3);
    const gone = once(child, 'exit');
    killGroup(child.pid);
    assert.deepEqual(await untilDead(all), []);
    await gone;
    killGroup(child.pid);
  });

  it('never kills its own group, or all there are', (t) => {
    const kill = t.mock.method(process, 'kill', () => true);
    for (const group of [0, 1, -1]) killGroup(group);
    assert.equal(kill.mock.callCount(), 0);
  });

  it('takes a zombie for dead, and a pid with another start time', async (t) => {
    const child = await family(t, '(sleep 0 & exec sleep 70006) & sleep 0.2');
    const zombie = familyOf(child.pid).find(({ state }) => state === 'Z');
    const living = readProcess(child.pid);
    assert.ok(zombie !== undefined && living !== undefined);
    const other = { pid: living.pid, startedAt: living.startedAt + 1 };
    assert.deepEqual(await untilDead([zombie, other]), []);
  });
});
