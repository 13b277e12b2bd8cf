// Owns the proof that an agent may ask for another set-up with a reason, that the policy or a person decides, and that the checks have
// what it made. Real parts; scripted replies.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { OWNER, bash, finish, makeRepo, scriptOf, type TestHouse, testHouse, type Turn } from './house.ts';

const FILES = { 'want.txt': 'one\n', 'verify.sh': 'test "$(cat deps/got.txt)" = "$(cat want.txt)"\n', outer: 'x\n' };
const CHECKS = [{ name: 'tests', run: 'sh verify.sh' }];
const COMMAND = 'rm -rf deps && mkdir -p deps && cp want.txt deps/got.txt';
const FIRST = { run: [COMMAND], failure: 'end' as const };

const setUp = (command: string, after = ''): Turn => ({
  after,
  calls: [{ name: 'set_up', arguments: { command, why: 'want.txt has changed' } }],
});

function policyFile(t: TestContext, verdict: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-again-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'policy.yaml');
  const rule = { id: 'another-set-up', effect: 'external', match: { tool: 'set_up' }, verdict };
  const words = { reason: 'More is installed.', advice: 'Say why.', examples: { match: ['set_up'] } };
  writeFileSync(path, JSON.stringify({ version: 1, rules: [{ ...rule, ...words }] }));
  return path;
}

async function resultsOf(house: TestHouse, id: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { body } of await house.events(id))
    if (body.type === 'tool_finished') found.push((await house.journal.content(body.resultHash)) ?? '');
  return found;
}

const AGAIN = [
  bash('echo two > want.txt; sleep 300 & ln -s /tmp out; echo mine > own.txt; cat deps/got.txt'),
  setUp(COMMAND, 'exit status: 0'),
  bash('cat deps/got.txt own.txt; jobs | wc -l; git status --short', 'ok'),
  finish('exit status: 0'),
];

test('where the policy allows it, it runs on the files as they are, replaces what was there, and the checks have it too', async (t) => {
  const house = await testHouse(t, { script: scriptOf(AGAIN), settings: { policy: policyFile(t, 'allow') } });
  const run = await house.work(await makeRepo(t, FILES), { checks: CHECKS, setup: FIRST });
  assert.deepEqual(run.end, { end: 'done', verified: true });
  const [before, done, after] = await resultsOf(house, run.id);
  assert.equal(before, 'exit status: 0\n\none\n');
  assert.match(done ?? '', /^ok\nSet up before you came: .*, .* made deps \(2 files\)\./);
  assert.equal(after, 'exit status: 0\n\ntwo\nmine\n0\n M want.txt\n?? out\n?? own.txt\n');
  assert.equal((await house.runs.patch(run.id))?.text.includes('deps'), false);
});

test('where a person is asked, a no leaves everything as it is, and a failure is told', async (t) => {
  const turns = [
    bash('true'),
    setUp('false'),
    setUp('echo gone >&2; exit 4', 'denied'),
    bash('cat deps/got.txt', 'failed'),
    finish('exit status: 0'),
  ];
  const house = await testHouse(t, { script: scriptOf(turns), settings: { policy: policyFile(t, 'ask') } });
  const { id } = await house.start(await makeRepo(t, FILES), { checks: CHECKS, setup: FIRST });
  for (const verdict of ['deny', 'approve'] as const) {
    await house.seen(id, 'asked', () => true);
    let waiting = await house.approvals.list({ run: id, state: 'waiting' });
    while (waiting.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      waiting = await house.approvals.list({ run: id, state: 'waiting' });
    }
    for (const { id: question, shown } of waiting)
      await house.approvals.answer(question, { verdict, by: OWNER.name, shown, note: '' });
  }
  const run = await house.runs.ended(id);
  assert.deepEqual(run.end, { end: 'done', verified: true });
  const [, denied, failed, after] = await resultsOf(house, id);
  assert.match(denied ?? '', /^denied/);
  assert.equal(failed, `failed\necho gone >&2; exit 4: exit status 4\ngone`);
  assert.equal(after, 'exit status: 0\n\none\n');
});
