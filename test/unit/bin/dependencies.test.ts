// Owns the proof that dependencies are installed when they must be, once, and never otherwise. Knows no registry: npm is a stand-in.
import assert from 'node:assert/strict';
import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Checkout, loadPart, makeCheckout, run } from './checkout.ts';

const NPM = `#!/bin/sh
echo "$@" >> calls
[ -e broken ] && exit 9
[ -e slow ] && sleep 0.5
rm -rf node_modules && mkdir node_modules
`;
const { fingerprint } = loadPart('dependencies') as { fingerprint: (root: string) => string };

let checkout: Checkout;
before(async () => {
  checkout = await makeCheckout();
  await checkout.write('stand-ins/npm', NPM, 0o755);
});
beforeEach(async () => {
  for (const name of ['calls', 'broken', 'slow', 'node_modules/.caisson-installed'])
    await rm(join(checkout.root, name), { force: true });
});
after(() => checkout.remove());

const install = (...words: readonly string[]) =>
  run([process.execPath, join(checkout.root, 'bin', 'bootstrap.cjs'), 'install', ...words], {
    PATH: `${join(checkout.root, 'stand-ins')}:/usr/bin:/bin`,
    NODE_ENV: 'production',
  });
const calls = () => readFile(join(checkout.root, 'calls'), 'utf8').catch(() => '');

describe('installing', () => {
  test('missing dependencies are installed without scripts, development tools included, and a second call asks npm nothing', async () => {
    const first = await install();
    const second = await install();
    assert.deepEqual([first.code, second.code], [0, 0]);
    assert.equal(await calls(), 'ci --ignore-scripts --include=dev --include=optional --loglevel=error\n');
    assert.match(
      first.stderr,
      /^caisson: dependencies: npm ci --ignore-scripts …\ncaisson: dependencies: installed with npm ci/,
    );
    assert.match(second.stderr, /^caisson: dependencies: installed \(\d+ ms\)\ncaisson: node: v24/);
  });

  test('for an image the development tools are left out, and another word is refused before npm is asked', async () => {
    const [refused, bare] = [await install('--fast'), await install('--production')];
    assert.deepEqual(
      [refused.code, refused.stderr, bare.code],
      [1, 'caisson: install does not know --fast\n  → give it nothing, or --production\n', 0],
    );
    assert.equal(await calls(), 'ci --ignore-scripts --omit=dev --include=optional --loglevel=error\n');
  });

  test('a changed lock file makes it install again', async () => {
    await install();
    await appendFile(join(checkout.root, 'package-lock.json'), '\n');
    await install();
    assert.equal((await calls()).split('\n').length - 1, 2);
  });

  test('two at once install once', async () => {
    await checkout.write('slow', '');
    const both = await Promise.all([install(), install()]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
    );
    assert.equal((await calls()).split('\n').length - 1, 1);
  });

  test('a failed installation says so, is not taken for done, and leaves no lock', async () => {
    await checkout.write('broken', '');
    const failed = await install();
    await rm(join(checkout.root, 'broken'));
    const repaired = await install();
    assert.deepEqual([failed.code, repaired.code], [1, 0]);
    assert.match(
      failed.stderr,
      /caisson: npm ci failed \(exit status 9\); .*\n {2}→ the first start needs a package registry/,
    );
  });
});

describe('the fingerprint', () => {
  const withManifest = async (manifest: object) => {
    await checkout.write('package.json', JSON.stringify(manifest));
    return fingerprint(checkout.root);
  };

  test('follows dependencies and nothing else of package.json', async () => {
    const plain = await withManifest({ dependencies: { a: '1.0.0' }, version: '1' });
    assert.equal(await withManifest({ version: '2', scripts: { x: 'y' }, dependencies: { a: '1.0.0' } }), plain);
    assert.notEqual(await withManifest({ dependencies: { a: '1.0.1' }, version: '1' }), plain);
    assert.notEqual(await withManifest({ devDependencies: { a: '1.0.0' }, version: '1' }), plain);
  });
});
