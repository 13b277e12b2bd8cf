// Owns the attacks that reach for the host: its keys, its processes, its sockets, its kernel. Each works without the sandbox.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bare } from './bare.ts';
import { LIMITS, testSandbox, type TestSandbox } from './setup.ts';

interface Attack {
  readonly name: string;
  readonly text: string;
  /** Printed when it succeeded. */
  readonly loot: RegExp;
  /** Why it was stopped: an errno or what the kernel said. A missing program is no block. */
  readonly blocked: RegExp;
}

const ABSTRACT = `caisson-attack-${process.pid}`;
/** Of this machine's architecture: perl is in every Debian. */
const PTRACE = process.arch === 'arm64' ? 117 : 101;

/** What there is to reach: a key in the home, a process with a secret, a listener without a file. */
async function treasures(t: TestContext, world: TestSandbox): Promise<{ key: string; victim: number }> {
  const { user } = world.setup;
  const key = join(world.boxesRoot, '..', 'id_ed25519');
  writeFileSync(key, 'PRIVATE KEY\n', { mode: 0o600 });
  if (user !== undefined) chownSync(key, user.uid, user.gid);
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const victim: ChildProcess = spawn('sleep', ['600'], { ...as, env: { SERVICE_KEY: 'sk-live' }, stdio: 'ignore' });
  t.after(() => victim.kill('SIGKILL'));
  const server = createServer((socket) => socket.end('the loot\n'));
  await new Promise<void>((resolve) => server.listen(`\0${ABSTRACT}`, resolve));
  t.after(() => server.close());
  return { key, victim: victim.pid ?? 0 };
}

function attacks({ key, victim }: { readonly key: string; readonly victim: number }): readonly Attack[] {
  const connect = `require('net').connect('\\\\0${ABSTRACT}').on('error', (e) => console.log(e.code)).pipe(process.stdout)`;
  return [
    { name: 'a key in the home of the service', text: `cat ${key}`, loot: /PRIVATE KEY/, blocked: /No such file/ },
    {
      name: 'a key in the home, by another way to it',
      text: `cat /proc/self/root${key} /proc/1/root${key} /proc/self/cwd/../../../../..${key}`,
      loot: /PRIVATE KEY/,
      blocked: /^(?:cat: .*: (?:No such file or directory|Permission denied)\n)+$/,
    },
    {
      name: 'the environment of a process of the service',
      text: `tr '\\0' '\\n' </proc/${victim}/environ`,
      loot: /SERVICE_KEY=sk-live/,
      blocked: /No such file/,
    },
    {
      name: 'the environment of any process, found by looking at all',
      text: 'cat /proc/[0-9]*/environ 2>&1 | tr "\\0" "\\n" | grep -a SERVICE_KEY=sk-live || echo none found',
      loot: /SERVICE_KEY=sk-live/,
      blocked: /^none found/,
    },
    {
      name: 'a socket of the host that has no file',
      text: `node -e "${connect}"`,
      loot: /the loot/,
      blocked: /ECONNREFUSED/,
    },
    {
      name: 'a netlink socket',
      text: `perl -e 'print socket(S, 16, 3, 0) ? "opened\\n" : "$!\\n"'`,
      loot: /opened/,
      blocked: /Operation not supported/,
    },
    {
      name: 'tracing a process',
      text: `perl -e 'print syscall(${PTRACE}, 0, 0, 0, 0) == 0 ? "traced\\n" : "$!\\n"'`,
      loot: /traced/,
      blocked: /Operation not permitted/,
    },
    {
      name: 'mounting in a namespace of its own',
      text: 'unshare -rm mount -t tmpfs none /mnt && echo mounted',
      loot: /mounted/,
      blocked: /Operation not permitted/,
    },
    {
      name: 'raising its own limits',
      text: 'ulimit -f unlimited && ulimit -f',
      loot: /unlimited/,
      blocked: /cannot modify limit: Operation not permitted/,
    },
    {
      name: 'the shared memory of the host',
      text: `ls /dev/shm/${ABSTRACT} || echo x >/dev/shm/${ABSTRACT}; ls -l /sys/block >/dev/null && echo seen`,
      loot: /seen/,
      blocked: /\/sys\/block'?: Permission denied/,
    },
  ];
}

