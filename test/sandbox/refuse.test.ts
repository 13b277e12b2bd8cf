// Owns the proof that a sandbox which fails one check runs nothing at all, and that the refusal names the check. The failures are real.
import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { ErrorReport } from '../../src/base/errors.ts';
import { commandLine, listProcesses } from '../../src/sandbox/processes.ts';
import { ATTACKS, suiteHash } from '../../src/sandbox/probing/suite.ts';
import { dedicatedUser, LIMITS, makeBox, testSandbox, type TestSandbox } from './setup.ts';

const isRoot = process.getuid?.() === 0;
/** A machine that is offline for good has nothing that this check could miss. */
const HOST_HAS_NETWORK = /^\s*(?!lo:)\S+:/m.test(readFileSync('/proc/net/dev', 'utf8'));

/** In a container there may be one around everything: then its presence proves nothing, and what it lets through does. */
const HOST_HAS_FILTER = /^Seccomp:\s*2$/m.test(readFileSync('/proc/self/status', 'utf8'));

/** The refusal of an opening; fails the test if it opens. Proves that nothing of it lives, and that no command runs there. */
async function refusal(world: TestSandbox, box: string): Promise<ErrorReport> {
  const opened = await world.executor.open({ sandbox: 'refused', run: 'r', purpose: 'agent', box, limits: LIMITS });
  assert.equal(opened.ok, false, 'it must not open');
  const living = listProcesses().filter(
    ({ pid, state }) => state !== 'Z' && commandLine(pid).includes(`--private=${box}`),
  );
  assert.deepEqual(living, [], 'nothing of it lives');
  const request = {
    sandbox: 'refused',
    exec: 'e',
    command: 'touch ran',
    timeoutMs: 1000,
    outputBytes: 100,
    keep: false,
  };
  const done = await world.executor.exec(request);
  assert.deepEqual(done.ok ? done.value : done.error.code, 'sandbox_gone');
  assert.equal(existsSync(join(box, 'work', 'ran')), false, 'no command ran');
  return opened.error;
}

