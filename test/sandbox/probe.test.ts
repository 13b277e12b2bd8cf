// Owns the proof of the whole probe: each attack works without a sandbox, and one that comes through stops everything.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ATTACKS, suiteHash } from '../../src/sandbox/probing/suite.ts';
import { commandLine, listProcesses, type ProcessInfo } from '../../src/sandbox/processes.ts';
import { LIMITS, testSandbox } from './setup.ts';

/** A firejail that leaves out a line of the profile until it is mended. The handshake must not miss it. */
function weakened(t: TestContext, line: string): { readonly firejail: string; readonly mend: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-weak-'));
  chmodSync(folder, 0o777);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const flag = join(folder, 'weak');
  writeFileSync(flag, '');
  const script = [
    '#!/bin/bash',
    'arguments=()',
    'for word; do',
    `  if [[ -e ${flag} && $word == --profile=* ]]; then`,
    `    grep -v '^${line}' <"\${word#*=}" >${folder}/profile`,
    `    word=--profile=${folder}/profile`,
    '  fi',
    '  arguments+=("$word")',
    'done',
    'exec firejail "${arguments[@]}"',
  ];
  const firejail = join(folder, 'firejail');
  writeFileSync(firejail, `${script.join('\n')}\n`, { mode: 0o755 });
  return { firejail, mend: () => rmSync(flag) };
}

describe('the whole probe', () => {
  it('passes here, and shows of each attack that it works without a sandbox', async (t) => {
    const world = await testSandbox(t);
    const probed = await world.executor.probe('whole');
    assert.ok(probed.ok);
    const { checks, suite, ok } = probed.value;
    assert.deepEqual(
      { ok, suite, failed: checks.filter((one) => !one.ok) },
      { ok: true, suite: suiteHash(), failed: [] },
    );
    const unproven = ATTACKS.filter(({ name, unless }) => {
      const seen = checks.find((one) => one.name === name)?.seen ?? '';
      return (
        !seen.endsWith('; without a sandbox it succeeds') && !(unless !== undefined && seen.endsWith(`(${unless})`))
      );
    });
    assert.deepEqual(unproven, []);
    const proven = checks.filter(({ seen }) => seen.endsWith('it succeeds')).length;
    assert.ok(proven >= 9, `${proven} positive controls`);
    const isVictim = ({ pid, parent, state }: ProcessInfo) =>
      state !== 'Z' && parent === process.pid && commandLine(pid).join(' ').startsWith('cat');
    assert.deepEqual(listProcesses().filter(isVictim), [], 'what it made to be reached is gone');
  });

  it('tells each sandbox that is opened after it which attacks the place has withstood', async (t) => {
    const world = await testSandbox(t);
    const confinedBy = async (name: string) => {
      const request = { sandbox: name, run: 'r', purpose: 'agent', box: world.newBox(name), limits: LIMITS } as const;
      const opened = await world.executor.open(request);
      assert.ok(opened.ok);
      return opened.value.probe.confinedBy;
    };
    assert.equal(await confinedBy('before'), undefined);
    await world.executor.probe('start');
    assert.equal(await confinedBy('after'), suiteHash());
  });

  it('stops everything when an attack comes through: no sandbox opens and no command runs, until one passes', async (t) => {
    const { firejail, mend } = weakened(t, 'private-tmp');
    const world = await testSandbox(t, { firejail });
    const open = await world.open('open');
    assert.equal(await open.text('echo before'), 'before\n');
    const probed = await world.executor.probe('start');
    assert.ok(probed.ok);
    assert.deepEqual(
      probed.value.checks.filter(({ ok }) => !ok),
      [{ name: 'temporary files of the host invisible', ok: false, seen: 'loot' }],
    );
    const message = 'the sandbox failed its probe: temporary files of the host invisible';
    const box = world.newBox('later');
    const later = await world.executor.open({ sandbox: 'later', run: 'r', purpose: 'agent', box, limits: LIMITS });
    assert.deepEqual(later.ok ? 'opened' : [later.error.code, later.error.message], [
      'sandbox_self_test_failed',
      message,
    ]);
    const request = { sandbox: 'open', exec: 'e', command: 'touch ran', timeoutMs: 1000, outputBytes: 9, keep: false };
    const done = await world.executor.exec(request);
    assert.equal(done.ok ? 'ran' : done.error.message, message);
    assert.equal(existsSync(join(open.box, 'work', 'ran')), false);
    mend();
    const again = await world.executor.probe('start');
    assert.equal(again.ok && again.value.ok, true);
    assert.equal(await open.text('echo after'), 'after\n');
  });

  it('has another hash with any other attack', () => {
    const [first, ...others] = ATTACKS;
    assert.ok(first !== undefined);
    const sets = [ATTACKS, others, [{ ...first, text: `${first.text} ` }, ...others], [...ATTACKS, first]];
    const hashes = new Set(sets.map((set) => suiteHash(set)));
    assert.equal(hashes.size, sets.length);
  });
});
