// Shows what a real engine is sent for a model that has likings, through the configured gateway: the same from every dialect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRouter } from '../../src/backends/router.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createBackends } from '../../src/engines.ts';
import { chunk, DONE } from '../unit/backends/openai/frames.ts';
import { sendJson, sendStream, startEndpoint } from '../unit/backends/openai/scripted-endpoint.ts';
import { makeFolder } from '../unit/config/folder.ts';
import { call } from './http.ts';
import { startService } from './service.ts';

const MODEL = 'nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-FP8';
const KEEPS = { enable_thinking: true, truncate_history_thinking: false, force_nonempty_content: true };

test('bytes that pass and requests that are read reach the engine with the same likings', async (context) => {
  const endpoint = await startEndpoint(context, (response, { method }) => {
    if (method === 'GET') sendJson(response, 200, { object: 'list', data: [{ id: MODEL, object: 'model' }] });
    else sendStream(response, chunk({ content: 'y' }), chunk({}, 'stop'), DONE);
  });
  const folder = await makeFolder(context);
  const backends = [{ name: 'gpu', type: 'openai', url: endpoint.url }];
  await folder.write('user.yaml', JSON.stringify({ backends }));
  const { stream, passing } = createRouter(
    await createBackends(await loadConfig(folder.sources()), { allowRecorded: false }),
  );
  const service = await startService(context, { changes: { stream, passing } });
  const key = await service.key(['client']);
  const messages = [{ role: 'user', content: 'hi' }];
  const ask = (path: string, json: object) => call(service, 'POST', path, { key, json: { model: MODEL, ...json } });
  await ask('/v1/chat/completions', { messages, stream: true });
  await ask('/v1/chat/completions', { messages, stream: true, reasoning_effort: 'none', temperature: 0.2 });
  await ask('/v1/messages', { messages, max_tokens: 9 });
  await ask('/v1/responses', { input: 'hi' });
  const sent = endpoint.asked.flatMap(({ method, body, headers }) => {
    if (method === 'GET') return [];
    const { temperature, top_p: top, chat_template_kwargs: given } = body as Readonly<Record<string, unknown>>;
    return [{ passed: headers['accept'] === undefined, temperature, top, given }];
  });
  const liked = { temperature: 1, top: 1, given: KEEPS };
  assert.deepEqual(sent, [
    { passed: true, ...liked },
    { passed: false, temperature: 0.2, top: undefined, given: { ...KEEPS, enable_thinking: false } },
    { passed: false, ...liked },
    { passed: false, ...liked },
  ]);
});