function folderIn(t: TestContext, parent: string): string {
  const folder = mkdtempSync(join(parent, 'caisson-refuse-'));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A program that is called like firejail and starts what it is given without any sandbox, as firejail itself does in a container. */
function falseFirejail(t: TestContext, script: string): string {
  const path = join(folderIn(t, tmpdir()), 'firejail');
  writeFileSync(path, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  return path;
}

const FAILED = 'the sandbox does not hold what it promises: ';

describe('a sandbox that fails a check', () => {
  it('is refused when a file of the service can be read inside', async (t) => {
    const { path: canary } = { path: '/etc/hostname' };
    const world = await testSandbox(t, { canary });
    const { code, message } = await refusal(world, world.newBox('one'));
    assert.deepEqual(
      { code, message },
      { code: 'sandbox_self_test_failed', message: `${FAILED}service files unreadable (seen: canary readable: yes)` },
    );
  });

  it('is refused when the file to try is not there, for its absence inside would prove nothing', async (t) => {
    const world = await testSandbox(t, { canary: '/nowhere/canary' });
    const { code, message } = await refusal(world, world.newBox('one'));
    assert.deepEqual(
      { code, message },
      {
        code: 'sandbox_self_test_failed',
        message: 'the canary /nowhere/canary is not there, so the check would prove nothing',
      },
    );
  });

  it('is refused when firejail is not there', async (t) => {
    const world = await testSandbox(t, { firejail: '/nowhere/firejail' });
    const { code, message } = await refusal(world, world.newBox('one'));
    assert.deepEqual({ code, message }, { code: 'sandbox_unavailable', message: 'firejail is not installed' });
  });

  it('is refused when firejail starts the program without a sandbox: each check that fails is named', async (t) => {
    const firejail = falseFirejail(t, 'while [[ $1 != -- ]]; do shift || exit 1; done; shift; exec "$@"');
    const world = await testSandbox(t, { firejail });
    const { code, message } = await refusal(world, world.newBox('one'));
    assert.equal(code, 'sandbox_self_test_failed');
    for (const name of [
      'own user namespace maps this user only (seen: 0 0 4294967295)',
      'no new privileges (seen: 0)',
      ...(HOST_HAS_FILTER ? ['filtered calls refused'] : ['system call filter (seen: 0)']),
      ...(HOST_HAS_NETWORK ? ['no network but loopback'] : []),
      'host processes invisible',
      'service files unreadable (seen: canary readable: yes)',
    ])
      assert.ok(message.includes(name), `${name} in: ${message}`);
  });

  it('is refused when firejail ends with an error, and its words are told', async (t) => {
    const firejail = falseFirejail(t, 'echo "Error: no way" >&2; exit 1');
    // Only root can make a program set-uid root.
    if (isRoot) chmodSync(firejail, 0o4755);
    const world = await testSandbox(t, { firejail });
    const refused = await refusal(world, world.newBox('one'));
    const said = `${firejail} is not set-uid root, so it can make no sandbox (it said: Error: no way)`;
    assert.deepEqual(
      [refused.code, refused.message],
      ['sandbox_unavailable', isRoot ? 'firejail ended (1): Error: no way' : said],
    );
  });

  it('is refused when it says something else than facts', async (t) => {
    const world = await testSandbox(t, { firejail: falseFirejail(t, String.raw`printf 'end 0 /\0' >&3; sleep 60`) });
    const { code, message } = await refusal(world, world.newBox('one'));
    assert.equal(code, 'sandbox_self_test_failed');
    assert.match(
      message,
      /own user namespace maps this user only \(seen: missing\); no new privileges \(seen: missing\)/,
    );
  });

  it('is refused when the box is not there', async (t) => {
    const world = await testSandbox(t);
    const opened = await world.executor.open({
      sandbox: 's',
      run: 'r',
      purpose: 'agent',
      box: join(world.boxesRoot, 'none', 'box'),
      limits: LIMITS,
    });
    assert.equal(opened.ok, false);
  });

  it('is refused by a name that is open already, and the open one lives on', async (t) => {
    const world = await testSandbox(t);
    const open = await world.open('twice');
    const box = world.newBox('other');
    const again = await world.executor.open({ sandbox: 'twice', run: 'r', purpose: 'agent', box, limits: LIMITS });
    assert.deepEqual(again.ok ? again.value : { code: again.error.code, message: again.error.message }, {
      code: 'invalid_input',
      message: 'the sandbox twice is open already',
    });
    assert.equal(await open.text('echo alive'), 'alive\n');
  });
});

if (isRoot)
  describe('a sandbox of a service that is root', () => {
    it('is refused on a box below /var, where firejail lets nothing be executed', async (t) => {
      const boxesRoot = folderIn(t, '/var/lib');
      const world = await testSandbox(t, { boxesRoot });
      const box = makeBox(join(boxesRoot, 'run'), dedicatedUser());
      const { code, message } = await refusal(world, box);
      assert.deepEqual(
        { code, message },
        { code: 'sandbox_self_test_failed', message: `${FAILED}programs of the box can run (seen: executable: no)` },
      );
    });

    it('is refused on a box of another user', async (t) => {
      const world = await testSandbox(t);
      const box = world.newBox('foreign');
      chownSync(box, 0, 0);
      const { code, message } = await refusal(world, box);
      assert.equal(code, 'sandbox_unavailable');
      assert.match(message, /^firejail ended \(1\): .*private.*/is);
    });

    it('is refused on a work tree that its user cannot write', async (t) => {
      const world = await testSandbox(t);
      const box = world.newBox('unwritable');
      chownSync(join(box, 'work'), 0, 0);
      const { code, message } = await refusal(world, box);
      assert.deepEqual(
        { code, message },
        { code: 'sandbox_self_test_failed', message: `${FAILED}work tree writable (seen: writable: no)` },
      );
    });
  });

describe('the deep self-test', () => {
  it('passes here, and tells each check, the versions and the kinds of limits', async (t) => {
    const world = await testSandbox(t);
    const before = readdirSync(world.boxesRoot);
    const probed = await world.executor.probe('start');
    assert.ok(probed.ok);
    const { checks, startMs, firejail, suite, ...rest } = probed.value;
    assert.equal(suite, suiteHash());
    assert.match(firejail, /^\d+\.\d+/);
    assert.equal(startMs > 0, true);
    assert.deepEqual(rest, {
      ok: true,
      kernel: release(),
      limits: {
        processes: 'hard',
        process_memory: 'hard',
        open_files: 'hard',
        file_size: 'hard',
        cpu_per_process: 'hard',
        output: 'watched',
        wall_time: 'watched',
        total_memory: 'watched',
        disk: 'watched',
        disk_files: 'watched',
      },
    });
    assert.deepEqual(
      checks.map(({ name, ok }) => ({ name, ok })),
      [
        'own user namespace maps this user only',
        'no new privileges',
        'system call filter',
        'no capabilities',
        'no network but loopback',
        'host processes invisible',
        'service files unreadable',
        'root of the box read-only',
        'programs of the box can run',
        'work tree writable',
        'filtered calls refused',
        'box of the host invisible',
        'write outside refused',
        'socket to a network refused',
        'limits set',
        ...ATTACKS.map(({ name }) => name),
        'no process outlives its sandbox',
      ].map((name) => ({ name, ok: true })),
    );
    assert.deepEqual(readdirSync(world.boxesRoot), before, 'the throw-away box is gone');
  });

  it('is an error that names the check when a sandbox cannot be opened, and leaves nothing', async (t) => {
    const world = await testSandbox(t, { canary: '/etc/hostname' });
    const probed = await world.executor.probe('start');
    assert.deepEqual(probed.ok ? probed.value : [probed.error.code, probed.error.message], [
      'sandbox_self_test_failed',
      `${FAILED}service files unreadable (seen: canary readable: yes)`,
    ]);
    assert.deepEqual(readdirSync(world.boxesRoot), []);
  });

  it('is an error when its box cannot be made', async (t) => {
    const boxesRoot = join(folderIn(t, tmpdir()), 'none');
    const world = await testSandbox(t, { boxesRoot });
    const probed = await world.executor.probe('start');
    assert.equal(probed.ok, false);
    mkdirSync(boxesRoot);
  });
});
