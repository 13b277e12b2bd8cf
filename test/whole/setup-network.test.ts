// Owns the proof that a set-up gets the network that the policy allows and a mirror of the site, and the runs after it need neither.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { bash, finish, makeRepo, scriptOf, testHouse } from './house.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-mirror-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function packed(t: TestContext): Buffer {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'package'));
  writeFileSync(
    join(folder, 'package', 'package.json'),
    JSON.stringify({ name: 'dep', version: '1.0.0', main: 'i.js' }),
  );
  writeFileSync(join(folder, 'package', 'i.js'), 'module.exports = 42;\n');
  return execFileSync('tar', ['-czf', '-', '-C', folder, 'package']);
}

/** A registry of one package; what it was asked for is noted. */
async function registry(t: TestContext, tarball: Buffer, integrity: string) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const dist = { tarball: `${url}/dep/-/dep-1.0.0.tgz`, integrity };
    const versions = { '1.0.0': { name: 'dep', version: '1.0.0', dist } };
    const about = JSON.stringify({ name: 'dep', 'dist-tags': { latest: '1.0.0' }, versions });
    response.end(request.url === '/dep/-/dep-1.0.0.tgz' ? tarball : about);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://mirror.test:${port}`;
  return { asked, port, url };
}

test('lock files, a mirror and a policy are enough: npm comes from the mirror once, and two runs test without it', async (t) => {
  const tarball = packed(t);
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const { asked, port, url } = await registry(t, tarball, integrity);
  const policy = join(folderOf(t), 'policy.yaml');
  const rule = { id: 'mirror', effect: 'egress', verdict: 'allow', reason: 'The mirror.', advice: 'Use it.' };
  const match = { host: 'mirror.test', port, scheme: 'http', method: ['GET', 'HEAD'] };
  const examples = { match: [`${url}/dep`] };
  writeFileSync(
    policy,
    JSON.stringify({ version: 1, rules: [{ ...rule, match, addresses: ['127.0.0.1/32'], examples }] }),
  );
  const root = { name: 'app', version: '1.0.0', dependencies: { dep: '1.0.0' } };
  const packages = { '': root, 'node_modules/dep': { version: '1.0.0', integrity } };
  const repo = await makeRepo(t, {
    'package.json': JSON.stringify(root),
    'package-lock.json': JSON.stringify({
      name: 'app',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages,
    }),
    '.gitignore': 'node_modules/\n',
    'test.js': "if (require('dep') !== 42) process.exit(1);\n",
  });
  const house = await testHouse(t, {
    script: scriptOf([bash('node test.js'), finish('exit status: 0')]),
    settings: { policy, 'setup.mirrors': { npm: url }, 'egress.names': { 'mirror.test': '127.0.0.1' } },
  });
  const ends: string[] = [];
  const seen: number[] = [];
  for (let run = 0; run < 2; run += 1) {
    const ended = await house.work(repo, { checks: [{ name: 'tests', run: 'node test.js' }] });
    assert.deepEqual(ended.end, { end: 'done', verified: true });
    for (const { body } of await house.events(ended.id))
      if (body.type === 'setup_finished') ends.push(`${body.status} ${body.cache} ${body.detail}`);
    seen.push(asked.length);
  }
  assert.deepEqual(ends, ['ok miss ', 'ok hit ']);
  assert.ok(asked.includes('GET /dep/-/dep-1.0.0.tgz'), asked.join());
  assert.equal(seen[0], seen[1], 'the second run asked for nothing');
});
