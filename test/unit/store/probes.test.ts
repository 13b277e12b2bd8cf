// Probes: the last one of each backend, model and version is kept, and the newest of each model counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { openWriter } from '../../../src/store/connection.ts';
import { latestProbes, saveProbe } from '../../../src/store/probe-store.ts';
import type { ProbeReport } from '../../../src/contracts/probes.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { withoutUnfit } from '../../../src/probing.ts';
import { inStore } from './scene.ts';

const REPORT: ProbeReport = {
  backend: 'one',
  model: 'm',
  version: '0.31.0',
  at: 1000,
  score: 80,
  results: [{ name: 'tool', outcome: 'fails', detail: 'no call', milliseconds: 5 }],
};
const NEWER: ProbeReport = { ...REPORT, version: '0.32.0', at: 2000, score: 100, results: [] };

test('the newest probe of each model is given, whatever the version of its engine', async () => {
  await inStore(async (store) => {
    assert.deepEqual(await latestProbes(store), []);
    await saveProbe(store, NEWER);
    await saveProbe(store, REPORT);
    await saveProbe(store, { ...REPORT, model: 'other', at: 1500 });
    assert.deepEqual(await latestProbes(store), [NEWER, { ...REPORT, model: 'other', at: 1500 }]);
    await saveProbe(store, { ...NEWER, at: 3000, score: 50 });
    assert.deepEqual((await latestProbes(store))[0], { ...NEWER, at: 3000, score: 50 });
  });
});

test('one that was changed by others is refused', async () => {
  await inStore(async (store) => {
    await saveProbe(store, REPORT);
    const db = openWriter(store.file);
    db.prepare("UPDATE probes SET report = '{}'").run();
    db.close();
    await assert.rejects(latestProbes(store), /the probe of one in the database is not what Caisson writes at backend/);
  });
});

test('an engine whose probe came to less than is wanted gets no requests; one that was not probed does', async () => {
  const backend = (name: string): Backend => ({
    name,
    recorded: false,
    models: async () => [],
    stream: async function* none() {},
  });
  const settings = (name: string, minimumScore?: number) => ({
    name,
    type: 'openai' as const,
    url: 'http://engine',
    models: [],
    ...(minimumScore === undefined ? {} : { minimumScore }),
  });
  const remarks: unknown[] = [];
  const logger = { ...silentLogger, warn: (_: string, fields: object = {}) => void remarks.push(fields) };
  await inStore(async (store) => {
    await saveProbe(store, REPORT);
    await saveProbe(store, { ...REPORT, backend: 'two' });
    const fit = await withoutUnfit(
      [backend('one'), backend('two'), backend('three')],
      [settings('one', 81), settings('two', 80), settings('three', 100)],
      { store, logger },
    );
    assert.deepEqual(
      fit.map(({ name }) => name),
      ['two', 'three'],
    );
    const words = 'gets no requests: its probe came to 80 of 100, and minimum_score is 81';
    assert.deepEqual(remarks, [{ remark: `backend one: ${words}` }]);
  });
});
