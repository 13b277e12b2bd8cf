// Owns the proof that each defence is missed when it is gone: firejail starts the sandbox without it, and the self-test refuses it.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LIMITS, testSandbox, type TestSandbox } from './setup.ts';

interface Defence {
  readonly name: string;
  /** Beginnings of lines of the profile. */
  readonly lines?: readonly string[];
  /** Beginnings of words of the command line. */
  readonly words?: readonly string[];
  /** The check that misses it, and what it saw. */
  readonly refusal: RegExp;
}

/** A machine that is offline for good has no network that a sandbox could get by mistake. */
const HOST_HAS_NETWORK = /^\s*(?!lo:)\S+:/m.test(readFileSync('/proc/net/dev', 'utf8'));

const DEFENCES: readonly Defence[] = [
  {
    name: 'the filter of system calls',
    lines: ['seccomp'],
    refusal: /filtered calls refused \(seen: exit status 0\)/,
  },
  {
    name: 'our own calls in the filter, though firejail’s are left',
    lines: ['seccomp @'],
    refusal: /filtered calls refused \(seen: exit status 0\)/,
  },
  {
    name: 'every filter of any kind',
    lines: ['seccomp', 'protocol', 'restrict-namespaces'],
    // In a container there may be another filter around everything.
    refusal: /system call filter \(seen: 0\)|filtered calls refused \(seen: exit status 0\)/,
  },
  {
    name: 'the user namespace (noroot)',
    lines: ['noroot'],
    refusal: /own user namespace maps this user only \(seen: 0 0 4294967295\)/,
  },
  { name: 'the dropped capabilities', lines: ['caps.drop'], refusal: /no capabilities \(seen: [0-9a-f]*[1-9a-f]/ },
  {
    name: 'no new privileges, with the filters that imply them',
    lines: ['nonewprivs', 'seccomp', 'protocol', 'restrict-namespaces', 'noroot', 'caps.drop'],
    refusal: /no new privileges \(seen: 0\)/,
  },
  ...(HOST_HAS_NETWORK
    ? [
        {
          name: 'the network namespace (net none)',
          lines: ['net none'],
          refusal: /no network but loopback \(seen: .*\S+ \S+\)/,
        },
      ]
    : []),
  // Here the box lies among what is hidden.
  { name: 'the private home', words: ['--private='], refusal: /programs of the box can run \(seen: executable: no\)/ },
  {
    name: 'the read-only root of the box',
    lines: ['read-only ${HOME}'],
    refusal: /root of the box read-only \(seen: writable: yes\)/,
  },
  {
    name: 'what hides the files of the service, and the private home',
    lines: ['blacklist'],
    words: ['--private='],
    refusal:
      /service files unreadable \(seen: canary readable: yes\).*box of the host invisible \(seen: visible: yes\)/,
  },
  {
    name: 'the limit of processes',
    words: ['--rlimit-nproc'],
    refusal: /limits set \(seen: Max processes \w+, not 128\)/,
  },
  { name: 'the limit of a file', words: ['--rlimit-fsize'], refusal: /limits set \(seen: Max file size \w+, not/ },
  {
    name: 'the limit of open files',
    words: ['--rlimit-nofile'],
    refusal: /limits set \(seen: Max open files \w+, not/,
  },
  { name: 'the limit of processor time', words: ['--rlimit-cpu'], refusal: /limits set \(seen: Max cpu time \w+, not/ },
];

/** A firejail that leaves out what it is told, and starts the real one. Without the private home there is no work tree to begin in. */
function without(t: TestContext, { lines = [], words = [] }: Defence): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-defence-'));
  chmodSync(folder, 0o777);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const left = lines.map((line) => `-e '^${line.replaceAll('$', '\\$')}'`).join(' ');
  const script = [
    '#!/bin/bash',
    'arguments=()',
    'for word; do',
    '  case $word in',
    `    --profile=*) grep -v ${left === '' ? '-e "^never$"' : left} <"\${word#*=}" >${folder}/profile`,
    `      word=--profile=${folder}/profile ;;`,
    ...(words.includes('--private=')
      ? ['    --private=*) continue ;;', '    --private-cwd=*) word=--private-cwd=/tmp ;;']
      : []),
    ...words.map((word) => `    ${word}*) continue ;;`),
    '  esac',
    '  arguments+=("$word")',
    'done',
    `touch ${folder}/used`,
    'exec firejail "${arguments[@]}"',
  ];
  const path = join(folder, 'firejail');
  writeFileSync(path, `${script.join('\n')}\n`, { mode: 0o755 });
  return path;
}

function openOn(world: TestSandbox, box: string) {
  return world.executor.open({ sandbox: 's', run: 'r', purpose: 'agent', box, limits: LIMITS });
}

describe('a sandbox that firejail starts without one of its defences', () => {
  for (const defence of DEFENCES)
    it(`is refused before anything runs: ${defence.name}`, async (t) => {
      const firejail = without(t, defence);
      const world = await testSandbox(t, { firejail });
      const opened = await openOn(world, world.newBox('bare'));
      assert.equal(existsSync(join(firejail, '..', 'used')), true, 'positive control: it was started without it');
      assert.ok(!opened.ok, 'it opened');
      assert.deepEqual(
        [opened.error.code, defence.refusal.test(opened.error.message)],
        ['sandbox_self_test_failed', true],
        opened.error.message,
      );
    });

  it('opens when the same firejail leaves out nothing', async (t) => {
    const world = await testSandbox(t, { firejail: without(t, { name: 'none', refusal: /never/ }) });
    const opened = await openOn(world, world.newBox('whole'));
    assert.equal(opened.ok, true, opened.ok ? '' : opened.error.message);
  });

  it('is refused without the limit of memory of a process, which firejail does not set', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-prlimit-'));
    chmodSync(folder, 0o755);
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'firejail'), '#!/bin/bash\nexec prlimit --data=unlimited:unlimited firejail "$@"\n', {
      mode: 0o755,
    });
    const world = await testSandbox(t, { firejail: join(folder, 'firejail') });
    const opened = await openOn(world, world.newBox('memory'));
    // Only root may raise the limit again: for an ordinary user the wrapper fails, and that is a refusal too.
    assert.equal(opened.ok, false);
  });
});
