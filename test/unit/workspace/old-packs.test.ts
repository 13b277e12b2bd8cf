// Shows that what a killed command left is removed a day later, and nothing else.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeOldPacks } from '../../../src/workspace/old-packs.ts';

test('old folders of packing are removed; young ones, files, links and other names stay', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-old-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const now = Date.now();
  const old = new Date(now - 25 * 60 * 60 * 1000);
  for (const name of ['caisson-pack-old', 'caisson-pack-young', 'other', 'kept']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'bundle'), 'x');
  }
  await writeFile(join(folder, 'caisson-pack-file'), 'x');
  await symlink(join(folder, 'kept'), join(folder, 'caisson-pack-link'));
  for (const name of ['caisson-pack-old', 'other', 'kept', 'caisson-pack-file'])
    await utimes(join(folder, name), old, old);
  await removeOldPacks(folder, now);
  await removeOldPacks(join(folder, 'none'), now);
  assert.deepEqual((await readdir(folder)).sort(), [
    'caisson-pack-file',
    'caisson-pack-link',
    'caisson-pack-young',
    'kept',
    'other',
  ]);
  assert.deepEqual(await readdir(join(folder, 'kept')), ['bundle']);
});
