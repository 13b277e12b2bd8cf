// The door as the service has it: a real house counts a real run for its owner, and serves limits, usage and metrics on its address.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { listenOnPort } from '../../../src/serving.ts';
import { makeRepo, OWNER, testHouse } from '../../whole/house.ts';

const USAGE = { promptTokens: 100, completionTokens: 20 };

/** Says at once that it is done. */
const backend: Backend = {
  name: 'engine',
  recorded: false,
  declared: ['m'],
  models: async () => [{ id: 'm', backend: 'engine' }],
  stream: async function* stream(): AsyncGenerator<ModelEvent> {
    const finish = JSON.stringify({ summary: 'Nothing to do.', checked: 'nothing' });
    yield { type: 'tool_call', index: 0, id: 'call_1', name: 'finish', arguments: finish, complete: true };
    yield { type: 'usage', ...USAGE };
    yield { type: 'finish', reason: 'tool_calls' };
  },
};

function send(address: string, method: string, path: string, key: string, body?: object) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const request = httpRequest(`${address}${path}`, { method, headers, agent: false }, (answer) => {
      text(answer).then(
        (all) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: all }),
        reject,
      );
    });
    request.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test('a run counts for its owner, and clients of the same service have their limits and see their use', async (t) => {
  const settings = {
    backends: [{ name: 'engine', type: 'openai', url: 'http://127.0.0.1:1/v1', models: ['m'], gpus: 2 }],
    'server.port': 0,
  };
  const house = await testHouse(t, { backends: [backend], settings });
  const run = await house.work(await makeRepo(t, { 'a.txt': 'a\n' }), { model: 'm' });
  const totals = { promptTokens: run.totals.promptTokens, completionTokens: run.totals.completionTokens };
  assert.deepEqual(totals, USAGE);
  const limits = { requestsPerMinute: 2 };
  const { key, record } = await house.accounts.create({ name: 'c', team: 'red', roles: ['client'], limits });
  const admin = await house.accounts.create({ name: 'd', team: 'red', roles: ['admin'] });
  const http = await listenOnPort(house, { ready: async () => ({ ok: true, reasons: [] }) });
  try {
    const chat = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
    const answers = [];
    for (let count = 0; count < 3; count += 1)
      answers.push(await send(http.address, 'POST', '/v1/chat/completions', key, chat));
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers['x-ratelimit-remaining-requests']]),
      [
        [200, '1'],
        [200, '0'],
        [429, '0'],
      ],
    );
    const usage = async (by: string) => {
      const answer = await send(http.address, 'GET', `/api/v1/usage?by=${by}`, admin.key);
      const lines = (JSON.parse(answer.text) as { usage: { of: string; requests: number; gpuSeconds: number }[] })
        .usage;
      assert.ok(lines.every(({ gpuSeconds }) => gpuSeconds > 0 && gpuSeconds < 60));
      return Object.fromEntries(lines.map(({ of, requests }) => [of, requests]));
    };
    assert.deepEqual(await usage('run'), { [run.id]: 1 });
    assert.deepEqual(await usage('key'), { [record.id]: 2, [OWNER.id]: 1 });
    assert.match(
      (await send(http.address, 'GET', '/metrics', admin.key)).text,
      /^# TYPE caisson_queue_waiting gauge$/m,
    );
  } finally {
    await http.close();
  }
});
