// Owns the attacks on what a sandbox may use in total. Each succeeds under wide limits, or it proves nothing, and tight ones end it.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { ExecOutcome, KillReason, SandboxLimits } from '../../src/contracts/executor.ts';
import { commandLine, listProcesses } from '../../src/sandbox/processes.ts';
import { lookInside } from '../../src/sandbox/watching/inside-view.ts';
import { LIMITS, type OpenBox, testSandbox } from './setup.ts';

const MB = 1024 ** 2;

interface Attack {
  readonly name: string;
  /** Prints `succeeded` when it has got what it wanted, and then holds it. */
  readonly text: string;
  readonly by: KillReason;
  /** Of what the model is told. */
  readonly said: RegExp;
  readonly tight: Partial<SandboxLimits>;
}

const MEMORY = /^the sandbox used \d+ MB of 200 MB of memory in total, /;
const DISK = /^the sandbox used \d+ MB of 100 MB on the disk in total, /;
const TIGHT_MEMORY = { memoryBytes: 200 * MB };
const TIGHT_DISK = { diskBytes: 100 * MB };
const WIDE: Partial<SandboxLimits> = { fileBytes: 1024 * MB };
/** So that an ordinary user can remove the box. */
const READABLE = 'chmod -R u+rwX .';
const DONE = 'echo succeeded; sleep 5';

const ATTACKS: readonly Attack[] = [
  {
    name: 'memory spread over 50 children, each far below the limit of a process',
    text: `python3 -c '
import os, time
for i in range(50):
    if os.fork() == 0:
        held = bytearray(b"x") * (10 << 20)
        time.sleep(9)
        os._exit(0)
time.sleep(3)
print("succeeded", flush=True)
time.sleep(5)'`,
    by: 'memory',
    said: MEMORY,
    tight: TIGHT_MEMORY,
  },
  {
    name: 'files in /tmp, which lie in memory',
    text: `head -c 300M /dev/zero >/tmp/full; ${DONE}`,
    by: 'memory',
    said: MEMORY,
    tight: TIGHT_MEMORY,
  },
  {
    name: 'files in /dev/shm, of which none is open',
    text: `for i in 1 2 3 4 5 6; do head -c 50M /dev/zero >/dev/shm/full.$i; done; ${DONE}`,
    by: 'memory',
    said: MEMORY,
    tight: TIGHT_MEMORY,
  },
  {
    name: 'a deleted file in /tmp that is open',
    text: `exec 7>/tmp/gone; rm /tmp/gone; head -c 300M /dev/zero >&7; ${DONE}`,
    by: 'memory',
    said: MEMORY,
    tight: TIGHT_MEMORY,
  },
  {
    name: 'a memory file that has no name and is mapped nowhere',
    text: `python3 -c '
import os, time
fd = os.memfd_create("none")
for i in range(300): os.write(fd, bytes(1 << 20))
print("succeeded", flush=True)
time.sleep(5)'`,
    by: 'memory',
    said: MEMORY,
    tight: TIGHT_MEMORY,
  },
  {
    name: 'a fork bomb, bounded here',
    text: `for i in $(seq 90); do sleep 8 & done 2>/dev/null; [ $(jobs -p | wc -l) -ge 90 ] && echo succeeded; sleep 8`,
    by: 'processes',
    said: /^\d+ processes and threads at once, and the sandbox may have 60; /,
    tight: { processes: 60 },
  },
  {
    name: 'thousands of small files',
    text: `mkdir many; cd many; for d in $(seq 40); do mkdir $d; (cd $d; touch $(seq 100)); done; ${DONE}`,
    by: 'disk',
    said: /^the sandbox had \d+ files and directories, and may have 2000; /,
    tight: { diskFiles: 2000 },
  },
  {
    name: 'one huge file',
    text: `head -c 300M /dev/zero >huge; ${DONE}`,
    by: 'disk',
    said: DISK,
    tight: TIGHT_DISK,
  },
  {
    name: 'many files below the limit of one, also in the home',
    text: `for i in $(seq 30); do head -c 10M /dev/zero >~/part.$i; done; ${DONE}`,
    by: 'disk',
    said: DISK,
    tight: TIGHT_DISK,
  },
  {
    name: 'a deleted file that is open',
    text: `exec 7>gone; rm gone; head -c 300M /dev/zero >&7; ${DONE}`,
    by: 'disk',
    said: DISK,
    tight: TIGHT_DISK,
  },
  {
    name: 'files in a directory that nobody may read',
    text: `mkdir dark; head -c 150M /dev/zero >dark/a; head -c 150M /dev/zero >dark/b; chmod 0 dark; ${DONE}`,
    by: 'disk',
    said: DISK,
    tight: TIGHT_DISK,
  },
];

/** Without `ms`, which the machine decides. */
function endOf(done: ExecOutcome): object {
  if (done.end !== 'killed') return { end: done.end, restarted: done.restarted };
  return { end: done.end, by: done.by, restarted: done.restarted };
}

async function opened(t: TestContext, name: string, limits: Partial<SandboxLimits>): Promise<OpenBox> {
  return (await testSandbox(t)).open(name, undefined, { ...WIDE, ...limits });
}

