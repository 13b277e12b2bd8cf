// Owns the proof that a patch says what changed, by content, whatever the agent did to hide or to trap.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import type { Patch } from '../../../src/contracts/workspace.ts';
import { makeBox } from '../../../src/workspace/box.ts';
import { fingerprint, makeRepo, run, workspace, write } from './repos.ts';

/** Applies the patch to a fresh checkout of the base with git alone, and gives the tree. */
function appliedTree(repo: string, base: string, patch: Patch): string {
  run(repo, 'read-tree', base);
  execFileSync('git', ['apply', '--cached', '--whitespace=nowarn', '-'], { cwd: repo, input: patch.text });
  return run(repo, 'write-tree').trim();
}

describe('a patch', () => {
  it('is empty when nothing changed, and `git status` inside is clean', async (t) => {
    const { paths, patch } = await workspace(t, { 'a.txt': 'x\n', 'dir/b.txt': 'y\n' });
    assert.equal(run(paths.work, 'status', '--short'), '');
    assert.equal(run(paths.work, 'log', '--format=%s'), 'base\n');
    const made = await patch();
    assert.deepEqual(
      { text: made.text, files: made.files, same: made.baseTree === made.resultTree },
      { text: '', files: [], same: true },
    );
  });

  it('holds edits, deletions, modes, links, binaries and strange names, and gives exactly the result when applied', async (t) => {
    const { repo, paths, packed, patch } = await workspace(t, {
      'a.txt': 'one\ntwo\n',
      'gone.txt': 'x\n',
      'mode.sh': '#!/bin/sh\n',
      'bin.dat': Buffer.from([0, 1, 2]),
      'latin1.txt': Buffer.from('caf\xe9\n', 'latin1'),
    });
    write(paths.work, {
      'a.txt': 'one\n2\n',
      'new\nname "ü"': 'n\n',
      'latin1.txt': Buffer.from('th\xe9\n', 'latin1'),
      'bin.dat': Buffer.from([0, 9]),
    });
    rmSync(join(paths.work, 'gone.txt'));
    chmodSync(join(paths.work, 'mode.sh'), 0o755);
    symlinkSync('/etc/passwd', join(paths.work, 'link'));
    const made = await patch();
    assert.deepEqual(
      made.files.map(({ path, change, binary }) => ({ path, change, binary })),
      [
        { path: 'a.txt', change: 'modified', binary: false },
        { path: 'bin.dat', change: 'modified', binary: true },
        { path: 'gone.txt', change: 'deleted', binary: false },
        { path: 'latin1.txt', change: 'modified', binary: false },
        { path: 'link', change: 'added', binary: false },
        { path: 'mode.sh', change: 'modified', binary: false },
        { path: String.raw`"new\012name \042\303\274\042"`, change: 'added', binary: false },
      ],
    );
    assert.equal(appliedTree(repo, packed.tree, made), made.resultTree);
    assert.doesNotMatch(made.text, /root:x:0/, 'a link is kept as a link: what it points at is not read');
  });

  it('leaves out new files that .gitignore names, but no change of a tracked one', async (t) => {
    const { paths, patch } = await workspace(t, { 'a.txt': 'x\n', '.gitignore': 'node_modules/\n' });
    write(paths.work, { 'node_modules/x.js': 'x', '.gitignore': '*\n', 'a.txt': 'changed\n' });
    assert.deepEqual(
      (await patch()).files.map((file) => file.path),
      ['.gitignore', 'a.txt'],
    );
  });

  it('does not let a nested or a tampered .git hide files or run anything', async (t) => {
    const { root, paths, patch } = await workspace(t, { 'lib/a.txt': 'x\n' });
    const trap = join(root, 'trap');
    const evil = join(paths.work, 'evil.sh');
    writeFileSync(evil, `#!/bin/sh\ntouch ${trap}\ncat\n`, { mode: 0o755 });
    run(paths.work, 'config', 'core.fsmonitor', evil);
    run(paths.work, 'config', 'filter.evil.clean', evil);
    write(paths.work, {
      '.gitattributes': '* filter=evil\n',
      '.git/hooks/post-index-change': `#!/bin/sh\ntouch ${trap}\n`,
    });
    chmodSync(join(paths.work, '.git/hooks/post-index-change'), 0o755);
    makeRepo(join(paths.work, 'lib'), { 'a.txt': 'hidden change\n', 'b.txt': 'hidden file\n' });
    run(join(paths.work, 'lib'), 'config', 'core.fsmonitor', evil);
    const made = await patch();
    assert.deepEqual(
      made.files.map((file) => file.path),
      ['.gitattributes', 'evil.sh', 'lib/a.txt', 'lib/b.txt'],
    );
    assert.equal(existsSync(trap), false);
  });

  it('sees a change that keeps size and time', async (t) => {
    const { paths, patch } = await workspace(t, { 'a.txt': 'aaaa\n' });
    const file = join(paths.work, 'a.txt');
    execFileSync('sh', [
      '-c',
      'touch -r "$1" "$1.ref"; printf "bbbb\\n" >"$1"; touch -r "$1.ref" "$1"; rm "$1.ref"',
      'x',
      file,
    ]);
    assert.deepEqual(
      (await patch()).files.map((one) => one.path),
      ['a.txt'],
    );
  });

  it('copes with pipes, unreadable files and locked directories', async (t) => {
    const { paths, patch } = await workspace(t, { 'a.txt': 'x\n', 'dir/b.txt': 'y\n' });
    execFileSync('mkfifo', [join(paths.work, 'pipe')]);
    write(paths.work, { 'a.txt': 'changed\n', 'dir/b.txt': 'changed\n' });
    chmodSync(join(paths.work, 'a.txt'), 0o000);
    chmodSync(join(paths.work, 'dir'), 0o000);
    assert.deepEqual(
      (await patch()).files.map((file) => file.path),
      ['a.txt', 'dir/b.txt'],
    );
  });

  it('is refused when the work tree or the patch has grown over its limit, also by a file that is mostly a hole', async (t) => {
    const { paths, patch } = await workspace(t, { 'a.txt': 'x\n' });
    writeFileSync(join(paths.work, 'sparse'), '');
    truncateSync(join(paths.work, 'sparse'), 2 * LIMITS.repositoryBytes);
    const refused = (error: unknown) => error instanceof CaissonError && error.code === 'patch_refused';
    await assert.rejects(patch(), refused);
    rmSync(join(paths.work, 'sparse'));
    writeFileSync(join(paths.work, 'text'), 'line\n'.repeat(1000));
    await assert.rejects(patch({ ...LIMITS, patchBytes: 1000 }), refused);
  });
});

