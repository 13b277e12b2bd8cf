// Owns the proof that a secret in a run is masked in the journal, told by its place, and not applied unseen. Real parts; scripted replies.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { lineOf } from '../../src/cli/lines.ts';
import { drawn } from '../unit/workspace/leaks/samples.ts';
import { bash, finish, makeRepo, OWNER, REF, scriptOf, testHouse, verdictOf } from './house.ts';

const TOKEN = `ghp_${drawn(36, 1)}`;
/** Characters before the words of a line. */
const STEP = 8;
const OTHER = `nvapi-${drawn(64, 2)}`;

test('a secret is masked in what the journal keeps, told by file and line, and a patch that adds one is asked about', async (t) => {
  const script = scriptOf([
    bash(`cat .env; echo 'key = "${OTHER}"' > settings.toml`),
    finish('exit status: 0', `The token was ${TOKEN}.`),
  ]);
  const house = await testHouse(t, { script });
  const repo = await makeRepo(t, { '.env': `A=1\nTOKEN=${TOKEN}\n` });
  const record = await house.work(repo, { task: `Do not tell ${TOKEN}.` });
  assert.deepEqual(record.end, { end: 'done', verified: false });
  const events = await house.events(record.id);
  const told = events.flatMap(({ body }) =>
    body.type === 'secrets_masked' ? [`${body.of}: ${body.kinds.join()}`] : [],
  );
  assert.deepEqual([...new Set(told)].sort(), [
    'decided: NVIDIA key',
    'finish_claimed: GitHub token',
    'model_answered: GitHub token',
    'model_answered: NVIDIA key',
    'model_requested: GitHub token',
    'run_started: GitHub token',
    'tool_finished: GitHub token',
    'tool_started: GitHub token',
    'tool_started: NVIDIA key',
  ]);
  const lines = await Promise.all(
    events
      .filter(({ body }) => body.type === 'secrets_found')
      .map((event) => lineOf(event, async (hash) => (await house.journal.content(hash)) ?? '')),
  );
  const places = lines.map((line) => line?.slice(STEP) ?? '').toSorted((left, right) => (left < right ? -1 : 1));
  assert.deepEqual(places, [
    'the patch adds what looks like a secret: settings.toml:1 (NVIDIA key)',
    'the repository holds what looks like a secret: .env:2 (GitHub token)',
  ]);
  const answer = await house.runs.apply(record.id, { ref: REF, remote: 'local' }, OWNER);
  assert.equal(answer.state, 'waiting');
  assert.match(
    (await house.approvals.shownText(answer.state === 'waiting' ? answer.question.id : '')) ?? '',
    /Adds what looks like a secret:\n {2}settings\.toml:1: NVIDIA key/,
  );
  const { integrity, completeness } = await verdictOf(house.config.dataDir);
  assert.deepEqual({ integrity, completeness }, { integrity: { ok: true }, completeness: { state: 'complete' } });
  const patch = await house.runs.patch(record.id);
  assert.ok(patch?.text.includes(OTHER), 'the positive control: the patch is whole');
  await house.close('the test looks at its files');
  for (const name of await readdir(house.config.dataDir)) {
    if (!name.startsWith('caisson.db')) continue;
    const bytes = await readFile(join(house.config.dataDir, name), 'latin1');
    assert.ok(!bytes.includes(TOKEN), `${name} holds the token`);
  }
});
