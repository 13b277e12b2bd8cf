// Those who look after the engines see how each one is, drain it and take it back; numbers for Prometheus say the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { callJson } from '../http.ts';
import { startService } from '../service.ts';

const backend: Backend = {
  name: 'one',
  recorded: false,
  weight: 2,
  places: 8,
  models: async () => [{ id: 'm', backend: 'one' }],
  stream: async function* stream(): AsyncGenerator<ModelEvent> {
    yield { type: 'finish', reason: 'stop' };
  },
};
const IDLE = { name: 'one', weight: 2, places: 8, inFlight: 0, requests: 0, failures: 0 };

test('an admin drains an engine and takes it back; an auditor sees it; a client does not', async (t) => {
  const service = await startService(t, { backends: [backend] });
  const [admin, auditor, client] = await Promise.all([
    service.key(['admin']),
    service.key(['auditor']),
    service.key(['client']),
  ]);
  const ask = async (method: string, path: string, key: string) => {
    const json = method === 'POST' ? { json: {} } : {};
    const { status, body } = await callJson(service, method, `/api/v1/backends${path}`, { key, ...json });
    return [status, body];
  };
  assert.deepEqual(await ask('GET', '', auditor), [200, { backends: [{ ...IDLE, state: 'up' }] }]);
  assert.deepEqual(await ask('POST', '/one/drain', admin), [200, { ...IDLE, state: 'draining' }]);
  assert.deepEqual(await ask('GET', '', admin), [200, { backends: [{ ...IDLE, state: 'draining' }] }]);
  assert.deepEqual(await ask('POST', '/one/resume', admin), [200, { ...IDLE, state: 'up' }]);
  assert.deepEqual(await ask('POST', '/reload', admin), [200, { backends: [{ ...IDLE, state: 'up' }] }]);
  const refusals = [
    ['GET', '', client, 403],
    ['POST', '/one/drain', auditor, 403],
    ['POST', '/reload', client, 403],
    ['POST', '/nobody/drain', admin, 404],
  ] as const;
  for (const [method, path, key, status] of refusals) assert.equal((await ask(method, path, key))[0], status, path);
});

test('beside its state stands what an engine says of itself, and nothing beside that of one that says nothing', async (t) => {
  const engine = { version: '0.32.0', remarks: [], numbers: { running: 3, cacheUsed: 0.5 } };
  const backends = [
    { ...backend, report: async () => engine },
    { ...backend, name: 'two', report: async () => ({ remarks: [] }) },
  ];
  const service = await startService(t, { backends });
  const { body } = await callJson(service, 'GET', '/api/v1/backends', { key: await service.key(['auditor']) });
  const idle = { ...IDLE, state: 'up' };
  assert.deepEqual(body, {
    backends: [
      { ...idle, engine },
      { ...idle, name: 'two' },
    ],
  });
});

test('a probe is stored by an admin, seen by an auditor, and refused where it is none', async (t) => {
  const service = await startService(t);
  const [admin, auditor] = await Promise.all([service.key(['admin']), service.key(['auditor'])]);
  const result = { name: 'tool', outcome: 'fails', detail: 'no call', milliseconds: 5 };
  const probe = { backend: 'one', model: 'm', version: '0.32.0', at: 1, score: 80, results: [result] };
  const send = async (key: string, json: object) =>
    (await callJson(service, 'POST', '/api/v1/probes', { key, json })).status;
  assert.equal(await send(admin, probe), 200);
  assert.equal(await send(auditor, probe), 403);
  for (const wrong of [{ score: 101 }, { at: -1 }, { results: [{ ...result, outcome: 'well' }] }, { extra: true }])
    assert.equal(await send(admin, { ...probe, ...wrong }), 400, JSON.stringify(wrong));
  const { body } = await callJson(service, 'GET', '/api/v1/probes', { key: auditor });
  assert.deepEqual(body, { probes: [probe] });
});
