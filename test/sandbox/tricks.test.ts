// Owns the attacks by way of files, descriptors, terminals, and what is left for later. Each works without the sandbox.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bare } from './bare.ts';
import { type OpenBox, testSandbox, type TestSandbox } from './setup.ts';

interface Attack {
  readonly name: string;
  /** Prints `loot` when it succeeded. `$T`: a folder of the user of the commands on the host. */
  readonly text: string;
  readonly blocked: RegExp;
  /** Why it may fail without a sandbox too. */
  readonly unless?: string;
}

/** A folder on the host that the user of the commands owns. */
function ownFolder(t: TestContext, world: TestSandbox, parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'caisson-tricks-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { user } = world.setup;
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o755);
  return folder;
}

async function tryAll(t: TestContext, world: TestSandbox, box: OpenBox, attacks: readonly Attack[], folder: string) {
  for (const { name, text, blocked, unless } of attacks)
    await t.test(name, async (own) => {
      const whole = `T=${folder}; ${text}`;
      const control = await bare(whole, world);
      if (unless !== undefined && !/^loot$/m.test(control)) own.diagnostic(`${unless}: ${control.trim()}`);
      else assert.match(control, /^loot$/m, 'positive control: it works without the sandbox');
      const inside = await box.text(whole);
      assert.match(inside, blocked);
      assert.doesNotMatch(inside, /^loot$/m);
    });
}

const OUT_OF_THE_BOX: readonly Attack[] = [
  {
    name: 'a hard link to a file of the host',
    text: 'echo x >$T/file; ln $T/file $T/linked && echo loot',
    blocked: /No such file/,
  },
  {
    name: 'a symbolic link to a file of the host',
    text: 'echo x >$T/secret; ln -sf $T/secret /tmp/caisson-link.$$; cat /tmp/caisson-link.$$ && echo loot; rm /tmp/caisson-link.$$',
    blocked: /caisson-link\.\d+: No such file/,
  },
  {
    name: 'the root of a thread, by /proc',
    text: 'echo x >$T/secret; cat /proc/thread-self/root$T/secret && echo loot',
    blocked: /No such file|Permission denied/,
  },
  {
    name: 'the working directory of an outer process, by /proc',
    text: 'for p in /proc/[0-9]*; do [[ -d $p/cwd/../../../..$T ]] && echo loot && exit; done; echo none',
    blocked: /^none\n$/,
  },
  {
    name: 'a device of the host, made anew',
    text: 'unshare -rm mknod $T/null c 1 3; [[ -c /dev/fuse || -c /dev/kmsg || -b /dev/vda ]] && echo loot || ls /dev/fuse',
    blocked: /\/dev\/fuse'?: No such file/,
    unless: 'this host has no such device',
  },
  {
    name: 'settings of the kernel',
    text: 'ls /proc/sys/kernel >/dev/null; cat /proc/sys/kernel/core_pattern && echo loot',
    blocked: /core_pattern: Permission denied/,
  },
  {
    name: 'addresses of the kernel',
    text: 'head -c 1 /proc/kallsyms >/dev/null && echo loot',
    blocked: /Permission denied/,
  },
  {
    name: 'the command line of the kernel',
    text: 'cat /proc/cmdline >/dev/null && echo loot',
    blocked: /Permission denied/,
  },
  {
    name: 'shared memory of System V',
    text: 'id=$(ipcmk -M 4096 | grep -o "[0-9]*$"); ipcs -m | grep -q " $id " && echo loot; cat /proc/sysvipc/shm | wc -l; ipcrm -m $id',
    // A segment of its own, in a namespace where there is no other.
    blocked: /^(?:loot\n)?2$/m,
  },
  {
    name: 'a server of the bus of the system',
    text: '[[ -e /run || -e /var/run ]] && [[ $(ls /run | wc -l) -gt 1 ]] && echo loot || ls /run/dbus',
    blocked: /No such file|Permission denied/,
  },
  {
    name: 'a lower score for the killer of processes',
    text: 'S=/proc/$BASHPID/oom_score_adj; echo 0 >$S; read s <$S; echo -1 >$S; ((s < 1000)) && echo loot',
    // It may be put back to what everybody has, never below.
    blocked: /Permission denied/,
  },
];

