// Owns the proof that a runner in a container that cannot confine anything says so and serves nobody. Each failure is real.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openScene, type Service } from './scene.ts';

/** A firejail that is not told that it runs in a container: what it does then is upstream's, not ours. */
const FORGETFUL = '#!/bin/sh\nunset container\nexec /usr/bin/firejail "$@"\n';
const UNTOLD = ['--env', 'container='];

function forgetfulFirejail(t: TestContext): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-firejail-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const file = join(folder, 'firejail');
  writeFileSync(file, FORGETFUL);
  chmodSync(file, 0o755);
  return [...UNTOLD, '--volume', `${file}:/usr/local/sbin/firejail:ro`];
}

const withOut = (of: Service, capability: string): Service => ({
  ...of,
  cap_add: of.cap_add.filter((one) => one !== capability),
});

describe('a runner in a container', () => {
  test('serves when it has what the compose file gives: the control of all that follows', async (t) => {
    const { services, start, healthy } = openScene(t);
    await healthy(await start('control', services.runner));
  });

  test('serves also where nobody set container=docker, for it tells firejail itself', async (t) => {
    const { services, start, healthy } = openScene(t);
    await healthy(await start('untold', services.runner, { also: UNTOLD }));
  });

  test('would run commands unprotected with a firejail that does not know of the container: the control', async (t) => {
    const { services, start, ended } = openScene(t);
    const command = ['--noprofile', '--net=none', '--', 'grep', '-c', ':', '/proc/net/dev'];
    const open = await start('open', services.runner, { also: UNTOLD, entrypoint: '/usr/bin/firejail', command });
    const { code, said } = await ended(open);
    assert.equal(code, 0);
    assert.match(said, /without any additional sandboxing features/);
  });

  test('refuses to serve with such a firejail, and names what does not hold', async (t) => {
    const { services, start, ended } = openScene(t);
    const { code, said } = await ended(await start('forgetful', services.runner, { also: forgetfulFirejail(t) }));
    assert.equal(code, 1, said);
    assert.match(said, /^caisson runner: the sandbox does not hold what it promises: /m);
    for (const name of [
      'own user namespace maps this user only',
      'no new privileges',
      'no capabilities',
      'filtered calls refused',
    ])
      assert.ok(said.includes(name), `${name} in: ${said}`);
  });

  test('refuses to serve under no-new-privileges, where firejail gets no rights', async (t) => {
    const { services, start, ended } = openScene(t);
    const also = ['--security-opt', 'no-new-privileges:true'];
    const { code, said } = await ended(await start('no-new-privileges', services.runner, { also }));
    assert.equal(code, 1, said);
    assert.match(said, /^caisson runner: firejail ended \(1\): /m);
  });

  for (const [capability, why] of [
    ['SYS_ADMIN', /Operation not permitted|firejail ended/],
    ['NET_ADMIN', /Operation not permitted|firejail ended/],
  ] as const)
    test(`refuses to serve without ${capability}, and tells firejail’s words`, async (t) => {
      const { services, start, ended } = openScene(t);
      const { code, said } = await ended(await start('weak', withOut(services.runner, capability)));
      assert.equal(code, 1, said);
      assert.match(said, /^caisson runner: /m);
      assert.match(said, why);
    });
});
