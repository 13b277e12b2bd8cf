// Owns the proof of the watch over a sandbox: when it looks inside, what it makes of numbers, and when it says that a limit is passed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SandboxLimits } from '../../../src/contracts/executor.ts';
import { killGroup } from '../../../src/sandbox/processes.ts';
import { type InsideView, readView } from '../../../src/sandbox/watching/inside-view.ts';
import { kindsInWords, LIMIT_KINDS } from '../../../src/sandbox/watching/limit-kinds.ts';
import { killedByKernel, type Overrun, overrunOf, tooManyTasks } from '../../../src/sandbox/watching/overrun.ts';
import { hostUsage, taskUsage } from '../../../src/sandbox/watching/usage.ts';
import type { Watch } from '../../../src/sandbox/watching/keeping.ts';
import { watchSandbox } from '../../../src/sandbox/watching/watch.ts';

const MB = 1024 ** 2;
const LIMITS: SandboxLimits = {
  processes: 100,
  processMemoryBytes: 500 * MB,
  memoryBytes: 100 * MB,
  openFiles: 100,
  fileBytes: 500 * MB,
  diskBytes: 200 * MB,
  diskFiles: 1000,
  cpuSeconds: 10,
};
const LITTLE: InsideView = { anonymous: MB, shared: 0, disk: MB, files: 3, whole: true };
const TEXT = `pss 2048 512
tmpfs 1000 990 4096
tmpfs 1000 1000 4096
device 60
device 61
device 8
deleted 8 16
deleted 60 2048
deleted 1 6
box 12 100 0
end
`;