describe('attacks on what a sandbox may use in total', () => {
  for (const [index, { name, text, by, said, tight }] of ATTACKS.entries())
    it(`are ended, the whole sandbox with them, for: ${name}`, { timeout: 90_000 }, async (t) => {
      const control = await opened(t, `wide-${index}`, {});
      assert.match((await control.run(text)).output.head, /^succeeded$/m, 'positive control under wide limits');
      await control.run(READABLE);
      const box = await opened(t, `tight-${index}`, tight);
      const done = await box.run(text, { timeoutMs: 60_000 });
      assert.deepEqual(endOf(done), { end: 'killed', by, restarted: true }, done.output.head);
      assert.match('said' in done ? (done.said ?? '') : '', said);
      assert.equal(await box.text(`${READABLE}; echo alive`), 'alive\n');
    });
});

describe('the watch over a sandbox', () => {
  it('sees from inside what no other user may see', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('seen', undefined, WIDE);
    const first = listProcesses().find(({ pid }) => commandLine(pid).includes(`--private=${box.box}`));
    const look = async () => {
      const view = await lookInside(first?.pid ?? 0, LIMITS, world.setup);
      assert.ok(view !== undefined, 'there is an answer');
      return view;
    };
    const before = await look();
    await box.run(`mkdir d; for i in 1 2 3; do head -c 10M /dev/zero >d/$i; done; ln d/1 d/again; ln -s / d/link
      head -c 20M /dev/zero >/tmp/a; head -c 5M /dev/zero >/dev/shm/b; exec 7>gone; rm gone; head -c 40M /dev/zero >&7
      python3 -c 'import time; held = bytearray(b"x") * (60 << 20); time.sleep(60)' & sleep 1`);
    const after = await look();
    const grown = (name: 'anonymous' | 'shared' | 'disk' | 'files') => after[name] - before[name];
    const near = (name: Parameters<typeof grown>[0]) => Math.round(grown(name) / MB);
    assert.deepEqual([near('disk'), near('shared'), grown('files'), after.whole], [70, 25, 5, true]);
    assert.ok(near('anonymous') >= 60 && near('anonymous') < 80, `${near('anonymous')} MB`);
    await box.run('mkdir dark; chmod 0 dark');
    assert.equal((await look()).whole, false);
    await box.run(READABLE);
    await world.executor.close('seen');
    assert.equal(await lookInside(first?.pid ?? 0, LIMITS, world.setup), undefined);
  });

  it('counts of a sparse file only what is written', async (t) => {
    const box = await opened(t, 'sparse', TIGHT_DISK);
    const done = await box.run(
      'for i in 1 2 3; do truncate -s 900M sparse.$i; done; head -c 20M /dev/zero >real; sleep 3',
    );
    assert.deepEqual(endOf(done), { end: 'exited', restarted: false }, done.output.head);
    const written = await box.run('head -c 150M /dev/zero | dd of=sparse.1 conv=notrunc bs=1M 2>/dev/null; sleep 9');
    assert.deepEqual(endOf(written), { end: 'killed', by: 'disk', restarted: true });
  });

  it('tells the next command, which is not run, of what went on in the background', { timeout: 60_000 }, async (t) => {
    const box = await opened(t, 'background', TIGHT_DISK);
    await box.run(
      'export KEPT=yes; (sleep 1; head -c 300M /dev/zero >huge; sleep 60) </dev/null >/dev/null 2>&1 & disown',
    );
    const control = await box.run('echo "$KEPT"');
    assert.equal(control.output.head, 'yes\n', 'positive control: the shell lives until then');
    await untilDead(box.box);
    const told = await box.run('touch ran');
    const said = 'said' in told ? (told.said ?? '') : '';
    assert.deepEqual(endOf(told), { end: 'killed', by: 'disk', restarted: true });
    assert.match(said, /^before this command began, and it was not run: the sandbox used \d+ MB of 100 MB on the disk/);
    assert.equal(await box.text('ls; rm huge; echo "[$KEPT]"'), 'huge\n[]\n', 'one may tidy up in the new shell');
    assert.equal(await box.text('echo alive'), 'alive\n');
  });

  it('ends with its sandbox, and a sandbox beside it goes on', async (t) => {
    const world = await testSandbox(t);
    const quiet = await world.open('quiet', undefined, { ...WIDE, ...TIGHT_MEMORY });
    const greedy = await world.open('greedy', undefined, { ...WIDE, ...TIGHT_MEMORY });
    const both = await Promise.all([
      quiet.run('sleep 4; echo done'),
      greedy.run('head -c 300M /dev/zero >/dev/shm/full; sleep 20'),
    ]);
    assert.deepEqual(both.map(endOf), [
      { end: 'exited', restarted: false },
      { end: 'killed', by: 'memory', restarted: true },
    ]);
    const { survivors } = await world.executor.close('greedy');
    assert.deepEqual(survivors, []);
  });
});

/** The sandbox of the box has ended. */
async function untilDead(box: string): Promise<void> {
  const lives = () =>
    listProcesses().some(({ pid, state }) => state !== 'Z' && commandLine(pid).includes(`--private=${box}`));
  while (lives()) await new Promise((resolve) => setTimeout(resolve, 50));
}
