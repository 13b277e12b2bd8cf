// Owns the proof of control groups with a real kernel, where this one lets us make some; elsewhere that there are none is the proof.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { familyOf, listProcesses } from '../../src/sandbox/processes.ts';
import { findGroups } from '../../src/sandbox/watching/control-group.ts';
import { placeForGroups } from './place-for-groups.ts';
import { LIMITS, testSandbox } from './setup.ts';

it('all of a sandbox is in its group, whatever it starts, and the group goes with it', async (t) => {
  const place = placeForGroups(t);
  if (place === undefined) {
    assert.deepEqual(findGroups(`caisson.test-${process.pid}`), { memory: undefined, pids: undefined });
    return t.diagnostic('this kernel lets us make no control group: limits are watched here');
  }
  const { name, folder } = place;
  const world = await testSandbox(t, { groupName: name });
  const box = world.newBox('grouped');
  const open = { sandbox: 'grouped', run: 'r', purpose: 'agent', box, limits: { ...LIMITS, processes: 40 } } as const;
  const opened = await world.executor.open(open);
  assert.ok(opened.ok);
  const kinds = opened.value.probe.limits;
  assert.deepEqual([kinds['processes'], kinds['total_memory']], ['hard', 'watched']);
  const [group = '', ...others] = readdirSync(folder, { withFileTypes: true }).flatMap((one) =>
    one.isDirectory() ? [join(folder, one.name)] : [],
  );
  assert.deepEqual(others, []);
  assert.equal(readFileSync(join(group, 'pids.max'), 'utf8'), '48\n');
  const request = { sandbox: 'grouped', exec: 'e', timeoutMs: 20_000, outputBytes: 100, keep: false };
  const done = await world.executor.exec({
    ...request,
    command: 'setsid sleep 91001 </dev/null >/dev/null 2>&1 & sleep 0.2',
  });
  assert.ok(done.ok);
  const inGroup = readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  const mine = listProcesses().filter(({ parent }) => parent === process.pid);
  const family = mine.flatMap(({ pid }) => familyOf(pid)).map(({ pid }) => pid);
  assert.ok(inGroup.length >= 5, inGroup.join(' '));
  assert.deepEqual(
    inGroup.filter((pid) => !family.includes(pid)),
    [],
    'nobody else is in it',
  );
  const outside = family.filter((pid) => !inGroup.includes(pid) && existsSync(`/proc/${pid}/exe`));
  assert.deepEqual(outside, [], 'all of it are in it');
  assert.deepEqual((await world.executor.close('grouped')).survivors, []);
  assert.equal(existsSync(group), false);
});

it('a group that an ended service has left is swept', async (t) => {
  const place = placeForGroups(t);
  if (place === undefined) return t.diagnostic('this kernel lets us make no control group');
  const left = join(place.folder, 'box-999999999-7-left');
  mkdirSync(left);
  const world = await testSandbox(t, { groupName: place.name });
  await world.executor.sweep();
  assert.equal(existsSync(left), false);
});
