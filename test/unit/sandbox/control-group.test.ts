// Owns the proof of where control groups are looked for and what is written into them, on folders that look like those of a kernel.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SandboxLimits } from '../../../src/contracts/executor.ts';
import { readProcess } from '../../../src/sandbox/processes.ts';
import { findGroups, makeGroup, sweepGroups } from '../../../src/sandbox/watching/control-group.ts';

const LIMITS: SandboxLimits = {
  processes: 60,
  processMemoryBytes: 1000,
  memoryBytes: 70_000_000,
  openFiles: 1,
  fileBytes: 1,
  diskBytes: 1,
  diskFiles: 1,
  cpuSeconds: 1,
};
const NAME = 'caisson.sandboxes';

interface Kernel {
  readonly root: string;
  readonly self: string;
}

/** `groups`: text of /proc/self/cgroup. `ROOT` in the mounts stands for the folder. */
function kernel(
  t: TestContext,
  groups: string,
  mounts: readonly string[],
  files: Readonly<Record<string, string>>,
): Kernel {
  const root = mkdtempSync(join(tmpdir(), 'caisson-groups-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const self = join(root, 'self');
  mkdirSync(self);
  writeFileSync(join(self, 'cgroup'), groups);
  writeFileSync(join(self, 'mountinfo'), `${mounts.join('\n').replaceAll('ROOT', root)}\n`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root, self };
}

const UNIFIED = '30 23 0:26 / ROOT/fs rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const NO_GROUPS = { memory: undefined, pids: undefined };

describe('the control groups for sandboxes', () => {
  it('of version 2 lie below or beside the group of the service, with the controllers that are handed down', (t) => {
    for (const [own, folder] of [
      ['/svc', `fs/svc/${NAME}`],
      ['/svc/main', `fs/svc/${NAME}`],
      ['/', `fs/${NAME}`],
    ] as const) {
      const { root, self } = kernel(t, `0::${own}\n`, [UNIFIED], {
        [`${folder}/cgroup.controllers`]: 'cpu memory pids\n',
      });
      const place = { folder: join(root, folder), version: 2 } as const;
      assert.deepEqual(findGroups(NAME, self), { memory: place, pids: place }, own);
      assert.equal(readFileSync(join(root, folder, 'cgroup.subtree_control'), 'utf8'), '+pids');
    }
  });

  it('are found where the mount shows only a part of the tree, as in a container', (t) => {
    const mount = UNIFIED.replace(' / ', ' /docker/abc ');
    const files = { [`fs/${NAME}/cgroup.controllers`]: 'memory\n' };
    const { root, self } = kernel(t, '0::/docker/abc\n', [mount], files);
    assert.deepEqual(findGroups(NAME, self), {
      memory: { folder: join(root, 'fs', NAME), version: 2 },
      pids: undefined,
    });
    const other = kernel(t, '0::/elsewhere\n', [mount], files);
    assert.deepEqual(findGroups(NAME, other.self), NO_GROUPS);
  });

  it('of version 1 have a tree for each controller', (t) => {
    const mounts = [
      '31 23 0:27 / ROOT/memory rw - cgroup cgroup rw,memory',
      '32 23 0:28 / ROOT/pids rw - cgroup cgroup rw,pids',
      UNIFIED,
    ];
    const groups = '8:pids:/\n4:memory:/svc\n1:cpu,cpuacct:/\n0::/\n';
    const { root, self } = kernel(t, groups, mounts, { [`memory/svc/${NAME}/x`]: '', [`pids/${NAME}/x`]: '' });
    assert.deepEqual(findGroups(NAME, self), {
      memory: { folder: join(root, 'memory', 'svc', NAME), version: 1 },
      pids: { folder: join(root, 'pids', NAME), version: 1 },
    });
  });

  it('are none where nobody made one, where nothing is handed down, and where there is no such kernel', (t) => {
    const bare = kernel(t, '0::/svc\n', [UNIFIED], { 'fs/svc/cgroup.controllers': 'memory pids\n' });
    const without = kernel(t, '0::/svc\n', [UNIFIED], { [`fs/svc/${NAME}/cgroup.controllers`]: '\n' });
    for (const self of [bare.self, without.self, '/nowhere']) assert.deepEqual(findGroups(NAME, self), NO_GROUPS);
  });
});

describe('the control group of a sandbox', () => {
  it('gets its limits in the words of version 2, and kills all that is in it at once', (t) => {
    const { root, self } = kernel(t, '0::/\n', [UNIFIED], { [`fs/${NAME}/cgroup.controllers`]: 'memory pids\n' });
    const group = makeGroup(findGroups(NAME, self), 'one', LIMITS);
    assert.deepEqual(group?.hard, ['total_memory', 'processes']);
    const folder = join(root, 'fs', NAME, `box-${process.pid}-${readProcess(process.pid)?.startedAt}-one`);
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    assert.deepEqual(['memory.max', 'memory.oom.group', 'pids.max'].map(read), ['70000000', '1', '68']);
    assert.equal(group?.enter(process.pid), true);
    assert.match(read('cgroup.procs'), /^\d+$/);
    assert.equal(group?.outOfMemory(), 0);
    writeFileSync(join(folder, 'memory.events'), 'low 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 1\n');
    assert.equal(group?.outOfMemory(), 2);
  });

  it('gets its limits in the words of version 1', (t) => {
    const mounts = ['31 23 0:27 / ROOT/memory rw - cgroup cgroup rw,memory'];
    const { root, self } = kernel(t, '4:memory:/\n', mounts, { [`memory/${NAME}/x`]: '' });
    const group = makeGroup(findGroups(NAME, self), 'one', LIMITS);
    assert.deepEqual(group?.hard, ['total_memory']);
    const folder = join(root, 'memory', NAME, `box-${process.pid}-${readProcess(process.pid)?.startedAt}-one`);
    assert.equal(readFileSync(join(folder, 'memory.limit_in_bytes'), 'utf8'), '70000000');
    writeFileSync(join(folder, 'memory.oom_control'), 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n');
    assert.equal(group?.outOfMemory(), 1);
  });

  it('is not there where there is no place for it, or where it cannot be made', () => {
    assert.equal(makeGroup(NO_GROUPS, 'one', LIMITS), undefined);
    assert.equal(makeGroup({ ...NO_GROUPS, pids: { folder: '/nowhere', version: 2 } }, 'one', LIMITS), undefined);
  });

  it('is removed once its service is gone, and only then', async (t) => {
    const { root } = kernel(t, '', [], {});
    const mine = `box-${process.pid}-${readProcess(process.pid)?.startedAt}-a`;
    for (const name of [mine, `box-${process.pid}-1-b`, 'box-999999999-7-c', 'other'])
      mkdirSync(join(root, 'g', name), { recursive: true });
    await sweepGroups({ memory: { folder: join(root, 'g'), version: 2 }, pids: undefined });
    const left = [mine, `box-${process.pid}-1-b`, 'box-999999999-7-c', 'other'].filter((name) =>
      isThere(join(root, 'g', name)),
    );
    assert.deepEqual(left, [mine, 'other']);
  });
});

function isThere(path: string): boolean {
  try {
    writeFileSync(join(path, 'x'), '');
    return true;
  } catch {
    return false;
  }
}
