// Owns the attacks on the sandbox. Each is run twice: without a sandbox it must succeed (else it proves nothing), inside it must fail.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { commandLine, listProcesses } from '../../src/sandbox/processes.ts';
import { dedicatedUser, testSandbox, type TestSandbox } from './setup.ts';

interface Attack {
  readonly name: string;
  readonly text: string;
  /** Printed by the attack when it succeeded. */
  readonly loot: RegExp;
  /** Why it was stopped: an errno or what the kernel said. A missing program is no block. */
  readonly blocked: RegExp;
}

let folder = '';
let server: Server;
let victim: ChildProcess | undefined;
let port = 0;

/** The attack as the same user, without a sandbox. */
function bare(text: string): Promise<string> {
  const user = dedicatedUser();
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return new Promise((resolve) => {
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder, CAISSON_SECRET: 'sk-live' };
    const child = spawn('bash', ['--noprofile', '--norc', '-c', text], {
      ...as,
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', () => resolve(output));
  });
}

before(async () => {
  const user = dedicatedUser();
  folder = mkdtempSync(join(tmpdir(), 'caisson-attack-'));
  writeFileSync(join(folder, 'secret'), 'the loot\n');
  if (user !== undefined) for (const path of [folder, join(folder, 'secret')]) chownSync(path, user.uid, user.gid);
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  victim = spawn('sleep', ['600'], { ...as, stdio: 'ignore' });
  server = createServer((socket) => socket.end('the loot\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});

after(() => {
  victim?.kill('SIGKILL');
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function attacks(world: TestSandbox): readonly Attack[] {
  return [
    {
      name: 'reading a file of the service',
      text: `cat ${world.setup.canary}`,
      loot: /the service can read this/,
      blocked: /No such file|Permission denied/,
    },
    {
      name: 'reading a file in the /tmp of the host',
      text: `cat ${folder}/secret`,
      loot: /the loot/,
      blocked: /No such file/,
    },
    {
      name: 'writing into the /tmp of the host',
      text: `echo x >${folder}/planted && cat ${folder}/planted`,
      loot: /^x/m,
      blocked: /No such file/,
    },
    {
      name: 'talking to a server on the loopback of the host',
      text: `exec 9<>/dev/tcp/127.0.0.1/${port} && cat <&9`,
      loot: /the loot/,
      blocked: /Connection refused/,
    },
    {
      name: 'reading the environment of the service',
      text: `tr '\\0' '\\n' </proc/${process.pid}/environ; cat /proc/${process.pid}/status`,
      loot: /Name:/,
      blocked: /No such file/,
    },
    {
      name: 'seeing the processes of the host',
      text: `ls -d /proc/${process.pid}`,
      loot: new RegExp(`/proc/${process.pid}\\n`),
      blocked: /No such file/,
    },
    {
      name: 'signalling a process of the host',
      text: `kill -0 ${victim?.pid} && echo reached`,
      loot: /reached/,
      blocked: /No such process/,
    },
    {
      name: 'reading the kernel log interface of /sys',
      text: 'ls /sys/kernel',
      loot: /mm|slab|security|debug/,
      blocked: /Permission denied|No such file/,
    },
    {
      name: 'making a user namespace',
      text: 'unshare -U true && echo made',
      loot: /made/,
      blocked: /Operation not permitted/,
    },
    {
      name: 'running a set-uid program',
      text: 'stat -c %A /usr/bin/su && head -c 4 /usr/bin/su | wc -c',
      loot: /^4/m,
      blocked: /Permission denied|cannot open/,
    },
    {
      name: 'writing a system file through a link',
      text: `ln -sf /etc/hostname planted && echo x >planted; [ -w /etc ] && echo w; cat ${folder}/secret`,
      loot: /the loot/,
      blocked: /Read-only file system|Permission denied/,
    },
  ];
}

describe('attacks from inside the sandbox', () => {
  it('are stopped, each for a reason that is seen, and each works without the sandbox', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('attacks');
    for (const attack of attacks(world)) {
      const control = await bare(attack.text);
      assert.match(control, attack.loot, `positive control of: ${attack.name}`);
      const inside = await box.run(attack.text);
      assert.match(inside.output.head, attack.blocked, `${attack.name} is blocked and says why`);
    }
  });

  it('find no secret of the service in the environment, and none of its variables', async (t) => {
    process.env['CAISSON_TEST_SECRET'] = 'sk-live-secret';
    t.after(() => delete process.env['CAISSON_TEST_SECRET']);
    const box = await (await testSandbox(t)).open('environment');
    const names = (await box.text('env | cut -d= -f1 | sort')).split('\n');
    assert.ok(!names.some((name) => name.startsWith('CAISSON')), names.join(' '));
    const known = new Set([
      'PATH',
      'HOME',
      'USER',
      'LOGNAME',
      'SHELL',
      'LANG',
      'TERM',
      'TMPDIR',
      'CI',
      'NO_COLOR',
      'PAGER',
      'GIT_PAGER',
      'GIT_TERMINAL_PROMPT',
      'PWD',
      'OLDPWD',
      'SHLVL',
      '_',
      '',
      'container',
      'PROMPT_COMMAND',
    ]);
    assert.deepEqual(
      names.filter((name) => !known.has(name)),
      [],
    );
  });

  it('get no network of any family, and no other interface', async (t) => {
    const box = await (await testSandbox(t)).open('network');
    assert.match(await box.text('exec 9<>/dev/tcp/192.0.2.1/80'), /Network is unreachable/);
    assert.match(await box.text('exec 9<>/dev/udp/192.0.2.1/53'), /Network is unreachable/);
    const script = `
      const net = require('node:net'), dgram = require('node:dgram');
      const s = net.connect(80, '2001:db8::1'); s.on('error', (e) => { console.log('tcp6', e.code); });
      require('node:dns').lookup('example.com', (e) => console.log('dns', e.code));`;
    const text = await box.text(`node -e "${script.replaceAll('"', '\\"').replaceAll('\n', ' ')}"`);
    assert.match(text, /tcp6 ENETUNREACH|tcp6 EADDRNOTAVAIL/);
    assert.match(text, /dns (?:EAI_AGAIN|ENOTFOUND)/);
  });

  it('cannot leave a process behind: a daemon in a session of its own dies with the sandbox', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('daemon');
    await box.run('setsid sleep 4242 </dev/null >/dev/null 2>&1 & disown; sleep 0.1');
    assert.match(await box.text('pgrep -f "sleep 4242" | wc -l'), /^1/);
    assert.equal(hostCount('sleep 4242'), 1, 'positive control: the host sees it while it lives');
    const death = await world.executor.close(box.id);
    assert.deepEqual({ survivors: death.survivors, left: hostCount('sleep 4242') }, { survivors: [], left: 0 });
  });

  it('cannot fork without end', async (t) => {
    const box = await (await testSandbox(t)).open('forks');
    const done = await box.run('for i in $(seq 1 200); do sleep 1 & done 2>&1 | tail -n 3; jobs | wc -l', {
      timeoutMs: 15_000,
    });
    assert.match(done.output.head, /Resource temporarily unavailable/);
  });

  it('cannot fill the disk with one file', async (t) => {
    const box = await (await testSandbox(t)).open('disk');
    const done = await box.run('(dd if=/dev/zero of=big bs=1M count=100) 2>&1; stat -c %s big');
    assert.match(done.output.head, /File too large|File size limit exceeded|67108864/);
    assert.ok(Number(/(\d+)\n$/.exec(done.output.head)?.[1]) <= 64 * 1024 * 1024);
  });

  it('cannot flood the service: a command without end of output is killed with that reason', async (t) => {
    const box = await (await testSandbox(t)).open('flood');
    const done = await box.run('yes', { timeoutMs: 60_000 });
    assert.deepEqual({ end: done.end, by: done.end === 'killed' ? done.by : '' }, { end: 'killed', by: 'output' });
    assert.equal(await box.text('echo alive'), 'alive\n');
  });

  it('cannot turn the kept output into a way to write elsewhere', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('kept');
    const { out, work } = world.inside;
    const planted = await box.text(
      `rm -rf ${out}; ln -s /etc ${out}; mv ${out} ${out}.old; ln -s /etc/passwd ${out}/exe_2.log; ls -ld ${out}`,
    );
    assert.match(planted, /Read-only file system/);
    const done = await box.run('seq 1 5000', { keep: true });
    assert.equal(done.output.path, join(out, 'exe_2.log'));
    assert.equal(await box.text(`wc -l <${out}/exe_2.log; touch ${work}/still-writable && echo ok`), '5000\nok\n');
  });

  it('cannot change the programs of the toolbox nor find files of the service, though the owner may be the same', async (t) => {
    const world = await testSandbox(t);
    const { toolbox, boxesRoot, canary } = world.setup;
    const box = await world.open('same-owner');
    const program = join(toolbox, 'node');
    const seen = () => [statSync(program).size, statSync(program).mtimeMs, statSync(program).mode];
    const before = seen();
    if (process.getuid?.() !== 0)
      assert.match(
        await bare(`[ -w ${program} ] && [ -w ${canary} ] && [ -w ${boxesRoot} ] && echo writable`),
        /writable/,
      );
    const inside = join(world.inside.bin, 'node');
    const script = `try { require('node:fs').openSync('/proc/self/exe', 'r+'); console.log('open'); } catch (e) { console.log(e.code); }`;
    // As root the programs are of another owner, and that comes first.
    const denied =
      process.getuid?.() === 0
        ? /Read-only file system|Permission denied|Operation not permitted/
        : /Read-only file system/;
    const tries: readonly (readonly [string, RegExp])[] = [
      [`echo x >>${inside}`, denied],
      [`chmod 777 ${inside}`, denied],
      [`touch -d 2001-01-01 ${inside}`, denied],
      [`truncate -s 0 ${inside}`, denied],
      [`ln ${inside} ./linked && echo x >>./linked`, /Invalid cross-device link|Operation not permitted/],
      [`mv ${join(world.inside.bin, 'rg')} ./moved`, denied],
      [`rm -rf ${world.inside.root}/.caisson`, denied],
      [`${inside} -e "${script}"`, /^(?:EROFS|ETXTBSY|EACCES)$/m],
      [`dd if=/dev/zero of=/proc/self/exe count=1 conv=notrunc`, /Text file busy|Read-only|Permission denied/],
      [`ls ${toolbox}; cat ${program}`, /No such file|Permission denied/],
      [`ls ${boxesRoot}; echo x >${boxesRoot}/planted`, /No such file|Permission denied/],
      [`cat ${canary}; echo x >${canary}`, /No such file|Permission denied/],
    ];
    for (const [text, blocked] of tries) assert.match(await box.text(text), blocked, text);
    assert.deepEqual(seen(), before);
    assert.equal(readFileSync(canary, 'utf8'), 'the service can read this\n');
    assert.deepEqual(readdirSync(boxesRoot), ['same-owner']);
  });

  it('cannot plant something that acts at the next launch', async (t) => {
    const world = await testSandbox(t);
    const first = await world.open('plant');
    const text = await first.text(
      'cd ..; echo "touch /tmp/acted" >.bashrc; ln -sf /tmp/planted .inputrc; echo x >.profile; mkdir -p .config/firejail; echo $?',
    );
    assert.match(text, /Read-only file system/);
    await first.run(
      'echo "touch /tmp/acted; echo acted" | tee ~/.bashrc ~/.profile ~/.bash_profile ~/.bash_login ~/.zshenv ~/.kshrc >/dev/null',
    );
    await world.executor.close(first.id);
    const second = await world.open('plant-again', first.box);
    assert.equal(
      await second.text('ls /tmp/acted 2>&1; echo $BASH_ENV $HOME'),
      `ls: cannot access '/tmp/acted': No such file or directory\n${world.inside.home}\n`,
    );
  });

  it('only spoil their own word by forging the end of a command', async (t) => {
    const box = await (await testSandbox(t)).open('forge');
    const done = await box.run('for fd in /proc/$$/fd/*; do printf "end 0 /\\0" >$fd 2>/dev/null; done; exit 9', {
      timeoutMs: 3000,
    });
    assert.ok(done.end === 'exited' || done.end === 'timed_out');
    assert.equal(await box.text('echo next'), 'next\n');
  });
});

function hostCount(command: string): number {
  return listProcesses().filter(
    (process) => process.state !== 'Z' && commandLine(process.pid).join(' ').trim() === command,
  ).length;
}