describe('from inside a sandbox one cannot reach', () => {
  it('what the same text reaches without a sandbox', async (t) => {
    const world = await testSandbox(t);
    const found = await treasures(t, world);
    const box = await world.open('reach');
    for (const { name, text, loot, blocked } of attacks(found)) {
      assert.match(await bare(text, world), loot, `positive control of: ${name}`);
      const inside = await box.text(text);
      assert.match(inside, blocked, `${name} is blocked and says why`);
      assert.doesNotMatch(inside, loot, name);
    }
    await bare(`rm -f /dev/shm/${ABSTRACT}`, world);
  });

  it('a file that appears in the box of another sandbox', async (t) => {
    const world = await testSandbox(t);
    const [one, two] = [await world.open('one'), await world.open('two')];
    await one.run('echo secret >/tmp/mine; echo secret >mine; sleep 300 &');
    assert.match(await one.text('cat /tmp/mine mine'), /^secret\nsecret\n$/);
    const paths = `/tmp/mine ${world.inside.work}/mine ${one.box}/work/mine`;
    assert.match(await two.text(`cat ${paths}`), /^(?:cat: .*: No such file or directory\n){3}$/);
    assert.match(await two.text('pgrep sleep || echo none'), /^none/);
  });
});

describe('limits hold', () => {
  const LIMITED = {
    ...LIMITS,
    processes: 40,
    processMemoryBytes: 200 * 1024 * 1024,
    openFiles: 64,
    fileBytes: 1024 * 1024,
    cpuSeconds: 1,
  };
  const beyond: readonly Attack[] = [
    {
      name: 'processes',
      text: `perl -e 'for (1 .. 60) { my $p = fork; if (!defined $p) { print "$!\\n"; last } if (!$p) { sleep 9; exit } push @p, $p }
        print scalar(@p), " started\\n"; kill 9, @p'`,
      loot: /^60 started$/m,
      blocked: /Resource temporarily unavailable/,
    },
    {
      name: 'memory of a process',
      text: `perl -e '$x = "x" x (300 * 1024 * 1024); print length($x), "\\n"'`,
      loot: /^314572800$/m,
      blocked: /Out of memory/,
    },
    {
      name: 'open files',
      text: `perl -e 'for (1 .. 100) { open($f[$_], "<", "/dev/null") or die "$!\\n" } print "all open\\n"'`,
      loot: /all open/,
      blocked: /Too many open files/,
    },
    {
      name: 'size of a file',
      text: 'F=$(mktemp); head -c 2M /dev/zero >$F; stat -c "size %s" $F; rm $F',
      loot: /size 2097152/,
      blocked: /File size limit exceeded|File too large/,
    },
    {
      name: 'time on the processor',
      // By its own time, not by a clock: on a machine with much to do the two differ.
      text: `perl -e '1 while (times)[0] < 3; print "still at work\\n"'`,
      loot: /^still at work$/m,
      blocked: /Killed/,
    },
  ];
  for (const { name, text, loot, blocked } of beyond) {
    it(`on: ${name}`, async (t) => {
      const world = await testSandbox(t);
      const box = world.newBox('limited');
      const id = 'limited';
      const opened = await world.executor.open({ sandbox: id, run: 'r', purpose: 'agent', box, limits: LIMITED });
      assert.ok(opened.ok);
      assert.match(await bare(text, world), loot, `positive control of: ${name}`);
      const request = { sandbox: id, exec: 'e', command: text, timeoutMs: 30_000, outputBytes: 8192, keep: false };
      const done = await world.executor.exec(request);
      assert.ok(done.ok);
      assert.match(done.value.output.head, blocked);
      assert.doesNotMatch(done.value.output.head, loot);
      const after = await world.executor.exec({ ...request, exec: 'e2', command: 'echo alive' });
      assert.equal(after.ok && after.value.output.head.endsWith('alive\n'), true, 'the shell lives on');
    });
  }
});
