// Owns that the attacks on the sandbox and its network run in the runner’s own image, as its user, and none is left out. Knows no attack.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScene } from './scene.ts';

const TESTS = `${join(import.meta.dirname, '..')}:/opt/caisson/test:ro`;
/** Where the tests make their boxes. Not a volume: the image has no such folder whose owner it could take. */
const BOXES = '/home/caisson/.cache:exec,uid=10001,gid=10001,mode=0700';

test('every test of the sandbox and of its network passes in the image of the runner', async (t) => {
  const { services, start, ended } = openScene(t);
  const rights = { ...services.runner, networks: [] };
  // Whoever is in a hurry may leave tests out elsewhere: not here.
  const also = ['--volume', TESTS, '--tmpfs', BOXES, '--no-healthcheck', '--env', 'CI=true'];
  const command = ['bin/run-tests.cjs', 'test/sandbox', 'test/egress'];
  const { code, said } = await ended(await start('suite', rights, { also, entrypoint: 'node', command }));
  t.diagnostic(said.split('\n').at(-1) ?? '');
  const counts = /^(\d+) files, (\d+) passed, 0 failed, 0 left out,/m.exec(said);
  assert.ok(code === 0 && counts !== null, said.slice(-20_000));
  assert.ok(Number(counts[1]) >= 20 && Number(counts[2]) >= 200, counts[0]);
});
