// Owns the proof that packing takes everything a person sees and touches nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bundleFiles, coded, fingerprint, makeRepo, pack, run, tempDir, write } from './repos.ts';

describe('packing a repository', () => {
  it('takes HEAD, uncommitted, deleted and untracked files, leaves ignored ones out and tracked-though-ignored ones in', async (t) => {
    const root = tempDir(t);
    const repo = makeRepo(join(root, 'repo'), {
      'a.txt': 'one\n',
      'gone.txt': 'x\n',
      '.gitignore': 'built/\n*.log\n',
      'kept.log': 'tracked\n',
    });
    write(repo, { 'a.txt': 'two\n', 'new/b.txt': 'new\n', 'built/out.js': 'x', 'noise.log': 'x' });
    rmSync(join(repo, 'gone.txt'));
    write(join(repo, '.git'), { 'info/exclude': 'private.txt\n' });
    write(repo, { 'private.txt': 'mine\n', run: '#!/bin/sh\n' });
    chmodSync(join(repo, 'run'), 0o755);
    symlinkSync('a.txt', join(repo, 'link'));
    const before = fingerprint(repo);
    const packed = await pack(repo, root);
    assert.equal(fingerprint(repo), before, 'the repository is untouched');
    assert.deepEqual(bundleFiles(packed.bundle, root), {
      '.gitignore': 'built/\n*.log\n',
      'a.txt': 'two\n',
      'kept.log': 'tracked\n',
      link: '120000 a.txt',
      'new/b.txt': 'new\n',
      run: '100755 #!/bin/sh\n',
    });
    const { head, branch, headTree, files, changed, untracked, warnings } = packed;
    assert.deepEqual(
      { head, branch, headTree, files, changed, untracked, warnings },
      {
        head: run(repo, 'rev-parse', 'HEAD').trim(),
        branch: 'main',
        headTree: run(repo, 'rev-parse', 'HEAD^{tree}').trim(),
        files: 6,
        changed: 2,
        untracked: 3,
        warnings: [],
      },
    );
  });

  it('gives the tree of HEAD when nothing is uncommitted', async (t) => {
    const root = tempDir(t);
    const repo = makeRepo(join(root, 'repo'), { 'a.txt': 'one\n' });
    const { tree, headTree, changed, untracked } = await pack(repo, root);
    assert.deepEqual({ tree, changed, untracked }, { tree: headTree, changed: 0, untracked: 0 });
  });

  it('stands for the whole repository when a directory inside is given, and works in a linked worktree with a detached HEAD', async (t) => {
    const root = tempDir(t);
    const repo = makeRepo(join(root, 'repo'), { 'a/b.txt': 'x\n', 'c.txt': 'y\n' });
    assert.deepEqual(Object.keys(bundleFiles((await pack(join(repo, 'a'), root)).bundle, root)), ['a/b.txt', 'c.txt']);
    const linked = join(root, 'linked');
    run(repo, 'worktree', 'add', '--quiet', '--detach', linked);
    write(linked, { 'c.txt': 'changed\n' });
    const packed = await pack(linked, root);
    assert.deepEqual({ branch: packed.branch, changed: packed.changed }, { branch: '', changed: 1 });
  });

  it('carries names with newlines, quotes, spaces and accents', async (t) => {
    const root = tempDir(t);
    const names = ['with\nnewline', 'with "quotes"', "it's", ' lead', 'ünï', '-dash', '*glob*'];
    const repo = makeRepo(join(root, 'repo'), { 'a.txt': 'x' });
    write(repo, Object.fromEntries(names.map((name) => [name, `${name}!`])));
    const files = bundleFiles((await pack(repo, root)).bundle, root);
    assert.deepEqual(files, { 'a.txt': 'x', ...Object.fromEntries(names.map((name) => [name, `${name}!`])) });
  });

  it('converts line ends as git does: a clean checkout stays clean, new files are as `git add` takes them', async (t) => {
    const root = tempDir(t);
    const attributes = '*.bat text eol=crlf\n*.id ident\n*.u16 working-tree-encoding=UTF-16LE\n';
    const repo = makeRepo(join(root, 'repo'), {
      '.gitattributes': attributes,
      'a.bat': 'one\r\n',
      'a.id': '$Id: 0 $\n',
    });
    const clean = await pack(repo, root);
    assert.deepEqual([clean.changed, clean.tree], [0, clean.headTree]);
    write(repo, { 'b.bat': 'two\r\n', 'c.dat': 'as\r\nit is', 'x.u16': Buffer.from('wide', 'utf16le') });
    assert.deepEqual(bundleFiles((await pack(repo, root)).bundle, root), {
      '.gitattributes': attributes,
      'a.bat': 'one\n',
      'a.id': '$Id$\n',
      'b.bat': 'two\n',
      'c.dat': 'as\r\nit is',
      'x.u16': 'wide',
    });
  });

  it('runs nothing that the repository’s own configuration names', async (t) => {
    const root = tempDir(t);
    const repo = makeRepo(join(root, 'repo'), { 'a.txt': 'x\n' });
    const trap = join(root, 'trap');
    const evil = join(root, 'evil.sh');
    writeFileSync(evil, `#!/bin/sh\ntouch ${trap}\ncat\n`, { mode: 0o755 });
    run(repo, 'config', 'filter.evil.clean', evil);
    run(repo, 'config', 'filter.evil.process', evil);
    run(repo, 'config', 'core.fsmonitor', evil);
    run(repo, 'config', 'core.hooksPath', root);
    run(repo, 'config', 'core.sshCommand', evil);
    write(repo, { '.gitattributes': '* filter=evil\n', 'b.txt': 'y\n' });
    const index = join(repo, '.git', 'info', 'attributes');
    mkdirSync(join(repo, '.git', 'info'), { recursive: true });
    writeFileSync(index, '* filter=evil\n');
    const before = fingerprint(repo);
    await pack(repo, root);
    assert.deepEqual(
      { ran: existsSync(trap), untouched: fingerprint(repo) === before },
      { ran: false, untouched: true },
    );
    execFileSync('git', ['add', '--all'], { cwd: repo, env: { PATH: process.env['PATH'] ?? '', HOME: root } });
    assert.ok(existsSync(trap), 'positive control: git itself runs it');
  });

  it('tells of submodules, links that lead out and special files', async (t) => {
    const root = tempDir(t);
    const other = makeRepo(join(root, 'other'), { 'o.txt': 'o' });
    const repo = makeRepo(join(root, 'repo'), { 'a.txt': 'x' });
    run(repo, '-c', 'protocol.file.allow=always', 'submodule', 'add', '--quiet', other, 'sub');
    makeRepo(join(repo, 'nested'), { 'n.txt': 'n' });
    symlinkSync('/etc/passwd', join(repo, 'out'));
    symlinkSync('dir/../../elsewhere', join(repo, 'up'));
    symlinkSync('dir/../a.txt', join(repo, 'within'));
    execFileSync('mkfifo', [join(repo, 'pipe')]);
    const packed = await pack(repo, root);
    assert.deepEqual(Object.keys(bundleFiles(packed.bundle, root)).sort(), [
      '.gitmodules',
      'a.txt',
      'out',
      'up',
      'within',
    ]);
    assert.deepEqual(packed.warnings, [
      'submodules are not included: their files belong to other repositories: sub',
      'repositories inside the repository are not included: nested',
      'symbolic links lead out of the repository: they are kept as links, what they point at is not there: out, up',
      'pipes, sockets and devices are left out: pipe',
    ]);
  });

  it('refuses what is missing, a file, no repository, bare, or without a commit, each in its own words', async (t) => {
    const root = tempDir(t);
    write(root, { file: 'x', 'plain/a.txt': 'x' });
    run(root, 'init', '--quiet', '--bare', 'bare');
    run(root, 'init', '--quiet', 'empty');
    await assert.rejects(pack(join(root, 'nowhere'), root), coded('repo_missing', /nothing there/));
    await assert.rejects(pack(join(root, 'file'), root), coded('repo_missing', /not a directory/));
    await assert.rejects(pack(join(root, 'plain'), root), coded('repo_not_git', /not in a git repository/));
    await assert.rejects(pack(join(root, 'bare'), root), coded('repo_bare', /bare/));
    await assert.rejects(pack(join(root, 'empty'), root), coded('repo_empty', /no commit/));
  });

  it('refuses too many files and too many bytes before anything is copied', async (t) => {
    const root = tempDir(t);
    const repo = makeRepo(join(root, 'repo'), { 'a.txt': 'x', 'b.txt': 'y', 'big.bin': Buffer.alloc(5000) });
    await assert.rejects(pack(repo, root, { repositoryFiles: 2 }), coded('repo_too_large', /repository_files/));
    await assert.rejects(pack(repo, root, { repositoryBytes: 4000 }), coded('repo_too_large', /repository_bytes/));
    assert.equal(existsSync(join(root, 'bundle')), false);
  });
});
