// Owns the proof that a run ends in each way it can, with a sound journal and nothing left on the machine. Real parts; scripted replies.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import type { Backend } from '../../src/contracts/ports.ts';
import type { RunEnd, RunRecord } from '../../src/contracts/runs.ts';
import { applyPatch } from '../../src/publish/apply.ts';
import { runChild, wordOf } from './child.ts';
import {
  bash,
  finish,
  gitIn,
  leftoversOf,
  makeDataDir,
  makeRepo,
  NOTHING_LEFT,
  OWNER,
  REF,
  scriptOf,
  type TestHouse,
  testHouse,
  verdictOf,
} from './house.ts';

const CHECKED = {
  'answer.txt': '41\n',
  '.caisson.yaml': 'checks:\n  - name: answer\n    run: test "$(cat answer.txt)" = 42\n',
};
const FIX = bash('echo 42 > answer.txt');
const PATCH = `diff --git a/answer.txt b/answer.txt
index 87523dd7a0632907d61799465827c3f08825fa47..d81cc0710eb6cf9efd5b920a8453e1e07157b6cd 100644
--- a/answer.txt
+++ b/answer.txt
@@ -1 +1 @@
-41
+42
`;

/** What holds after every end: the chain is whole, and nothing of the run lives or lies anywhere. */
async function assertSound(house: TestHouse): Promise<void> {
  assert.deepEqual(await leftoversOf(house.config), NOTHING_LEFT);
  const verdict = await verdictOf(house.config.dataDir);
  const { integrity, completeness, prunedContents } = verdict;
  assert.deepEqual(
    { integrity, completeness, prunedContents },
    { integrity: { ok: true }, completeness: { state: 'complete' }, prunedContents: 0 },
  );
}

async function assertEnd(house: TestHouse, record: RunRecord, end: RunEnd): Promise<void> {
  assert.deepEqual(record.end, end);
  assert.equal(record.state, 'ended');
  const last = (await house.events(record.id)).at(-1)?.body;
  assert.equal(last?.type === 'run_ended' ? last.end : last, end.end);
  await assertSound(house);
}

test('a claim that the checks confirm ends as done and verified, with the patch by content', async (t) => {
  const house = await testHouse(t, { script: scriptOf([FIX, finish('exit status: 0', 'It was off by one.')]) });
  const repo = await makeRepo(t, CHECKED);
  const record = await house.work(repo);
  await assertEnd(house, record, { end: 'done', verified: true });
  const patch = await house.runs.patch(record.id);
  const { id, startedAt, endedAt, origin, ...rest } = record;
  assert.deepEqual(rest, {
    task: 'Mend it.',
    model: 'recorded',
    owner: 'tester',
    team: 'tests',
    state: 'ended',
    recorded: true,
    totals: { steps: 2, promptTokens: 0, completionTokens: 0 },
    summary: 'It was off by one.',
    end: { end: 'done', verified: true },
    patch: patch?.hash,
  });
  assert.ok(endedAt !== undefined && endedAt >= startedAt);
  assert.equal(origin.head, (await gitIn(repo, 'rev-parse', 'HEAD')).trim());
  assert.deepEqual(
    { text: patch?.text, files: patch?.files, sensitive: patch?.sensitivePaths },
    {
      text: PATCH,
      files: [{ path: 'answer.txt', change: 'modified', added: 1, removed: 1, binary: false }],
      sensitive: [],
    },
  );
  const checks = (await house.runs.checks(id)).map((outcome) => ({ ...outcome, ms: 0 }));
  const check = { name: 'answer', command: 'test "$(cat answer.txt)" = 42', output: '', ms: 0 };
  assert.deepEqual(checks, [
    { ...check, on: 'base', status: 'failed', exitCode: 1 },
    { ...check, on: 'patch', status: 'passed', exitCode: 0 },
  ]);
});

test('without any check a claim ends as done and is called unverified', async (t) => {
  const house = await testHouse(t, { script: scriptOf([FIX, finish('exit status: 0')]) });
  const repo = await makeRepo(t, { 'answer.txt': '41\n' });
  const record = await house.work(repo);
  await assertEnd(house, record, { end: 'done', verified: false });
  assert.equal((await house.runs.patch(record.id))?.text, PATCH);
  assert.deepEqual(await house.runs.checks(record.id), []);
});

