// Owns the proof of where the boxes of runs lie: in the data directory, or in a folder that service and runner share. Touches no disk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { sandboxSetup } from '../../src/executors.ts';
import { placesOf } from '../../src/places.ts';

const EXECUTOR = { mode: 'socket', socket: '/srv/sock/runner.sock', user: 'caisson' } as const;
const ofExecutor = (executor: Parameters<typeof placesOf>[0]['executor']) =>
  placesOf({ dataDir: '/srv/data', isRoot: false, executor });

test('what runs need lies in the data directory of an ordinary user', () => {
  const { runsRoot, keptRoot, toolbox, canary, database } = ofExecutor(EXECUTOR);
  assert.deepEqual(
    { runsRoot, keptRoot, toolbox, canary, database },
    {
      runsRoot: '/srv/data/runs',
      keptRoot: '/srv/data/kept',
      toolbox: '/srv/data/toolbox',
      canary: '/srv/data/canary',
      database: '/srv/data/caisson.db',
    },
  );
});

test('with a folder for boxes, what a runner must reach lies there, and nothing that it must not see', () => {
  const { runsRoot, keptRoot, toolbox, canary, database } = ofExecutor({ ...EXECUTOR, boxes: '/srv/boxes' });
  assert.deepEqual(
    { runsRoot, keptRoot, toolbox, canary, database },
    {
      runsRoot: '/srv/boxes/runs',
      keptRoot: '/srv/boxes/kept',
      toolbox: '/srv/boxes/toolbox',
      canary: '/srv/data/canary',
      database: '/srv/data/caisson.db',
    },
  );
});

test('a sandbox sees neither the data directory nor the boxes of others, wherever they lie', () => {
  const hiddenOf = (places: ReturnType<typeof placesOf>) =>
    sandboxSetup({ confinement: { toolchains: [] } }, places, silentLogger).hidden;
  assert.deepEqual(hiddenOf(ofExecutor(EXECUTOR)), ['/srv/data']);
  assert.deepEqual(hiddenOf(ofExecutor({ ...EXECUTOR, boxes: '/srv/boxes' })), ['/srv/data', '/srv/boxes']);
});
