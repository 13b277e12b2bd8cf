// Shows that the line `repair` of a backend decides whether calls in the text of its engine are read, as the configuration makes it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { createBackends } from '../../src/engines.ts';
import { chunk, DONE } from '../unit/backends/openai/frames.ts';
import { sendStream, startEndpoint } from '../unit/backends/openai/scripted-endpoint.ts';
import { HELLO, patient } from '../unit/backends/events.ts';
import { makeFolder } from '../unit/config/folder.ts';

const LEFT = '<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>';

test('calls in the text are read by default and with auto, and stay text with off', async (context) => {
  const bytes = chunk({ content: LEFT }) + chunk({}, 'stop') + DONE;
  const { url } = await startEndpoint(context, (response) => sendStream(response, bytes));
  const finishes: unknown[] = [];
  for (const line of ['', ', repair: auto', ', repair: off']) {
    const folder = await makeFolder(context);
    await folder.write('user.yaml', `backends: [{name: e, type: openai, url: "${url}", models: [m]${line}}]\n`);
    const [backend] = await createBackends(await loadConfig(folder.sources()), { allowRecorded: false });
    assert.ok(backend !== undefined);
    const events = await Array.fromAsync(backend.stream(HELLO, patient()));
    finishes.push([events.at(-1), backend.leavesCalls?.()]);
  }
  assert.deepEqual(finishes, [
    [{ type: 'finish', reason: 'tool_calls' }, true],
    [{ type: 'finish', reason: 'tool_calls' }, true],
    [{ type: 'finish', reason: 'stop' }, false],
  ]);
});
