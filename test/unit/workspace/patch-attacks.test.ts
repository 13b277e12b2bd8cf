// Named attacks of what ran in the work tree on the one who makes the patch from outside.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { makeBox } from '../../../src/workspace/box.ts';
import { anyPathGlob } from '../../../src/policy/glob.ts';
import { makePatch } from '../../../src/workspace/patch.ts';
import { isSensitive } from '../../../src/workspace/sensitive.ts';
import { coded, fingerprint, makeRepo, makeTrap, run, workspace, write } from './repos.ts';

const BASE = { 'a.txt': 'x\n', 'dir/b.txt': 'y\n' };

describe('an attack on the patch', () => {
  it('by a pipe or an endless file where git reads rules is refused in words', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    for (const name of ['.gitignore', 'dir/.gitignore', '.gitattributes']) {
      execFileSync('mkfifo', [join(paths.work, name)]);
      await assert.rejects(patch(), coded('patch_refused', /\.git(?:ignore|attributes)/));
      rmSync(join(paths.work, name));
    }
    symlinkSync('/dev/zero', join(paths.work, '.gitignore'));
    await assert.rejects(patch(), coded('patch_refused', /\.gitignore/));
  });

  it('by names that only git reserves leaves these out and the rest in', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    write(paths.work, {
      '.GIT/config': '[core]\n',
      'git~1/config': '[core]\n',
      'dir/.git': 'gitdir: /etc\n',
      'dir/.git /x': 'x',
      'dir/new.txt': 'n\n',
    });
    symlinkSync('/etc/passwd', join(paths.work, '.gitmodules'));
    const made = await patch();
    assert.deepEqual(
      made.files.map((file) => file.path),
      ['dir/new.txt'],
    );
  });

  it('by a directory that became a link to the host’s files copies none of them', async (t) => {
    const { root, paths, patch } = await workspace(t, BASE);
    write(root, { 'host/b.txt': 'secret\n', 'host/key': 'secret\n' });
    rmSync(join(paths.work, 'dir'), { recursive: true });
    symlinkSync(join(root, 'host'), join(paths.work, 'dir'));
    const made = await patch();
    assert.deepEqual(made.files, [
      { path: 'dir', change: 'added', added: 1, removed: 0, binary: false },
      { path: 'dir/b.txt', change: 'deleted', added: 0, removed: 1, binary: false },
    ]);
    assert.doesNotMatch(made.text, /secret/);
  });

  it('by pipes, sockets and devices in place of files shows these as deleted and ends', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    rmSync(join(paths.work, 'a.txt'));
    execFileSync('mkfifo', [join(paths.work, 'a.txt'), join(paths.work, 'new-pipe')]);
    symlinkSync('/dev/zero', join(paths.work, 'device'));
    assert.deepEqual(
      (await patch()).files.map(({ path, change }) => [path, change]),
      [
        ['a.txt', 'deleted'],
        ['device', 'added'],
      ],
    );
  });

  it('by a path longer than a path may be does not stop the patch', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    const deep = 'cd "$1" && for i in {1..60}; do mkdir "$2" && cd "$2" || exit 1; done && echo x > f';
    execFileSync('bash', ['-c', deep, 'x', paths.work, 'd'.repeat(100)]);
    write(paths.work, { 'a.txt': 'changed\n' });
    assert.deepEqual(
      (await patch()).files.map((file) => file.path),
      ['a.txt'],
    );
  });

  it('by a sea of empty directories is refused', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    execFileSync('bash', ['-c', `cd "$1" && mkdir -p s{1..12}/{1..110}`, 'x', paths.work]);
    await assert.rejects(patch({ ...LIMITS, repositoryFiles: 100 }), coded('patch_refused', /directories/));
  });

  it('by rules that hide everything, in any file, hides no change of a tracked file', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    write(paths.work, {
      'dir/.gitignore': '*\n',
      '.git/info/exclude': '*\n',
      'a.txt': 'changed\n',
      'dir/b.txt': 'changed\n',
    });
    run(paths.work, 'update-index', '--assume-unchanged', 'a.txt');
    run(paths.work, 'update-index', '--skip-worktree', 'dir/b.txt');
    assert.equal(run(paths.work, 'status', '--short'), '', 'positive control: git inside sees no change');
    assert.deepEqual(
      (await patch()).files.map((file) => file.path),
      ['a.txt', 'dir/b.txt'],
    );
  });

  it('by a replaced .git, a .git that is a file or a link, or none, changes nothing', async (t) => {
    const { root, paths, patch } = await workspace(t, BASE);
    write(paths.work, { 'a.txt': 'changed\n' });
    const expected = (await patch()).hash;
    const inner = join(paths.work, '.git');
    rmSync(inner, { recursive: true });
    assert.equal((await patch()).hash, expected);
    writeFileSync(inner, `gitdir: ${join(root, 'repo', '.git')}\n`);
    assert.equal((await patch()).hash, expected);
    rmSync(inner);
    symlinkSync(join(root, 'repo', '.git'), inner);
    assert.equal((await patch()).hash, expected);
  });

  it('by a nested repository runs nothing, hides nothing, and the nested one stays as it is', async (t) => {
    const { root, paths, patch } = await workspace(t, BASE);
    const trap = makeTrap(root);
    const nested = makeRepo(join(paths.work, 'vendor'), { 'v.txt': 'v\n' });
    run(nested, 'config', 'core.fsmonitor', trap.script);
    const before = fingerprint(nested);
    const { files } = await patch();
    assert.deepEqual(
      [files.map((file) => file.path), trap.sprung(), fingerprint(nested) === before],
      [['vendor/v.txt'], false, true],
    );
    run(nested, 'status');
    assert.equal(trap.sprung(), true, 'positive control: git inside runs it');
  });

  it('by quotes or bytes in a name does not hide a workflow from the list of what acts', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    write(paths.work, { '.github/workflows/e"vil.yml': 'x\n' });
    writeFileSync(Buffer.concat([Buffer.from(join(paths.work, '.github/workflows/')), Buffer.from([0xff])]), 'x\n');
    assert.deepEqual((await patch()).sensitivePaths, [
      String.raw`".github/workflows/e\042vil.yml"`,
      String.raw`".github/workflows/\377"`,
    ]);
  });

  it('by a .git that only a Mac reads as one is left out', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    write(paths.work, { '.g\u200cit/hooks/pre-commit': 'x', 'sub/.\ufeffGIT/config': 'x', '.gitx/kept': 'k' });
    assert.deepEqual(
      (await patch()).files.map((file) => file.path),
      ['.gitx/kept'],
    );
  });

  it('by capitals or composed letters puts no link under the path of another file unseen', async (t) => {
    const { paths, patch } = await workspace(t, { ...BASE, 'docs/readme': 'r\n', 'é.txt': 'e\n' });
    symlinkSync('.git', join(paths.work, 'Docs'));
    write(paths.work, { 'e\u0301.txt': 'other\n', 'plain.txt': 'p\n', 'docs/hooks/post-checkout.txt': 'x' });
    const { sensitivePaths, files } = await patch();
    assert.deepEqual(
      files.map((file) => file.path),
      ['Docs', 'docs/hooks/post-checkout.txt', 'e\u0301.txt', 'plain.txt'],
    );
    assert.deepEqual(sensitivePaths, ['Docs', 'docs/hooks/post-checkout.txt', 'e\u0301.txt']);
  });

  it('by capitals does not get past what the site protects', async (t) => {
    const { paths, packed } = await workspace(t, BASE);
    write(paths.work, { 'Billing/Rates.csv': 'x', 'deep/Makefile': 'x', 'billing2/rates.csv': 'x' });
    const isProtected = anyPathGlob(['billing/**', '**/Makefile']);
    const made = await makePatch({ paths, baseTree: packed.tree, limits: LIMITS, isProtected });
    assert.deepEqual(made.sensitivePaths, ['Billing/Rates.csv', 'deep/Makefile']);
  });

  it('by one file of another encoding leaves the others readable, and the whole gives the same tree', async (t) => {
    const { repo, paths, patch, packed } = await workspace(t, {
      ...BASE,
      'latin.txt': Buffer.from('caf\xe9\n', 'latin1'),
    });
    write(paths.work, { 'a.txt': 'readable\n', 'latin.txt': Buffer.from('th\xe9\n', 'latin1'), 'dir/ü.txt': 'ü\n' });
    const made = await patch();
    assert.match(made.text, /\+readable\n/);
    assert.match(made.text, /latin\.txt\n[^+]*GIT binary patch/);
    assert.equal(made.text.split('diff --git ').length, 4);
    run(repo, 'read-tree', packed.tree);
    execFileSync('git', ['apply', '--cached', '-'], { cwd: repo, input: made.text });
    assert.equal(run(repo, 'write-tree').trim(), made.resultTree);
  });

  it('by content that looks like a patch does not cut the text at the wrong place', async (t) => {
    const { repo, paths, patch, packed } = await workspace(t, { ...BASE, 'l.txt': Buffer.from('\xe9\n', 'latin1') });
    write(paths.work, {
      'a.txt': 'diff --git a/x b/x\nindex 0..1\n--- a/x\n+++ b/x\n',
      'l.txt': Buffer.from('diff --git a/\xe9 b/\xe9\n', 'latin1'),
    });
    const made = await patch();
    run(repo, 'read-tree', packed.tree);
    execFileSync('git', ['apply', '--cached', '-'], { cwd: repo, input: made.text });
    assert.equal(run(repo, 'write-tree').trim(), made.resultTree);
  });

  it('by a hard link into another file of the box shows two files', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    execFileSync('ln', [join(paths.work, 'a.txt'), join(paths.work, 'hard.txt')]);
    assert.deepEqual(
      (await patch()).files.map((file) => file.path),
      ['hard.txt'],
    );
  });

  it('by set-uid bits and odd modes carries only whether a file can be run', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    chmodSync(join(paths.work, 'a.txt'), 0o4755);
    chmodSync(join(paths.work, 'dir/b.txt'), 0o666);
    const made = await patch();
    assert.match(made.text, /^old mode 100644\nnew mode 100755$/m);
    assert.equal(made.files.length, 1);
  });
});

