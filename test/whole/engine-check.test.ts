// Shows what a service that starts says of engines that are well by their own word and answer nothing.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { remarksOnEngines } from '../../src/engine-check.ts';
import { configOf } from '../../src/entry-config.ts';
import { chunk, DONE } from '../unit/backends/openai/frames.ts';
import { closedAddress, sendJson, sendStream, startEndpoint } from '../unit/backends/openai/scripted-endpoint.ts';
import { dataDirFor } from './cli-setup.ts';

test('an engine that is well by its own word and dies of the first request is told, and so is one that is too old or away', async (t) => {
  const { folder, dataDir } = dataDirFor(t);
  const engine = (version: string, answers: boolean) =>
    startEndpoint(t, (response, { path }) => {
      if (path === '/version') sendJson(response, 200, { version });
      else if (path !== '/v1/chat/completions') sendJson(response, 200, { data: [{ id: 'm' }] });
      else if (answers) sendStream(response, chunk({ content: 'y' }, 'length'), DONE);
      else
        sendJson(response, 500, { error: { message: 'EngineCore encountered an issue', type: 'InternalServerError' } });
    });
  const [good, old, dead] = [await engine('0.32.0', true), await engine('0.30.0', true), await engine('0.32.0', false)];
  const urls = { good: good.url, old: old.url, dead: dead.url, away: await closedAddress() };
  const backends = Object.entries(urls).map(([name, url]) => ({ name, type: 'openai', url }));
  const file = join(folder, 'caisson.yaml');
  writeFileSync(file, JSON.stringify({ data_dir: dataDir, backends }));
  const config = await configOf({ config: file }, undefined);
  const [first = '', second = '', third = '', ...others] = await remarksOnEngines(config);
  assert.equal(
    first,
    'backend old: its queue has no end before 0.31.0: max_concurrent of this backend is the only bound',
  );
  assert.match(
    second,
    /^backend dead: m gives no token, whatever the engine says of its health: .*EngineCore encountered/,
  );
  assert.match(third, /^backend away: .*cannot be reached/);
  assert.deepEqual(others, []);
});