describe('out of the box no way leads', () => {
  it('that the same user has without the sandbox', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('ways');
    const reached = OUT_OF_THE_BOX.filter(({ name }) => !/System V|lower score/.test(name));
    await tryAll(t, world, box, reached, ownFolder(t, world));
  });

  it('to the memory of System V or to the killer of processes of the host', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('own');
    for (const { name, text, blocked } of OUT_OF_THE_BOX.filter((one) => /System V|lower score/.test(one.name)))
      await t.test(name, async () => {
        assert.match(await bare(text, world), /^loot$/m, 'positive control');
        assert.match(await box.text(text), blocked);
      });
    const made = await bare('ipcmk -M 4096 | grep -o "[0-9]*$"', world);
    assert.equal(await box.text('tail -n +2 /proc/sysvipc/shm | wc -l'), '0\n', 'the segment of the host is not there');
    await bare(`ipcrm -m ${made.trim()}`, world);
  });

  it('by a socket in a folder of the host, wherever it lies', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('sockets');
    const parents = [
      tmpdir(),
      '/var/tmp',
      world.user.home,
      ...(process.getuid?.() === 0 ? ['/run', '/srv', '/opt'] : []),
    ];
    for (const parent of parents)
      await t.test(parent, async () => {
        const path = join(ownFolder(t, world, parent), 's');
        const server = createServer((socket) => socket.end('loot\n'));
        await new Promise<void>((resolve) => server.listen(path, resolve));
        t.after(() => server.close());
        chmodSync(path, 0o777);
        const text = `node -e "require('net').connect('${path}').on('error', (e) => console.log(e.code)).pipe(process.stdout)"`;
        assert.equal(await bare(text, world), 'loot\n', 'positive control');
        assert.match(await box.text(text), /^(?:ENOENT|EACCES)$/m);
      });
  });

  it('by a descriptor that firejail was started with', async (t) => {
    const world = await testSandbox(t);
    const folder = ownFolder(t, world);
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'loot\n', { mode: 0o644 });
    const firejail = join(folder, 'firejail');
    writeFileSync(firejail, `#!/bin/bash\nexec 7<${secret} 19<${secret}\nexec firejail "$@"\n`, { mode: 0o755 });
    const leaky = await testSandbox(t, { firejail });
    const box = await leaky.open('leaky');
    const text = 'cat <&7; cat <&19';
    assert.equal(await bare(`exec 7<${secret} 19<${secret}; bash -c '${text}'`, world), 'loot\nloot\n', 'control');
    assert.match(await box.text(text), /7: Bad file descriptor[^]*19: Bad file descriptor/);
  });

  it('by a terminal, into which one could type', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('terminal');
    const text = ': </dev/tty && echo loot';
    const control = await bare(`script -qec 'bash -c ": </dev/tty && echo loot"' /dev/null </dev/null`, world);
    assert.match(control, /loot/, 'positive control: with a terminal it is there');
    assert.match(await box.text(text), /No such device or address/);
    const script = `my $c = "x"; open(my $t, "<", "/dev/tty") or die "$!\\n"; ioctl($t, 0x5412, $c) and print "loot\\n"`;
    assert.match(await box.text(`perl -e '${script}'`), /No such device or address/);
  });
});

describe('what the host has put into the box', () => {
  const swaps: readonly (readonly [string, string, RegExp])[] = [
    [
      'the work tree for another',
      'mv work old && mkdir work && echo loot',
      /Device or resource busy|Read-only file system/,
    ],
    [
      'the work tree for a link',
      'rm -rf work/* && rmdir work && ln -s /etc work && echo loot',
      /Device or resource busy|Read-only/,
    ],
    ['the folder of outputs for a link', 'rmdir out && ln -s /etc out && echo loot', /Read-only file system/],
    ['an output that is to come for a link', 'ln -s ../work/x out/exe_9.log && echo loot', /Read-only file system/],
    ['an output that is to come for a pipe', 'mkfifo out/exe_9.log && echo loot', /Read-only file system/],
    ['our programs for others', 'mv bin old && cp -r old bin && echo loot', /Read-only file system|cannot/],
    [
      'the start of the shell',
      'echo "touch /tmp/acted" >.bashrc && echo loot',
      /Read-only file system|Permission denied/,
    ],
    ['the keys of the shell', 'ln -s /tmp/planted .inputrc && echo loot', /Read-only file system/],
  ];
  it('cannot be swapped by who runs in it', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('swaps');
    for (const [name, text, blocked] of swaps)
      await t.test(name, async () => {
        const copy = mkdtempSync(join(ownFolder(t, world), 'box-'));
        const names = ['work', 'out', 'bin', '.bashrc'].map((part) => join(copy, part));
        for (const path of names.slice(0, 3)) mkdirSync(path);
        writeFileSync(names[3] ?? '', '');
        const { user } = world.setup;
        if (user !== undefined) for (const path of [copy, ...names]) chownSync(path, user.uid, user.gid);
        assert.match(await bare(`cd ${copy}; ${text}`, world), /^loot$/m, 'positive control: in a folder of his own');
        const inside = await box.text(`cd ${world.inside.root}; ${text.replaceAll(/\bbin\b/g, '.caisson/bin')}`);
        assert.match(inside, blocked);
        assert.doesNotMatch(inside, /^loot$/m);
      });
  });

  it('is read and written by the host where it lies, though names race in the box', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('race');
    const elsewhere = join(ownFolder(t, world), 'elsewhere');
    writeFileSync(elsewhere, 'untouched\n', { mode: 0o666 });
    chmodSync(elsewhere, 0o666);
    const swap = `ln -sfn ${elsewhere} out/exe_2.log; mv -T out work/out; mv -T work/out out`;
    const race = `cd ${world.inside.root}; (while :; do ${swap}; done) >/dev/null 2>&1 & true`;
    await box.run(race);
    for (let round = 0; round < 5; round += 1) {
      const done = await box.run('seq 1 5000', { keep: true, stdin: 'x'.repeat(100_000) });
      assert.match(done.output.path ?? '', /\/out\/exe_\d+\.log$/);
    }
    assert.equal(readFileSync(elsewhere, 'utf8'), 'untouched\n');
    assert.equal(statSync(join(box.box, 'out')).isDirectory(), true);
  });
});

