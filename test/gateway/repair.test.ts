// Shows the calls of a real engine that leaves them in its text, as clients of each dialect get them, and when bytes stop to pass.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createPassing } from '../../src/backends/openai/passing.ts';
import { createRouter } from '../../src/backends/router.ts';
import { profilesBy, repairBy } from '../../src/repairs.ts';
import { chunk, DONE, fragment } from '../unit/backends/openai/frames.ts';
import { backendAt, sendJson, sendStream, startEndpoint } from '../unit/backends/openai/scripted-endpoint.ts';
import { call } from './http.ts';
import { ASK as MESSAGE, PATH as MESSAGES } from './messages/stream.ts';
import { ASK as RESPONSE, finalOf, stream } from './responses/streams.ts';
import { startService } from './service.ts';

const MODEL = 'nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16';
const PARAMETERS = { type: 'object', properties: { command: { type: 'string' } } };
const LEFT =
  chunk({
    content: 'Look.\n<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>',
  }) + chunk({}, 'stop');
const OWN =
  chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'bash' } }] }) +
  fragment(0, '{"command":"ls"}') +
  chunk({}, 'tool_calls');

/** An engine whose answers are read or pass, and the gateway before it. */
async function start(context: Parameters<typeof startService>[0], bytes: (count: number) => string) {
  let count = 0;
  const { url } = await startEndpoint(context, (response, { method }) => {
    if (method === 'GET') sendJson(response, 200, { object: 'list', data: [{ id: MODEL, object: 'model' }] });
    else sendStream(response, `${bytes((count += 1))}${DONE}`);
  });
  const pass = createPassing({ url, key: 'none', connectMs: 2000, now: () => 0 });
  const backend = {
    ...backendAt(url, { repair: repairBy(profilesBy(undefined)), models: [MODEL] }),
    passing: async () => pass,
  };
  const { stream: ask, passing } = createRouter([backend]);
  const service = await startService(context, { changes: { stream: ask, passing } });
  return { service, key: await service.key(['client']) };
}

describe('a call that an engine left in its text', () => {
  test('is a function_call of the Responses dialect, and is counted', async (context) => {
    const { service, key } = await start(context, () => LEFT);
    const tools = [{ type: 'function', name: 'bash', parameters: PARAMETERS, strict: false }];
    const { output } = finalOf(await stream(service, key, { ...RESPONSE, model: MODEL, tools })) as {
      readonly output: readonly { readonly type: string; readonly name?: string; readonly arguments?: string }[];
    };
    assert.deepEqual(
      output.map(({ type, name, arguments: given }) => [type, name, given]),
      [
        ['message', undefined, undefined],
        ['function_call', 'bash', '{"command":"ls"}'],
      ],
    );
    assert.match(await service.ports.metrics(), /^caisson_repairs_total\{kind="call_in_text"\} 1$/m);
  });

  test('is a tool_use of the Messages dialect', async (context) => {
    const { service, key } = await start(context, () => LEFT);
    const tools = [{ name: 'bash', input_schema: PARAMETERS }];
    const { text } = await call(service, 'POST', MESSAGES, { key, json: { ...MESSAGE, model: MODEL, tools } });
    const { content, stop_reason: reason } = JSON.parse(text) as {
      readonly content: readonly Readonly<Record<string, unknown>>[];
      readonly stop_reason: string;
    };
    assert.deepEqual(
      [content.map(({ type, text: said, name, input }) => [type, said ?? name, input]), reason],
      [
        [
          ['text', 'Look.', undefined],
          ['tool_use', 'bash', { command: 'ls' }],
        ],
        'tool_use',
      ],
    );
  });

  test('passes as it is until a read answer has one; then all are read, until the engine tells one', async (context) => {
    const { service, key } = await start(context, (count) => (count === 4 ? OWN : LEFT));
    const tools = [{ type: 'function', function: { name: 'bash', parameters: PARAMETERS } }];
    const ask = async (streamed: boolean) => {
      const json = { model: MODEL, messages: [{ role: 'user', content: 'hi' }], tools, stream: streamed };
      const { text } = await call(service, 'POST', '/v1/chat/completions', { key, json });
      return { calls: text.includes('"tool_calls":['), passed: text === `${LEFT}${DONE}` };
    };
    const seen = [];
    for (const streamed of [true, false, true, true, true]) seen.push(await ask(streamed));
    assert.deepEqual(seen, [
      { calls: false, passed: true },
      { calls: true, passed: false },
      { calls: true, passed: false },
      { calls: true, passed: false },
      { calls: false, passed: true },
    ]);
  });
});
