// Owns the proof that an executor's temporary folder is found and removed once its process is gone, and no other one is.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { makeOwnFolder, removeLeftFolders } from '../../../src/sandbox/own-folder.ts';
import { readProcess } from '../../../src/sandbox/processes.ts';

function rootOf(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'caisson-folders-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

/** Of a process that has ended. */
function deadPid(): number {
  return spawnSync('true').pid;
}

describe('the own folder of an executor', () => {
  it('can be read by everybody and written by its owner, and each is another', (t) => {
    const root = rootOf(t);
    const folders = [makeOwnFolder(root), makeOwnFolder(root)];
    assert.equal(new Set(folders).size, 2);
    assert.deepEqual(
      folders.map((folder) => statSync(folder).mode & 0o777),
      [0o755, 0o755],
    );
  });

  it('is removed when its process is gone, also when another has its pid by now; that of a living one stays', (t) => {
    const root = rootOf(t);
    const mine = makeOwnFolder(root);
    const startedAt = readProcess(process.pid)?.startedAt ?? 0;
    const left = [`caisson-own-${deadPid()}-1-abcdef`, `caisson-own-${process.pid}-${startedAt + 1}-abcdef`];
    for (const name of left) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'agent.profile'), 'text');
    }
    removeLeftFolders(root);
    assert.deepEqual(
      readdirSync(root).map((name) => join(root, name)),
      [mine],
    );
  });

  it('is nothing else that lies there: no link, no file, no name of another kind', (t) => {
    const root = rootOf(t);
    const target = join(rootOf(t), 'target');
    mkdirSync(target);
    const pid = deadPid();
    symlinkSync(target, join(root, `caisson-own-${pid}-1-link`));
    writeFileSync(join(root, `caisson-own-${pid}-1-file`), '');
    mkdirSync(join(root, `caisson-own-${pid}-1`));
    mkdirSync(join(root, `caisson-other-${pid}-1-abcdef`));
    const before = readdirSync(root);
    removeLeftFolders(root);
    assert.deepEqual([readdirSync(root), existsSync(target)], [before, true]);
  });
});