describe('what is left for later', () => {
  it('does not act at the next launch: settings of firejail, of shells, of Node, of git and of Python', async (t) => {
    const world = await testSandbox(t);
    const first = await world.open('plant');
    const acted = 'touch /tmp/acted; echo acted >&2';
    await first.run(`
      mkdir -p ~/.config/firejail ~/.config/git
      for f in agent.profile agent.local globals.local default.local firejail.config; do
        printf 'ignore net none\\nignore seccomp\\nignore noroot\\nnoblacklist /\\n' >~/.config/firejail/$f; done
      for f in .bashrc .bash_profile .profile .bash_login .zshenv .inputrc; do echo '${acted}' >~/$f; done
      printf '[core]\\n\\tfsmonitor = "${acted}"\\n\\tpager = "${acted}"\\n[alias]\\n\\tstatus = "!${acted}"\\n' >~/.gitconfig
      echo 'require("fs").writeFileSync("/tmp/acted", "")' >package.json
      echo '{"type":"commonjs","main":"package.json"}' >node.config.json
      echo 'open("/tmp/acted", "w")' >usercustomize.py
    `);
    assert.match(await first.text('bash -ic true 2>&1; ls /tmp/acted'), /acted[^]*\/tmp\/acted/, 'positive control');
    await world.executor.close(first.id);
    const second = await world.open('plant-again', first.box);
    const seen = await second.text(
      `ls /tmp/acted; grep -E "NoNewPrivs|^Seccomp:" /proc/self/status; cat /proc/self/uid_map; exec 9<>/dev/tcp/192.0.2.1/80`,
    );
    const uid = world.user.uid;
    assert.match(
      seen.replaceAll(/[\t ]+/g, ' '),
      new RegExp(`acted': No such file[^]*NoNewPrivs: 1\\nSeccomp: 2\\n ?${uid} ${uid} 1\\n[^]*Network is unreachable`),
    );
  });

  it('does not survive the deadline of its command, however it hides from it', async (t) => {
    const hidden: readonly (readonly [string, string])[] = [
      ['in a session of its own', 'setsid sleep 93001 </dev/null >/dev/null 2>&1 &'],
      ['twice forked', '( ( sleep 93001 & ) & )'],
      ['deaf to every signal', `perl -e '$SIG{$_} = "IGNORE" for keys %SIG; setpgrp; sleep 93001' &`],
      ['stopped', 'sleep 93001 & kill -STOP $!'],
      ['with another name', `perl -e '$0 = "kworker/0:1"; sleep 93001' &`],
      ['forking for ever', `perl -e 'while (1) { fork and exit; select undef, undef, undef, 0.01 }' &`],
    ];
    const world = await testSandbox(t);
    for (const [name, text] of hidden)
      await t.test(name, async () => {
        const box = await world.open(name.replaceAll(' ', '-'));
        const count = 'set -- /proc/[0-9]*; echo $#';
        const quiet = Number(await box.text(count));
        const alive = Number(await box.text(`${text}\nsleep 0.2; ${count}`));
        assert.ok(alive > quiet, 'positive control: it lives on behind its command');
        const done = await box.run('sleep 93001', { timeoutMs: 200 });
        assert.equal(done.end, 'timed_out');
        assert.equal(Number(await box.text(count)), quiet);
        await world.executor.close(box.id);
      });
  });

  it('is no program with rights of its owner for anybody who can reach it on the host', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('set-uid');
    await box.run('cp /bin/bash planted; chmod 6755 planted');
    const mode = statSync(join(box.box, 'work', 'planted')).mode;
    assert.equal((mode & 0o4000) !== 0, true, 'positive control: it could be made');
    const rights = (await box.text('./planted -p -c "id -u; grep NoNewPrivs /proc/self/status"')).replace('\t', ' ');
    assert.equal(rights, `${world.user.uid}\nNoNewPrivs: 1\n`);
    const parents = [box.box, join(box.box, '..'), world.boxesRoot].map((path) => statSync(path).mode & 0o022);
    assert.deepEqual(parents, [0, 0, 0]);
    assert.equal(existsSync(join(box.box, 'work', 'planted')), true);
  });
});