describe('what is not to be carried', () => {
  it('is counted by no limit when it is ignored', async (t) => {
    const { paths, patch } = await workspace(t, { ...BASE, '.gitignore': 'build/\n' });
    mkdirSync(join(paths.work, 'build'));
    execFileSync('truncate', ['-s', '5G', join(paths.work, 'build', 'huge')]);
    assert.deepEqual((await patch()).files, []);
  });

  it('leaves no scratch in the trusted git directory, and the patch of the next attempt is not disturbed', async (t) => {
    const { paths, patch } = await workspace(t, BASE);
    write(paths.work, { 'a.txt': '1\n' });
    const first = await patch();
    write(paths.work, { 'a.txt': '2\n' });
    const second = await patch();
    assert.notEqual(first.hash, second.hash);
    const names = execFileSync('ls', [paths.git], { encoding: 'utf8' }).trim().split('\n');
    assert.deepEqual(names, ['HEAD', 'config', 'info', 'objects', 'refs']);
  });

  it('is not in a fresh box of the result', async (t) => {
    const { root, paths, patch } = await workspace(t, BASE);
    write(paths.work, { '.git/hooks/pre-commit': '#!/bin/sh\n', 'dir/.git': 'gitdir: /etc\n', 'a.txt': 'new\n' });
    renameSync(join(paths.box, '.bashrc'), join(paths.box, 'old'));
    const { resultTree } = await patch();
    const box = join(root, 'fresh');
    await makeBox({ git: paths.git, tree: resultTree, box });
    assert.deepEqual(
      ['work/.git/hooks', 'work/dir/.git', 'old', '.bashrc', 'work/a.txt'].map((name) => existsSync(join(box, name))),
      [false, false, false, true, true],
    );
    assert.equal(run(join(box, 'work'), 'diff', '--cached', '--name-only', 'HEAD'), 'a.txt\n');
  });
});

