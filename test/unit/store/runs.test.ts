// The projection of runs: the last record of each, found by id or in pages, newest first.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CaissonError, reportOf } from '../../../src/base/errors.ts';
import { newId } from '../../../src/base/ids.ts';
import type { RunEnd, RunRecord } from '../../../src/contracts/runs.ts';
import { openWriter } from '../../../src/store/connection.ts';
import { createRunStore } from '../../../src/store/run-store.ts';
import { inStore } from './scene.ts';

const RUN: RunRecord = {
  id: 'run_1',
  task: 'make the tests pass\nand nothing else',
  model: 'm',
  owner: 'key_1',
  team: 'tools',
  state: 'queued',
  startedAt: 1_700_000_000_000,
  recorded: false,
  origin: { head: 'abc', branch: 'main', headTree: 't1', tree: 't2' },
  totals: { steps: 0, promptTokens: 0, completionTokens: 0 },
};

const ENDED: RunRecord = {
  ...RUN,
  state: 'ended',
  endedAt: RUN.startedAt + 1000,
  end: { end: 'done', verified: true },
  totals: { steps: 3, promptTokens: 1000, completionTokens: 20 },
  summary: 'done',
  patch: 'sha256:p',
};

test('a run is kept as it was saved last', async () => {
  await inStore(async (store) => {
    const runs = createRunStore(store);
    assert.equal(await runs.get('run_1'), undefined);
    await runs.save(RUN);
    assert.deepEqual(await runs.get('run_1'), RUN);
    await runs.save(ENDED);
    assert.deepEqual(await runs.get('run_1'), ENDED);
    assert.deepEqual(await runs.list({ limit: 10 }), [ENDED]);
  });
});

test('every way to end is kept whole', async () => {
  const error = new CaissonError('config_invalid', 'wrong', { place: { file: 'f', line: 1, column: 2, field: 'x' } });
  const ends: readonly RunEnd[] = [
    { end: 'done', verified: false },
    { end: 'checks_failed' },
    { end: 'limit_hit', limit: 'runSteps' },
    { end: 'denied', rule: 'publish-asks' },
    { end: 'cancelled', by: 'alice' },
    { end: 'crashed' },
    { end: 'failed', error: reportOf(error) },
    { end: 'failed', error: reportOf(new Error('strange')) },
  ];
  await inStore(async (store) => {
    const runs = createRunStore(store);
    for (const [index, end] of ends.entries()) await runs.save({ ...ENDED, id: `run_${index}`, end });
    const kept = await Promise.all(ends.map(async (_, index) => (await runs.get(`run_${index}`))?.end));
    assert.deepEqual(kept, ends);
  });
});

test('lists are filtered by owner, team and state as it is now, and by all of them together', async () => {
  await inStore(async (store) => {
    const runs = createRunStore(store);
    const saved: readonly RunRecord[] = [
      { ...RUN, id: 'run_1', owner: 'a', team: 'x' },
      { ...RUN, id: 'run_2', owner: 'b', team: 'x', state: 'running' },
      { ...RUN, id: 'run_3', owner: 'a', team: 'y', state: 'waiting' },
      { ...RUN, id: 'run_4', owner: 'a', team: 'x', state: 'running' },
    ];
    for (const run of saved) await runs.save(run);
    const ids = async (filter: Partial<Parameters<typeof runs.list>[0]>) =>
      (await runs.list({ limit: 10, ...filter })).map(({ id }) => id);
    assert.deepEqual(await ids({}), ['run_4', 'run_3', 'run_2', 'run_1']);
    assert.deepEqual(await ids({ owner: 'a' }), ['run_4', 'run_3', 'run_1']);
    assert.deepEqual(await ids({ team: 'x' }), ['run_4', 'run_2', 'run_1']);
    assert.deepEqual(await ids({ state: 'running' }), ['run_4', 'run_2']);
    assert.deepEqual(await ids({ owner: 'a', team: 'x', state: 'running' }), ['run_4']);
    assert.deepEqual(await ids({ owner: 'nobody' }), []);
    await runs.save({ ...ENDED, id: 'run_4', owner: 'a', team: 'x' });
    assert.deepEqual(await ids({ state: 'running' }), ['run_2']);
  });
});

test('pages follow each other from the newest to the oldest, without a gap, also while new runs come', async () => {
  await inStore(async (store) => {
    const runs = createRunStore(store);
    const ids = Array.from({ length: 25 }, (_, index) => newId('run', RUN.startedAt + index));
    await Promise.all(ids.map((id) => runs.save({ ...RUN, id })));
    const seen: string[] = [];
    for (let before: string | undefined; ; before = seen.at(-1)) {
      const page = await runs.list(before === undefined ? { limit: 10 } : { limit: 10, before });
      seen.push(...page.map(({ id }) => id));
      await runs.save({ ...RUN, id: newId('run', RUN.startedAt + 1000) });
      if (page.length < 10) break;
    }
    assert.deepEqual(seen, ids.toReversed());
  });
});

test('a record that another program changed is refused with the id of its run', async () => {
  const changes = [
    `'no JSON'`,
    `'{}'`,
    `json_set(record, '$.end', json('{"end":"won"}'))`,
    `json_set(record, '$.totals.steps', -1)`,
    `json_set(record, '$.verified', 1)`,
  ];
  for (const change of changes)
    await inStore(async (store, directory) => {
      const runs = createRunStore(store);
      await runs.save(ENDED);
      const connection = openWriter(join(directory, 'caisson.db'));
      connection.exec(`UPDATE runs SET record = ${change}`);
      connection.close();
      const refused = { code: 'data_dir_unusable', message: /^the record of run run_1 in the database is not what/ };
      await assert.rejects(runs.get('run_1'), refused);
      await assert.rejects(runs.list({ limit: 1 }), refused);
    });
});

test('a run in a state that there is not is refused by the table', async () => {
  await inStore(async (store) => {
    const row = { id: 'run_1', owner: 'a', team: 't', state: 'lost', record: '{}' };
    await assert.rejects(store.write('saveRun', row), { code: 'internal', message: /CHECK constraint failed/ });
    assert.equal(await createRunStore(store).get('run_1'), undefined);
  });
});