test('three claims that the checks refute end as checks_failed; the model was told each time and its work is kept', async (t) => {
  const script = scriptOf([
    bash('echo 43 > answer.txt'),
    finish('exit status: 0'),
    finish('refused: the declared checks ran', 'Again.'),
    finish('refused: the declared checks ran', 'And again.'),
  ]);
  const house = await testHouse(t, { script });
  const record = await house.work(await makeRepo(t, CHECKED));
  await assertEnd(house, record, { end: 'checks_failed' });
  assert.equal(record.summary, 'And again.');
  assert.equal((await house.runs.patch(record.id))?.text.endsWith('-41\n+43\n'), true);
  const refused = (await house.events(record.id)).filter(({ body }) => body.type === 'finish_refused');
  assert.equal(refused.length, 3);
});

test('a run that takes too many steps ends as limit_hit', async (t) => {
  const script = scriptOf([bash('echo 1'), bash('echo 2', 'exit status: 0'), bash('echo 3', 'exit status: 0')]);
  const house = await testHouse(t, { script, settings: { 'limits.run_steps': 2 } });
  const record = await house.work(await makeRepo(t, CHECKED));
  await assertEnd(house, record, { end: 'limit_hit', limit: 'runSteps' });
  assert.equal(record.totals.steps, 2);
});

test('the same call with the same result over and over ends as limit_hit', async (t) => {
  const script = scriptOf([
    bash('echo same'),
    bash('echo same', 'exit status: 0'),
    bash('echo same', 'exit status: 0'),
  ]);
  const house = await testHouse(t, { script, settings: { 'limits.run_repeated_calls': 3 } });
  const record = await house.work(await makeRepo(t, CHECKED));
  await assertEnd(house, record, { end: 'limit_hit', limit: 'runRepeatedCalls' });
});

test('a wish to publish that a person answers with no ends as denied, and nothing is applied', async (t) => {
  const house = await testHouse(t, { script: scriptOf([FIX, finish('exit status: 0')]) });
  const repo = await makeRepo(t, CHECKED);
  const { id } = await house.start(repo, { publish: { ref: REF, remote: 'local' } });
  const { question, shownHash } = await house.seen(id, 'asked');
  await house.approvals.answer(question, { verdict: 'deny', by: 'a reviewer', shown: shownHash, note: 'not now' });
  const record = await house.runs.ended(id);
  await assertEnd(house, record, { end: 'denied', rule: 'publish-asks (denied by a reviewer)' });
  await assert.rejects(house.runs.apply(id, { ref: REF, remote: 'local' }, OWNER), { code: 'run_without_patch' });
  assert.equal(await gitIn(repo, 'for-each-ref', '--format=%(refname)'), 'refs/heads/main\n');
});

test('a wish to publish that a person approves is granted once: a second apply asks anew', async (t) => {
  const house = await testHouse(t, { script: scriptOf([FIX, finish('exit status: 0')]) });
  const repo = await makeRepo(t, CHECKED);
  const wish = { ref: REF, remote: 'local' };
  const { id } = await house.start(repo, { publish: wish });
  const { question, shownHash } = await house.seen(id, 'asked');
  await house.approvals.answer(question, { verdict: 'approve', by: 'a reviewer', shown: shownHash, note: 'good' });
  await assertEnd(house, await house.runs.ended(id), { end: 'done', verified: true });
  const granted = await house.runs.apply(id, wish, OWNER);
  assert.equal(granted.state, 'granted');
  if (granted.state !== 'granted') return;
  const { commit, base } = await applyPatch({ ...granted, repo, ref: REF });
  await house.runs.applied(id, { ok: true, ref: REF, commit, base });
  assert.equal(await gitIn(repo, 'show', `${REF}:answer.txt`), '42\n');
  assert.equal(await gitIn(repo, 'status', '--porcelain'), '');
  const again = await house.runs.apply(id, wish, OWNER);
  assert.equal(again.state, 'waiting');
  const uses = (await house.events(id)).filter(({ body }) => body.type === 'grant_used');
  assert.deepEqual(
    uses.map(({ body }) => body.type === 'grant_used' && body.use),
    ['used'],
  );
  await assertSound(house);
});