describe('paths that act on people or machines', () => {
  const acting = [
    '.husky/pre-commit',
    '.githooks/x',
    'hooks/pre-commit',
    'lefthook.yml',
    '.pre-commit-config.yaml',
    '.github/workflows/ci.yml',
    '.GitHub/Workflows/ci.yml',
    '.gitlab-ci.yml',
    '.gitlab/ci/a.yml',
    '.circleci/config.yml',
    'Jenkinsfile',
    'ci/Jenkinsfile.deploy',
    'azure-pipelines.yml',
    '.gitattributes',
    'sub/.gitattributes',
    '.gitmodules',
    '.envrc',
    '.vscode/tasks.json',
    '.idea/x.xml',
    '.devcontainer/devcontainer.json',
    '.npmrc',
    '.yarnrc.yml',
    '.yarn/releases/yarn.cjs',
    'CODEOWNERS',
    '.github/CODEOWNERS',
    'AGENTS.md',
    'pkg/CLAUDE.md',
    '.mcp.json',
    '.cursor/rules/x.mdc',
    '.claude/settings.json',
    'x.code-workspace',
    '.cargo/config.toml',
    'package-lock.json',
    'web/yarn.lock',
    'pnpm-lock.yaml',
    'Cargo.lock',
    'go.sum',
    'uv.lock',
    'bun.lockb',
  ];
  const plain = [
    'src/index.js',
    'src/hooks/useState.ts',
    'README.md',
    'docs/agents.html',
    'package.json',
    'pubspec.yaml',
    'Cargo.toml',
    'src/lock.ts',
    'github/workflows/x.yml',
    'Makefile',
  ];

  it('are told from those that do not', () => {
    assert.deepEqual([acting.filter((path) => !isSensitive(path)), plain.filter(isSensitive)], [[], []]);
  });

  it('count a package.json when what it runs has changed', async (t) => {
    const manifest = (content: object) => JSON.stringify({ name: 'x', ...content });
    const { paths, patch } = await workspace(t, {
      'package.json': manifest({ scripts: { test: 'a' } }),
      'sub/package.json': manifest({}),
    });
    write(paths.work, {
      'package.json': manifest({ scripts: { test: 'a' }, version: '2' }),
      'sub/package.json': manifest({ version: '2' }),
    });
    assert.deepEqual((await patch()).sensitivePaths, []);
    write(paths.work, {
      'package.json': manifest({ scripts: { test: 'a', postinstall: 'b' } }),
      'sub/package.json': 'broken',
      'new/package.json': manifest({ 'simple-git-hooks': { 'pre-commit': 'x' } }),
    });
    assert.deepEqual((await patch()).sensitivePaths, ['new/package.json', 'package.json', 'sub/package.json']);
  });
});