/** A folder and a group of processes of its own; `line` prints `ready` when it uses what it should. */
async function using(t: TestContext, line: string): Promise<{ readonly pid: number; readonly box: string }> {
  const box = mkdtempSync(join(tmpdir(), 'caisson-watch-'));
  const child: ChildProcess = spawn('bash', ['-c', line], {
    cwd: box,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = child.pid ?? 0;
  t.after(() => {
    killGroup(pid);
    rmSync(box, { recursive: true, force: true });
  });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return { pid, box };
}

const HOLD_MEMORY = `python3 -c '
import time
held = bytearray(b"x") * (150 << 20)
print("ready", flush=True)
time.sleep(60)'; true`;

interface Watching {
  readonly looks: number[];
  readonly over: Promise<Overrun>;
  readonly watch: Watch;
}

function watching(
  t: TestContext,
  of: { readonly pid: number; readonly box: string },
  view: () => InsideView | undefined,
  limits: Partial<SandboxLimits> = {},
  kernelKills: () => number = () => 0,
): Watching {
  const looks: number[] = [];
  const { promise: over, resolve } = Promise.withResolvers<Overrun>();
  const look = async () => {
    looks.push(looks.length);
    return view();
  };
  const watch = watchSandbox({ ...of, limits: { ...LIMITS, ...limits }, look, kernelKills }, resolve);
  watch.setBusy(true);
  t.after(() => watch.stop());
  return { looks, over, watch };
}

describe('the look inside', () => {
  it('is read as bytes: what is mapped may lie in a file that counts, a deleted file counts where it lies', () => {
    assert.deepEqual(readView(TEXT), {
      anonymous: 2 * MB,
      // 10 blocks of /tmp and a memory file of 3 kB are more than what is mapped is not: 43,008 bytes against 524,288.
      shared: 512 * 1024,
      disk: 100 * 512 + 16 * 512,
      files: 12,
      whole: true,
    });
    assert.equal(readView(TEXT.replace('pss 2048 512', 'pss 2048 0'))?.shared, 10 * 4096 + 6 * 512);
    assert.equal(readView(TEXT.replace('box 12 100 0', 'box 12 100 1'))?.whole, false);
  });

  it('is nothing unless it is whole', () => {
    for (const line of ['pss 2048 512\n', 'tmpfs 1000 990 4096\n', 'device 8\n', 'end\n'])
      assert.equal(readView(TEXT.replace(line, '')), undefined, line);
    assert.equal(readView(''), undefined);
  });
});

describe('the words about a limit that is passed', () => {
  const use = { memory: 0, disk: 0, files: 0 };

  it('say which, how much and what to do', () => {
    assert.deepEqual(
      [
        overrunOf({ ...use, memory: 150.5 * MB }, LIMITS),
        overrunOf({ ...use, disk: 201 * MB }, LIMITS),
        overrunOf({ ...use, files: 1001 }, LIMITS),
        tooManyTasks(130, LIMITS),
      ],
      [
        {
          by: 'memory',
          said:
            'the sandbox used 151 MB of 100 MB of memory in total, files in /tmp and /dev/shm included; ' +
            'work on less at a time, and keep large files in the work tree',
        },
        {
          by: 'disk',
          said:
            'the sandbox used 201 MB of 200 MB on the disk in total, deleted files that are open included; ' +
            'remove what is not needed before anything else',
        },
        {
          by: 'disk',
          said: 'the sandbox had 1001 files and directories, and may have 1000; remove what is not needed before anything else',
        },
        {
          by: 'processes',
          said: '130 processes and threads at once, and the sandbox may have 100; start fewer at a time',
        },
      ],
    );
  });

  it('are not there at the limit itself', () => {
    const { memoryBytes, diskBytes, diskFiles } = LIMITS;
    assert.equal(overrunOf({ memory: memoryBytes, disk: diskBytes, files: diskFiles }, LIMITS), undefined);
  });
});

describe('the words about who keeps which limit', () => {
  it('are one line, and a kind that no limit has is not named', () => {
    assert.equal(
      kindsInWords(LIMIT_KINDS),
      'kept by the kernel: processes, process memory, open files, file size, cpu per process; ' +
        'watched, and the sandbox killed: output, wall time, total memory, disk, disk files',
    );
    assert.equal(kindsInWords({ disk: 'none', processes: 'hard' }), 'kept by the kernel: processes; not limited: disk');
  });
});

describe('the numbers from outside', () => {
  it('count processes, threads and private memory of a whole family', async (t) => {
    const { pid } = await using(t, `sleep 60 & sleep 60 & ${HOLD_MEMORY}`);
    const { tasks, anonymous } = taskUsage(pid);
    assert.equal(tasks, 4);
    assert.ok(anonymous > 150 * MB && anonymous < 400 * MB, String(anonymous));
    assert.deepEqual(taskUsage(2 ** 30), { tasks: 0, anonymous: 0 });
  });

  it('see what is added to a file system in memory, and of a folder that is gone nothing', async (t) => {
    const before = await hostUsage('/dev/shm');
    const file = join('/dev/shm', `caisson-watch-${process.pid}`);
    t.after(() => rmSync(file, { force: true }));
    writeFileSync(file, Buffer.alloc(64 * MB, 1));
    const after = await hostUsage('/dev/shm');
    assert.ok(after.shared - before.shared > 48 * MB, 'shared memory of the host has grown');
    assert.ok(after.disk - before.disk > 48 * MB, 'the file system has grown');
    assert.ok(after.files > before.files - 10);
    const gone = await hostUsage('/nowhere');
    assert.deepEqual({ disk: gone.disk, files: gone.files }, { disk: 0, files: 0 });
  });
});

describe('the watch', () => {
  it('looks inside when the numbers from outside give cause, and believes what it sees there', async (t) => {
    const of = await using(t, HOLD_MEMORY);
    const { looks, over } = watching(t, of, () => ({ ...LITTLE, anonymous: 150 * MB }));
    assert.equal((await over).by, 'memory');
    assert.equal(looks.length, 1);
  });

  it('kills nobody for memory that processes share, and does not look again for the same cause at once', async (t) => {
    const of = await using(t, HOLD_MEMORY);
    const { looks, over } = watching(t, of, () => LITTLE);
    const first = await Promise.race([over, new Promise<string>((resolve) => setTimeout(resolve, 1800, 'quiet'))]);
    assert.deepEqual([first, looks.length], ['quiet', 1]);
  });

  it('goes by the numbers from outside where twice nobody answers', async (t) => {
    const of = await using(t, HOLD_MEMORY);
    const { looks, over } = watching(t, of, () => undefined);
    assert.match((await over).said, /^the sandbox used 1[5-7]\d MB of 100 MB of memory/);
    assert.equal(looks.length, 2);
  });

  it('does not look at all while nothing gives cause', async (t) => {
    const of = await using(t, 'echo ready; sleep 60; true');
    const { looks, over } = watching(t, of, () => LITTLE, { diskBytes: 2 ** 50, diskFiles: 2 ** 40 });
    const first = await Promise.race([over, new Promise<string>((resolve) => setTimeout(resolve, 1500, 'quiet'))]);
    assert.deepEqual([first, looks.length], ['quiet', 0]);
  });

  it('counts tasks itself: far over the limit at once, at the limit only when it lasts', async (t) => {
    const of = await using(t, 'for i in 1 2 3 4 5 6 7 8 9 10 11; do sleep 60 & done; echo ready; sleep 60; true');
    const far = await watching(t, of, () => LITTLE, { processes: 2 }).over;
    assert.deepEqual(far, tooManyTasks(13, { ...LIMITS, processes: 2 }));
    const lasting = watching(t, of, () => LITTLE, { processes: 13 });
    const soon = await Promise.race([lasting.over, new Promise((resolve) => setTimeout(resolve, 1500, 'not yet'))]);
    assert.equal(soon, 'not yet');
    assert.deepEqual(await lasting.over, tooManyTasks(13, { ...LIMITS, processes: 13 }));
    const below = watching(t, of, () => LITTLE, { processes: 14, diskBytes: 2 ** 50, diskFiles: 2 ** 40 });
    const never = await Promise.race([below.over, new Promise((resolve) => setTimeout(resolve, 4000, 'never'))]);
    assert.equal(never, 'never');
  });

  it('says that the kernel has killed for want of memory, without a look', async (t) => {
    const of = await using(t, 'echo ready; sleep 60; true');
    const { looks, over } = watching(
      t,
      of,
      () => LITTLE,
      {},
      () => 1,
    );
    assert.deepEqual(await over, killedByKernel(LIMITS));
    assert.equal(looks.length, 0);
  });

  it('says nothing once it was stopped', async (t) => {
    const of = await using(t, HOLD_MEMORY);
    const { looks, over, watch } = watching(t, of, () => ({ ...LITTLE, anonymous: 150 * MB }));
    watch.stop();
    const first = await Promise.race([over, new Promise<string>((resolve) => setTimeout(resolve, 800, 'quiet'))]);
    assert.deepEqual([first, looks.length], ['quiet', 0]);
  });
});
