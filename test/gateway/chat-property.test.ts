// Shows that any answer of an engine reaches a chat client whole, wherever its bytes were cut, and that a cut one never does.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ServerResponse } from 'node:http';
import { call } from './http.ts';
import { ASK, PATH, readStream, readWhole } from './chat-stream.ts';
import { startService } from './service.ts';
import { backendAt, EVENT_STREAM, startEndpoint } from '../unit/backends/openai/scripted-endpoint.ts';
import { chunk, DONE, fragment, usage } from '../unit/backends/openai/frames.ts';

const BYTES = Buffer.from(
  chunk({ role: 'assistant', content: '' }) +
    chunk({ reasoning: 'hm ö' }) +
    chunk({ content: 'I loo' }) +
    chunk({ content: 'k 😀.' }) +
    chunk({ tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'bash' } }] }) +
    fragment(0, '{"command":') +
    fragment(0, '"ls"}') +
    chunk({ content: '\n' }) +
    chunk({}, 'tool_calls') +
    usage(4, 2) +
    DONE,
);
const CHOICE = {
  index: 0,
  message: {
    role: 'assistant',
    content: 'I look 😀.',
    refusal: null,
    reasoning_content: 'hm ö',
    tool_calls: [{ id: 'a', type: 'function', function: { name: 'bash', arguments: '{"command":"ls"}' } }],
  },
  logprobs: null,
  finish_reason: 'tool_calls',
};
const USED = { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 };
const FINISH = BYTES.indexOf('"finish_reason":"tool_calls"');

/** The engine sends what `send` says, through the real reader of its bytes. */
async function start(context: TestContext, send: (response: ServerResponse) => void) {
  const endpoint = await startEndpoint(context, (response) => {
    response.writeHead(200, EVENT_STREAM);
    send(response);
  });
  const { stream } = backendAt(endpoint.url);
  const service = await startService(context, { model: stream });
  return { service, key: await service.key(['client']) };
}

test('cut in two at every byte, the answer is the same, streamed and whole', async (context) => {
  let at = 0;
  const started = await start(context, (response) => {
    response.write(BYTES.subarray(0, at));
    setImmediate(() => response.end(BYTES.subarray(at)));
  });
  for (at = 1; at < BYTES.length; at += 1) {
    const isStreamed = at % 2 === 0;
    const { choices } = isStreamed ? await readStream(started) : await readWhole(started);
    assert.deepEqual(choices, [CHOICE], `cut at ${at}`);
  }
  const { choices, usage: used } = await readStream(started, { stream_options: { include_usage: true } });
  assert.deepEqual([choices, used], [[CHOICE], USED]);
});

test('ended at any byte before its finish, the answer never looks whole', async (context) => {
  let length = 0;
  const started = await start(context, (response) => response.end(BYTES.subarray(0, length)));
  const { service, key } = started;
  for (length = 0; length < FINISH; length += 7) {
    const json = { ...ASK, stream: length % 2 === 0 };
    const answer = await call(service, 'POST', PATH, { key, json }).catch((error: NodeJS.ErrnoException) => error.code);
    const end = typeof answer === 'object' ? answer.status : answer;
    assert.ok(end === 'ECONNRESET' || end === 502, `${length} bytes: ${String(end)}`);
  }
});
