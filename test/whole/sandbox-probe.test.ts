// Shows the test of the sandbox as a person asks for it: what comes of it in the journal, in later runs, and in the readiness.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { lineOf } from '../../src/cli/lines.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Executor, ProbeReport } from '../../src/contracts/executor.ts';
import type { EventBody } from '../../src/contracts/run-events.ts';
import { SERVICE_CHAIN } from '../../src/contracts/run-events.ts';
import { ATTACKS, suiteHash } from '../../src/sandbox/probing/suite.ts';
import { createSandboxTest } from '../../src/self-test.ts';
import { dataDirFor } from './cli-setup.ts';
import { makeRepo, scriptOf, testHouse, type TestHouse } from './house.ts';

const ENTRY = join(import.meta.dirname, '..', '..', 'src', 'entry.ts');
const SCRIPT = scriptOf([{ text: 'Nothing to do.' }]);

async function probedEvents(house: TestHouse): Promise<readonly EventBody[]> {
  return (await house.events(SERVICE_CHAIN)).map(({ body }) => body).filter(({ type }) => type === 'probed');
}

test('a whole probe is an event with its set of attacks, firejail and kernel, and all that it saw beside it', async (t) => {
  const house = await testHouse(t, { backends: [] });
  const report = await house.sandboxTest.again();
  const { firejail, kernel, suite } = report;
  assert.deepEqual([report.ok, suite, house.sandboxTest.problem()], [true, suiteHash(), undefined]);
  const events = await probedEvents(house);
  const [last] = events.slice(-1);
  assert.ok(last?.type === 'probed');
  const { probeHash, ...body } = last;
  assert.deepEqual(body, { type: 'probed', ok: true, failed: [], suite, firejail, kernel });
  const kept = JSON.parse((await house.journal.content(probeHash)) ?? '') as { value: ProbeReport };
  assert.deepEqual(kept.value, report);
});

test('a run tells which set of attacks its sandbox had withstood', async (t) => {
  const house = await testHouse(t, { script: SCRIPT });
  await house.selfTest();
  const run = await house.start(await makeRepo(t, { 'a.txt': 'a\n' }));
  const opened = await house.seen(run.id, 'sandbox_opened');
  assert.equal(opened.confinedBy, suiteHash());
  const event = (await house.events(run.id)).find(({ body }) => body.type === 'sandbox_opened');
  assert.ok(event);
  const line = await lineOf(event, async () => '');
  assert.match(line ?? '', new RegExp(`sandbox ready .*, confined by probe set ${suiteHash().slice(7, 19)}\\)$`));
});

/** An executor whose probes come to what the list says. */
function scripted(house: TestHouse, outcomes: readonly string[][]): Executor {
  const left = [...outcomes];
  return {
    ...house.executor,
    probe: async () => {
      const failed = left.shift() ?? [];
      const checks = ['one', 'two'].map((name) => ({ name, ok: !failed.includes(name), seen: `${name} seen` }));
      const ok = failed.length === 0;
      const value = { ok, checks, firejail: 'f', kernel: 'k', limits: {}, startMs: 1, suite: suiteHash() };
      return { ok: true, value };
    },
  };
}

test('a probe that fails later is what counts from then on, and one that passes again too', async (t) => {
  const house = await testHouse(t, { backends: [] });
  const executor = scripted(house, [[], ['two'], []]);
  const {
    test: selfTest,
    again,
    problem,
  } = createSandboxTest({ executor, journal: house.journal, logger: silentLogger });
  assert.equal(problem(), 'the sandbox is being tested');
  assert.deepEqual([await selfTest(), problem()], [undefined, undefined]);
  const message = 'the sandbox fails its self-test: two (seen: two seen)';
  assert.equal((await again()).ok, false);
  assert.deepEqual([(await selfTest())?.message, problem()], [message, message]);
  assert.equal((await again()).ok, true);
  assert.deepEqual([await selfTest(), problem()], [undefined, undefined]);
  const events = (await probedEvents(house)).slice(-3);
  assert.deepEqual(
    events.map((body) => body.type === 'probed' && [body.ok, body.failed]),
    [
      [true, []],
      [false, ['two (seen: two seen)']],
      [true, []],
    ],
  );
});

test('doctor --probe prints each attack with its control, and the name of the set', async (t: TestContext) => {
  const { dataDir } = dataDirFor(t);
  const words = [ENTRY, 'doctor', '--probe', '--json', '--data-dir', dataDir];
  const out = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, words, { cwd: '/' }, (error, stdout, stderr) =>
      stdout === '' ? reject(new Error(stderr, { cause: error })) : resolve(stdout),
    );
  });
  const findings = JSON.parse(out) as readonly { name: string; ok: boolean; seen: string }[];
  const ofSandbox = new Map(findings.map(({ name, ok, seen }) => [name.replace('sandbox: ', ''), { ok, seen }]));
  assert.deepEqual(ofSandbox.get('set of attacks'), { ok: true, seen: suiteHash() });
  for (const { name } of ATTACKS) {
    const { ok, seen = '' } = ofSandbox.get(name) ?? {};
    assert.equal(ok, true, name);
    assert.match(seen, /without a sandbox it (?:succeeds|fails too)/, name);
  }
});
