// Shows that what installs the engine is locked, names no registry, and brings one binary and no graphics card's.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const FOLDER = join(import.meta.dirname, '../../../../deploy/engines/llama');

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly integrity?: string; readonly resolved?: string; readonly optional?: boolean }>
  >;
}

test('the engine is installed from a lock with hashes and without addresses, one binary of all that there are', async () => {
  const [lockText, settings] = await Promise.all(
    ['package-lock.json', '.npmrc'].map((name) => readFile(join(FOLDER, name), 'utf8')),
  );
  const { packages } = JSON.parse(lockText ?? '') as Lock;
  const all = Object.entries(packages).filter(([path]) => path !== '');
  assert.ok(all.length > 100);
  assert.deepEqual(
    all.filter(([, { integrity, resolved }]) => integrity === undefined || resolved !== undefined),
    [],
  );
  assert.ok(settings?.split('\n').includes('omit=optional'));
  const binaries = all.filter(([path]) => path.includes('@node-llama-cpp/'));
  assert.deepEqual(
    binaries.flatMap(([path, { optional }]) => (optional === true ? [] : [path])),
    ['node_modules/@node-llama-cpp/linux-x64'],
  );
  assert.ok(binaries.length > 1);
});