test('a run that is cancelled while a command runs ends at once as cancelled and keeps what was written', async (t) => {
  const script = scriptOf([bash('echo 42 > answer.txt; sleep 600 & sleep 601')]);
  const house = await testHouse(t, { script });
  const { id } = await house.start(await makeRepo(t, CHECKED));
  await house.seen(id, 'check_finished');
  await untilSleeping(house, id);
  const record = await house.runs.cancel(id, 'a reviewer');
  await assertEnd(house, record, { end: 'cancelled', by: 'a reviewer' });
  assert.equal((await house.runs.patch(record.id))?.text, PATCH);
});

test('a run that is cancelled while its sandbox opens runs no command to its end', async (t) => {
  const script = scriptOf([bash('sleep 600')]);
  const house = await testHouse(t, { script });
  const checks = [{ name: 'slow', run: 'sleep 600' }];
  for (const moment of ['workspace_ready', 'check_started', 'sandbox_opened', 'tool_started'] as const) {
    const { id } = await house.start(await makeRepo(t, CHECKED), { checks });
    await house.seen(id, moment);
    const record = await house.runs.cancel(id, 'a reviewer');
    await assertEnd(house, record, { end: 'cancelled', by: 'a reviewer' });
  }
});

test('a model that leaves the script ends the run as failed and says what it got', async (t) => {
  const house = await testHouse(t, { script: scriptOf([FIX, finish('exit status: 7')]) });
  const record = await house.work(await makeRepo(t, CHECKED));
  const error = record.end?.end === 'failed' ? record.end.error : undefined;
  assert.equal(error?.code, 'rehearsal_left_script');
  assert.match(error?.message ?? '', /turn 2 expected .*exit status: 7.*received.*exit status: 0/);
  assert.equal((await house.runs.patch(record.id))?.text, PATCH);
  await assertSound(house);
});

test('an engine that fails for good ends the run as failed with its words', async (t) => {
  const house = await testHouse(t, { backends: [failing()] });
  const record = await house.work(await makeRepo(t, CHECKED));
  const hint = record.end?.end === 'failed' ? record.end.error.hint : '';
  await assertEnd(house, record, { end: 'failed', error: { code: 'backend_failed', message: 'out of memory', hint } });
});

/** The service dies after the command ran and before its result is in the journal. */
async function crashIn(t: TestContext, next: 'end' | 'resume') {
  const dataDir = await makeDataDir(t);
  const repo = await makeRepo(t, { 'answer.txt': '41\n' });
  const dead = await runChild({ dataDir, repo, next: 'work', killIn: 'after:tool' });
  assert.deepEqual({ signal: dead.signal, errors: dead.errors }, { signal: 'SIGKILL', errors: '' });
  const after = wordOf(await runChild({ dataDir, mode: next }), 'recovered');
  assert.deepEqual(after?.left, NOTHING_LEFT);
  const { integrity, completeness } = after.verdict;
  assert.deepEqual({ integrity, completeness }, { integrity: { ok: true }, completeness: { state: 'complete' } });
  assert.ok(after.run !== undefined);
  return after.run;
}

test('a run that died with its process ends as crashed where nobody takes it up, and its work is kept', async (t) => {
  const { end, types, started, finished, effects } = await crashIn(t, 'end');
  assert.deepEqual(
    { end, started, finished, effects },
    { end: { end: 'crashed' }, started: 1, finished: 0, effects: 1 },
  );
  assert.deepEqual(types.slice(-2), ['patch_made', 'run_ended']);
});

test('a run that died with its process goes on in a service, and the call that nobody knows of is not repeated', async (t) => {
  const { end, types, started, finished, effects } = await crashIn(t, 'resume');
  assert.deepEqual(
    { end, started, finished, effects },
    { end: { end: 'done', verified: false }, started: 1, finished: 0, effects: 1 },
  );
  assert.equal(types.filter((type) => type === 'run_resumed').length, 1);
});

function failing(): Backend {
  const error: ModelEvent = { type: 'error', code: 'backend_failed', message: 'out of memory', retryable: false };
  return {
    name: 'failing',
    recorded: false,
    models: async () => [{ id: 'failing', backend: 'failing' }],
    stream: async function* stream() {
      yield error;
    },
  };
}

/** The command has written its file and sleeps. */
async function untilSleeping(house: TestHouse, id: string): Promise<void> {
  const work = join(house.places.runsRoot, id, 'box', 'work', 'answer.txt');
  while ((await readFile(work, 'utf8')) !== '42\n') await delay(10);
}
