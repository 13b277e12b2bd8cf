// Named attacks of a stranger's repository on the one who packs it: its configuration, its git directory, its files.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { packRepository } from '../../../src/workspace/pack.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { bundleFiles, coded, fingerprint, makeRepo, makeTrap, pack, run, tempDir, write } from './repos.ts';

function scene(t: TestContext) {
  const root = tempDir(t);
  const repo = makeRepo(join(root, 'repo'), { 'a.txt': 'x\n', 'dir/b.txt': 'y\n' });
  return { root, repo, trap: makeTrap(root) };
}

describe('a hostile repository', () => {
  it('does not get its upload-pack command run by leaving an object out that a promisor remote would send', async (t) => {
    const { root, repo, trap } = scene(t);
    const other = makeRepo(join(root, 'other'), { 'o.txt': 'o' });
    run(repo, 'config', 'core.repositoryFormatVersion', '1');
    run(repo, 'config', 'extensions.partialClone', 'origin');
    run(repo, 'config', 'remote.origin.url', other);
    run(repo, 'config', 'remote.origin.promisor', 'true');
    run(repo, 'config', 'remote.origin.uploadpack', trap.script);
    const blob = run(repo, 'rev-parse', 'HEAD:a.txt').trim();
    rmSync(join(repo, '.git', 'objects', blob.slice(0, 2), blob.slice(2)));
    const tree = run(repo, 'rev-parse', 'HEAD:dir').trim();
    rmSync(join(repo, '.git', 'objects', tree.slice(0, 2), tree.slice(2)));
    await assert.rejects(pack(repo, root), coded('repo_unreadable', /partial clone|refetch/));
    assert.equal(trap.sprung(), false);
    assert.throws(() => run(repo, 'cat-file', 'blob', blob));
    assert.equal(trap.sprung(), true, 'positive control: git itself asks the remote');
  });

  it('cannot point at another work tree with core.worktree', async (t) => {
    const { root, repo } = scene(t);
    write(root, { 'home/secret.txt': 'mine\n' });
    run(repo, 'config', 'core.worktree', join(root, 'home'));
    const packed = await pack(repo, root);
    assert.deepEqual(Object.keys(bundleFiles(packed.bundle, root)), ['a.txt', 'dir/b.txt']);
    assert.equal(
      run(repo, 'rev-parse', '--show-toplevel').trim(),
      join(root, 'home'),
      'positive control: git follows it',
    );
  });

  it('runs no monitor, hook, filter, textconv or alias in any of the steps, and keeps every byte and time of the repository', async (t) => {
    const { root, repo, trap } = scene(t);
    const config = [
      `[core]\n\tfsmonitor = ${trap.script}\n\thooksPath = ${root}\n\tsshCommand = ${trap.script}\n\tpager = ${trap.script}`,
      `\teditor = ${trap.script}\n\taskPass = ${trap.script}\n\tgitProxy = ${trap.script}\n\talternateRefsCommand = ${trap.script}`,
      `[filter "evil"]\n\tclean = ${trap.script}\n\tsmudge = ${trap.script}\n\tprocess = ${trap.script}\n\trequired = true`,
      `[diff "evil"]\n\ttextconv = ${trap.script}\n\tcommand = ${trap.script}`,
      `[diff]\n\texternal = ${trap.script}`,
      `[alias]\n\trev-parse = !${trap.script}\n\tls-files = !${trap.script}\n\tconfig = !${trap.script}`,
      `[uploadpack]\n\tpackObjectsHook = ${trap.script}\n[pager]\n\tconfig = true\n\tls-files = true`,
      '[submodule]\n\trecurse = true\n',
    ].join('\n');
    appendFileSync(join(repo, '.git', 'config'), config);
    for (const hook of [
      'post-index-change',
      'reference-transaction',
      'pre-auto-gc',
      'post-checkout',
      'fsmonitor-watchman',
    ])
      writeFileSync(join(root, hook), `#!/bin/sh\nexec ${trap.script}\n`, { mode: 0o755 });
    write(repo, { '.git/info/attributes': '* filter=evil diff=evil\n', '.gitattributes': '* filter=evil diff=evil\n' });
    write(repo, { 'a.txt': 'changed\n', 'new.txt': 'new\n' });
    const before = fingerprint(repo);
    const packed = await pack(repo, root);
    assert.deepEqual(
      {
        sprung: trap.sprung(),
        untouched: fingerprint(repo) === before,
        changed: packed.changed,
        untracked: packed.untracked,
      },
      { sprung: false, untouched: true, changed: 1, untracked: 2 },
    );
    assert.throws(() => run(repo, 'add', '--all'));
    assert.equal(trap.sprung(), true, 'positive control: git itself runs it');
  });

  it('cannot have the monitor of a nested repository or of a submodule run', async (t) => {
    const { root, repo, trap } = scene(t);
    const source = makeRepo(join(root, 'source'), { 's.txt': 's' });
    run(repo, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', source, 'sub');
    run(repo, 'commit', '--quiet', '-m', 'sub');
    makeRepo(join(repo, 'dir', 'nested'), { 'n.txt': 'n' });
    for (const inner of ['sub', 'dir/nested']) run(join(repo, inner), 'config', 'core.fsmonitor', trap.script);
    write(repo, { 'sub/s.txt': 'changed' });
    await pack(repo, root);
    assert.equal(trap.sprung(), false);
    run(repo, 'status', '--short');
    assert.equal(trap.sprung(), true, 'positive control: git status of the parent runs it');
  });

  it('cannot hold the packing for ever with a pipe where git reads rules, nor feed it an endless file', async (t) => {
    for (const name of ['.gitignore', 'dir/.gitignore', '.gitattributes']) {
      const { root, repo } = scene(t);
      execFileSync('mkfifo', [join(repo, name)]);
      await assert.rejects(pack(repo, root), coded('repo_unreadable', /\.git(?:ignore|attributes)/));
    }
    for (const name of ['index', 'info/exclude']) {
      const { root, repo } = scene(t);
      rmSync(join(repo, '.git', name), { force: true });
      execFileSync('mkfifo', [join(repo, '.git', name)]);
      const packed = await pack(repo, root);
      assert.deepEqual([packed.files, packed.changed], [2, 0]);
    }
    const { root, repo } = scene(t);
    symlinkSync('/dev/zero', join(repo, '.gitignore'));
    await assert.rejects(pack(repo, root), coded('repo_unreadable', /\.gitignore/));
  });

  it('cannot bring links in as anything but links, also where a tracked directory became one', async (t) => {
    const { root, repo } = scene(t);
    write(root, { 'outside/b.txt': 'secret\n' });
    renameSync(join(repo, 'dir'), join(root, 'moved'));
    symlinkSync(join(root, 'outside'), join(repo, 'dir'));
    const packed = await pack(repo, root);
    assert.deepEqual(bundleFiles(packed.bundle, root), { 'a.txt': 'x\n', dir: `120000 ${join(root, 'outside')}` });
    assert.deepEqual(packed.warnings.length, 1);
  });

  it('is told apart from a damaged one: a bad configuration, a missing object, an index that is none', async (t) => {
    const { root, repo } = scene(t);
    writeFileSync(join(repo, '.git', 'index'), 'no index\n');
    await assert.rejects(pack(repo, root), coded('repo_unreadable', /index file/));
    rmSync(join(repo, '.git', 'index'));
    const packed = await pack(repo, root);
    assert.equal(packed.tree, packed.headTree, 'without an index, that of HEAD counts');
    const commit = run(repo, 'rev-parse', 'HEAD').trim();
    const object = join(repo, '.git', 'objects', commit.slice(0, 2), commit.slice(2));
    renameSync(object, join(root, 'commit'));
    await assert.rejects(pack(repo, root), coded('repo_unreadable', /git cannot read/));
    renameSync(join(root, 'commit'), object);
    appendFileSync(join(repo, '.git', 'config'), '[broken\n');
    await assert.rejects(pack(repo, root), coded('repo_unreadable', /bad config/));
  });

  it('leaves nothing behind when it is refused or interrupted', async (t) => {
    const { root, repo } = scene(t);
    const own = join(root, 'tmp');
    mkdirSync(own);
    const child = [
      `import { packRepository } from ${JSON.stringify(join(import.meta.dirname, '../../../src/workspace/pack.ts'))};`,
      `import { LIMITS } from ${JSON.stringify(join(import.meta.dirname, '../../../src/base/limits.ts'))};`,
      `const order = { repo: ${JSON.stringify(repo)}, bundle: ${JSON.stringify(join(root, 'bundle'))} };`,
      'await packRepository({ ...order, limits: { ...LIMITS, repositoryFiles: 1 } }).catch(() => {});',
      'await packRepository({ ...order, limits: LIMITS, signal: AbortSignal.abort() }).catch(() => {});',
      'await packRepository({ ...order, limits: LIMITS });',
    ].join('\n');
    execFileSync(process.execPath, ['--input-type=module-typescript', '--eval', child], {
      env: { TMPDIR: own, HOME: root },
    });
    assert.deepEqual(readdirSync(own), []);
  });

  it('is interrupted with `conflict`', async (t) => {
    const { root, repo } = scene(t);
    const order = { repo, bundle: join(root, 'bundle'), limits: LIMITS, signal: AbortSignal.abort() };
    await assert.rejects(packRepository(order), coded('conflict', /interrupted/));
  });
});

describe('what this user may not read', () => {
  const asRoot = process.getuid?.() === 0;
  it('is named: a file, a directory, the repository itself', async (t) => {
    const { root, repo } = scene(t);
    write(repo, { 'locked.txt': 'x', 'closed/c.txt': 'x' });
    chmodSync(join(repo, 'locked.txt'), 0o000);
    if (asRoot) {
      // Root reads everything: there is nothing to refuse.
      assert.equal((await pack(repo, root)).files, 4);
      return;
    }
    await assert.rejects(pack(repo, root), coded('repo_unreadable', /locked\.txt/));
    chmodSync(join(repo, 'locked.txt'), 0o600);
    chmodSync(join(repo, 'closed'), 0o000);
    await assert.rejects(pack(repo, root), coded('repo_unreadable', /closed/));
    chmodSync(repo, 0o000);
    await assert.rejects(pack(repo, root), coded('repo_missing', /cannot be read/));
  });
});