describe('a box for checks', () => {
  it('is a fresh checkout of the result, with nothing that was ignored or planted', async (t) => {
    const { root, paths, patch } = await workspace(t, { 'a.txt': 'x\n', '.gitignore': 'node_modules/\n' });
    write(paths.work, { 'a.txt': 'fixed\n', 'node_modules/.bin/test': '#!/bin/sh\nexit 0\n' });
    write(paths.box, { 'home/.npmrc': 'script-shell=/evil\n' });
    const { resultTree } = await patch();
    const box = join(root, 'check');
    await makeBox({ git: paths.git, tree: resultTree, box });
    assert.equal(readFileSync(join(box, 'work', 'a.txt'), 'utf8'), 'fixed\n');
    assert.deepEqual(
      [existsSync(join(box, 'work', 'node_modules')), existsSync(join(box, 'home', '.npmrc'))],
      [false, false],
    );
  });

  it('shares no object with the trusted git directory', async (t) => {
    const { paths } = await workspace(t, { 'a.txt': 'x\n' });
    const before = fingerprint(paths.git);
    execFileSync(
      'sh',
      ['-c', 'chmod -R u+w .git && find .git/objects -type f -exec sh -c \'echo broken >"$1"\' x {} \\;'],
      { cwd: paths.work },
    );
    assert.equal(fingerprint(paths.git), before);
  });
});
