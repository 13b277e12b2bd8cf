// Owns that the attacks on the sandbox and its network run in the runner’s own image, as its user, and none is left out. Knows no attack.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScene } from './scene.ts';

const TESTS = `${join(import.meta.dirname, '..')}:/opt/caisson/test:ro`;
/** The numbers of processes outside are made larger than any inside: tests tell the two apart by them. */
const AFTER_MANY = 'for one in $(seq 2000); do /bin/true; done; exec node bin/run-tests.cjs test/sandbox test/egress';

test('every test of the sandbox and of its network passes in the image of the runner', async (t) => {
  const { services, start, ended } = openScene(t);
  const { security_opt, tmpfs, ...rest } = services.runner;
  const rights = {
    ...rest,
    networks: [],
    volumes: [],
    // Tests put programs and boxes where they like, and look for what a host has below /run.
    read_only: false,
    tmpfs: [...tmpfs.map((one) => (one === '/tmp' ? '/tmp:exec' : one)), '/run/dbus'],
    // Nothing but our own filter stops an attack then, and the controls without a sandbox work.
    security_opt: [...security_opt, 'seccomp=unconfined'],
  };
  // Whoever is in a hurry may leave tests out elsewhere: not here.
  const also = ['--volume', TESTS, '--no-healthcheck', '--env', 'CI=true'];
  const command = ['-c', AFTER_MANY];
  const { code, said } = await ended(await start('suite', rights, { also, entrypoint: '/bin/sh', command }));
  t.diagnostic(said.split('\n').at(-1) ?? '');
  const counts = /^(\d+) files, (\d+) passed, 0 failed, 0 left out,/m.exec(said);
  assert.ok(code === 0 && counts !== null, said.slice(-20_000));
  assert.ok(Number(counts[1]) >= 20 && Number(counts[2]) >= 200, counts[0]);
});
