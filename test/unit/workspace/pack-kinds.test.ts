// The kinds of repositories people have: sparse, split, shallow, borrowed, half merged, SHA-256; each is packed as its owner sees it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { packRepository } from '../../../src/workspace/pack.ts';
import { prepareWorkspace } from '../../../src/workspace/prepare.ts';
import { bundleFiles, coded, fingerprint, makeRepo, pack, run, tempDir, write } from './repos.ts';

const FILES = { 'a.txt': 'a\n', 'in/b.txt': 'b\n', 'out/c.txt': 'c\n', 'out/deep/d.txt': 'd\n' };

function scene(t: TestContext, files: Readonly<Record<string, string>> = FILES) {
  const root = tempDir(t);
  return { root, repo: makeRepo(join(root, 'repo'), files) };
}

/** Packs, and the repository must be untouched to the last time stamp. */
async function packQuietly(repo: string, root: string) {
  const before = fingerprint(repo);
  const packed = await pack(repo, root);
  assert.equal(fingerprint(repo), before, 'the repository is untouched');
  return { packed, files: bundleFiles(packed.bundle, root) };
}

describe('packing', () => {
  for (const words of [['--no-cone'], ['--cone'], ['--cone', '--sparse-index']])
    it(`keeps the files that a sparse checkout (${words.join(' ')}) does not have on disk`, async (t) => {
      const { root, repo } = scene(t);
      run(repo, 'sparse-checkout', 'set', ...words, 'in');
      assert.equal(existsSync(join(repo, 'out')), false, 'positive control: they are not on disk');
      write(repo, { 'in/b.txt': 'changed\n' });
      const { packed, files } = await packQuietly(repo, root);
      assert.deepEqual(files, { ...FILES, 'in/b.txt': 'changed\n' });
      assert.deepEqual([packed.changed, packed.untracked], [1, 0]);
    });

  it('leaves out what the person hides with skip-worktree', async (t) => {
    const { root, repo } = scene(t);
    run(repo, 'update-index', '--skip-worktree', 'a.txt');
    write(repo, { 'a.txt': 'my password\n' });
    assert.deepEqual((await packQuietly(repo, root)).files, FILES);
  });

  it('reads a split index, and one with a cache of untracked files', async (t) => {
    const { root, repo } = scene(t);
    run(repo, 'update-index', '--split-index', '--untracked-cache');
    write(repo, { 'new.txt': 'n\n', 'a.txt': 'changed\n' });
    run(repo, 'add', 'new.txt');
    const { files } = await packQuietly(repo, root);
    assert.deepEqual(files, { ...FILES, 'a.txt': 'changed\n', 'new.txt': 'n\n' });
  });

  it('takes a change that keeps size and time of a file whose index entry is as new as the file', async (t) => {
    const { root, repo } = scene(t);
    const now = new Date();
    execFileSync('touch', ['-d', now.toISOString(), join(repo, 'a.txt')]);
    run(repo, 'add', 'a.txt');
    writeFileSync(join(repo, 'a.txt'), 'z\n');
    execFileSync('touch', ['-d', now.toISOString(), join(repo, 'a.txt'), join(repo, '.git', 'index')]);
    assert.equal((await packQuietly(repo, root)).files['a.txt'], 'z\n');
  });

  it('takes staged files as they are on disk: forced in, half added, renamed, removed from the index only', async (t) => {
    const { root, repo } = scene(t, { ...FILES, '.gitignore': '*.log\n' });
    write(repo, { 'forced.log': 'f\n', 'noise.log': 'n\n', 'half.txt': 'h\n', 'staged.txt': 'old\n' });
    run(repo, 'add', '--force', 'forced.log', 'staged.txt');
    run(repo, 'add', '--intent-to-add', 'half.txt');
    write(repo, { 'staged.txt': 'new\n' });
    run(repo, 'mv', 'a.txt', 'moved.txt');
    run(repo, 'rm', '--quiet', '--cached', 'in/b.txt');
    const { files, packed } = await packQuietly(repo, root);
    const { 'a.txt': _, ...rest } = FILES;
    assert.deepEqual(files, {
      ...rest,
      '.gitignore': '*.log\n',
      'forced.log': 'f\n',
      'half.txt': 'h\n',
      'moved.txt': 'a\n',
      'staged.txt': 'new\n',
    });
    assert.deepEqual([packed.changed, packed.untracked], [5, 0]);
  });

  it('takes the file with its marks in the middle of a merge', async (t) => {
    const { root, repo } = scene(t);
    run(repo, 'switch', '--quiet', '--create', 'side');
    write(repo, { 'a.txt': 'side\n' });
    run(repo, 'commit', '--quiet', '--all', '-m', 'side');
    run(repo, 'switch', '--quiet', 'main');
    write(repo, { 'a.txt': 'main\n' });
    run(repo, 'commit', '--quiet', '--all', '-m', 'main');
    assert.throws(() => run(repo, 'merge', 'side'));
    const { files } = await packQuietly(repo, root);
    assert.match(files['a.txt'] ?? '', /<<<<<<< HEAD\nmain\n=======\nside\n/);
  });

  it('takes a file that became a directory, a directory that became a file, and a file that became a link', async (t) => {
    const { root, repo } = scene(t);
    rmSync(join(repo, 'a.txt'));
    write(repo, { 'a.txt/inner.txt': 'i\n' });
    rmSync(join(repo, 'out'), { recursive: true });
    writeFileSync(join(repo, 'out'), 'flat\n');
    rmSync(join(repo, 'in/b.txt'));
    symlinkSync('../a.txt', join(repo, 'in/b.txt'));
    const { files } = await packQuietly(repo, root);
    assert.deepEqual(files, { 'a.txt/inner.txt': 'i\n', 'in/b.txt': '120000 ../a.txt', out: 'flat\n' });
  });

  it('obeys nested .gitignore files, their exceptions, and keeps tracked files in ignored directories', async (t) => {
    const { root, repo } = scene(t, {
      '.gitignore': '/build/\n*.tmp\n',
      'build/kept.js': 'k\n',
      'lib/.gitignore': '!x.tmp\n',
    });
    write(repo, {
      'build/new.js': 'n',
      'build/sub/n.js': 'n',
      'lib/x.tmp': 'x\n',
      'lib/y.tmp': 'y',
      'z.tmp': 'z',
      'sub/build/ok': 'o\n',
    });
    assert.deepEqual((await packQuietly(repo, root)).files, {
      '.gitignore': '/build/\n*.tmp\n',
      'build/kept.js': 'k\n',
      'lib/.gitignore': '!x.tmp\n',
      'lib/x.tmp': 'x\n',
      'sub/build/ok': 'o\n',
    });
  });

  it('obeys the ignore file, the line ends and the mode setting of the person', async (t) => {
    const { root, repo } = scene(t);
    const home = join(root, 'home');
    write(home, { '.gitconfig': '[core]\n\texcludesFile = ~/mine\n\tautocrlf = input\n', mine: '.env\n' });
    run(repo, 'config', 'core.fileMode', 'false');
    write(repo, { '.env': 'secret\n', 'dos.txt': 'a\r\nb\r\n' });
    chmodSync(join(repo, 'a.txt'), 0o755);
    const order = { repo, bundle: join(root, 'bundle'), limits: LIMITS };
    await packRepository({ ...order, home });
    assert.deepEqual(bundleFiles(join(root, 'bundle'), root), { ...FILES, 'dos.txt': 'a\nb\n' });
    rmSync(join(home, '.gitconfig'));
    write(home, { '.config/git/ignore': 'dos*\n' });
    await packRepository({ ...order, home });
    assert.deepEqual(bundleFiles(join(root, 'bundle'), root), { ...FILES, '.env': 'secret\n' });
  });

  it('does not count or enter what is ignored', async (t) => {
    const { root, repo } = scene(t, { '.gitignore': 'node_modules/\n', 'a.txt': 'a\n' });
    write(
      repo,
      Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`node_modules/m${at}/x.js`, 'x'.repeat(100)])),
    );
    const packed = await pack(repo, root, { repositoryFiles: 2, repositoryBytes: 100 });
    assert.deepEqual([packed.files, packed.bytes], [2, 16]);
  });

  it('takes a shallow clone, one that borrows its objects, and one that borrows from a borrower', async (t) => {
    const { root, repo } = scene(t);
    write(repo, { 'a.txt': 'second\n' });
    run(repo, 'commit', '--quiet', '--all', '-m', 'second');
    run(root, 'clone', '--quiet', '--depth=1', `file://${repo}`, 'shallow');
    run(root, 'clone', '--quiet', '--shared', repo, 'borrower');
    run(root, 'clone', '--quiet', '--shared', 'borrower', 'second-hand');
    for (const name of ['shallow', 'borrower', 'second-hand']) {
      const { files, packed } = await packQuietly(join(root, name), root);
      assert.deepEqual([files, packed.changed], [{ ...FILES, 'a.txt': 'second\n' }, 0]);
    }
  });

  it('refuses a partial clone that lacks what is needed, and says how to get it', async (t) => {
    const { root, repo } = scene(t);
    run(repo, 'config', 'uploadpack.allowFilter', 'true');
    run(root, 'clone', '--quiet', '--filter=blob:none', '--sparse', `file://${repo}`, 'partial');
    await assert.rejects(
      pack(join(root, 'partial'), root),
      coded('repo_unreadable', /git fetch --refetch --no-filter/),
    );
    run(join(root, 'partial'), 'sparse-checkout', 'disable');
    assert.deepEqual((await packQuietly(join(root, 'partial'), root)).files, FILES);
  });

  it('takes a SHA-256 repository through to the box', async (t) => {
    const root = tempDir(t);
    run(root, 'init', '--quiet', '--object-format=sha256', 'repo');
    const repo = makeRepo(join(root, 'repo'), FILES);
    write(repo, { 'a.txt': 'changed\n' });
    const packed = await pack(repo, root);
    assert.equal(packed.tree.length, 64);
    const order = { root: join(root, 'run'), bundle: packed.bundle, tree: packed.tree, limits: LIMITS };
    const { paths, files } = await prepareWorkspace(order);
    assert.deepEqual([files, run(paths.work, 'status', '--short')], [4, '']);
  });

  it('takes a submodule that is given as the repository, and a path through a link', async (t) => {
    const { root, repo } = scene(t);
    const parent = makeRepo(join(root, 'parent'), { 'p.txt': 'p' });
    run(parent, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', repo, 'sub');
    assert.deepEqual((await packQuietly(join(parent, 'sub'), root)).files, FILES);
    symlinkSync(repo, join(root, 'link'));
    assert.deepEqual(bundleFiles((await pack(join(root, 'link'), root)).bundle, root), FILES);
  });

  it('refuses the git directory itself, and a bare repository with a `.git` file in front', async (t) => {
    const { root, repo } = scene(t);
    await assert.rejects(pack(join(repo, '.git'), root), coded('repo_bare', /git directory/));
    run(root, 'clone', '--quiet', '--bare', repo, 'front/.bare');
    write(join(root, 'front'), { '.git': 'gitdir: ./.bare\n' });
    await assert.rejects(pack(join(root, 'front'), root), coded('repo_bare', /no work tree/));
    run(join(root, 'front'), 'worktree', 'add', '--quiet', 'wt', 'main');
    assert.deepEqual((await packQuietly(join(root, 'front', 'wt'), root)).files, FILES);
  });

  it('takes names that are no UTF-8 byte for byte', async (t) => {
    const { root, repo } = scene(t);
    const name = Buffer.from('caf\xe9.txt', 'latin1');
    writeFileSync(Buffer.concat([Buffer.from(`${repo}/`), name]), 'x\n');
    const packed = await pack(repo, root);
    run(root, 'clone', '--quiet', '--bare', packed.bundle, 'copy');
    const listed = execFileSync('git', ['-C', join(root, 'copy'), 'ls-tree', '-z', '--name-only', packed.tree]);
    assert.ok(listed.includes(name));
  });

  it('tells of git-lfs pointers, of nested repositories with tracked files, and of sockets', async (t) => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`;
    const { root, repo } = scene(t, {
      ...FILES,
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'big.bin': pointer,
    });
    mkdirSync(join(repo, 'in', '.git'));
    write(repo, { 'in/untracked.txt': 'u' });
    const { files, packed } = await packQuietly(repo, root);
    assert.deepEqual([files['in/b.txt'], files['in/untracked.txt']], ['b\n', undefined]);
    assert.deepEqual(packed.warnings, [
      'repositories inside the repository are not included: in',
      'git-lfs files are not downloaded: only their pointers are included (git lfs pull): big.bin',
    ]);
  });
});
