// What an uploaded bundle may not do, and what the box is that comes of a good one.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { makeBox } from '../../../src/workspace/box.ts';
import { prepareWorkspace, workspacePaths } from '../../../src/workspace/prepare.ts';
import { coded, makeRepo, makeTrap, pack, run, tempDir, write } from './repos.ts';

function scene(t: TestContext) {
  const root = tempDir(t);
  const repo = makeRepo(join(root, 'repo'), { 'a.txt': 'x\n' });
  const bundle = join(root, 'bundle');
  const prepare = (tree: string, limits: object = {}) =>
    prepareWorkspace({ root: join(root, 'run'), bundle, tree, limits: { ...LIMITS, ...limits } });
  return { root, repo, bundle, prepare };
}

/** An object that git itself would not make. */
function rawTree(repo: string, entries: readonly (readonly [string, string, string])[]): string {
  const raw = entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);
  const words = ['-C', repo, 'hash-object', '-w', '-t', 'tree', '--literally', '--stdin'];
  return execFileSync('git', words, { input: Buffer.concat(raw), encoding: 'utf8' }).trim();
}

function bundleOf(repo: string, bundle: string, tree: string): void {
  const commit = run(repo, 'commit-tree', tree, '-m', 'base').trim();
  run(repo, 'update-ref', 'refs/heads/base', commit);
  run(repo, 'bundle', 'create', '--quiet', bundle, 'refs/heads/base');
}

describe('a bundle', () => {
  it('with a .git directory, a way up, a link as .gitmodules or a submodule in its tree is refused', async (t) => {
    const { repo, bundle, prepare } = scene(t);
    const blob = run(repo, 'rev-parse', 'HEAD:a.txt').trim();
    const hooks = rawTree(repo, [['100755', 'pre-commit', blob]]);
    const bad: readonly (readonly [string, string, string])[] = [
      ['40000', '.git', hooks],
      ['40000', '.GiT', hooks],
      ['40000', '..', hooks],
      ['40000', 'git~1', hooks],
      ['120000', '.gitmodules', blob],
      ['160000', 'sub', run(repo, 'rev-parse', 'HEAD').trim()],
    ];
    for (const entry of bad) {
      const tree = rawTree(repo, [entry]);
      bundleOf(repo, bundle, tree);
      await assert.rejects(prepare(tree), coded('bundle_invalid'), entry[1]);
      execFileSync('rm', ['-rf', join(bundle, '..', 'run')]);
    }
    const good = rawTree(repo, [['40000', 'hooks', hooks]]);
    bundleOf(repo, bundle, good);
    assert.equal((await prepare(good)).files, 1, 'positive control: the same way with a harmless name');
  });

  it('that is cut, changed, no bundle, missing, a thin one, or has other references is refused', async (t) => {
    const { root, repo, bundle, prepare } = scene(t);
    const { tree } = await pack(repo, root);
    const whole = readFileSync(bundle);
    const refused = async (words: RegExp) => {
      await assert.rejects(prepare(tree), coded('bundle_invalid', words));
      execFileSync('rm', ['-rf', join(root, 'run')]);
    };
    truncateSync(bundle, whole.length - 30);
    await refused(/damaged/);
    const flipped = Buffer.from(whole);
    flipped[whole.length - 40] = (flipped[whole.length - 40] ?? 0) ^ 1;
    writeFileSync(bundle, flipped);
    await refused(/damaged/);
    writeFileSync(bundle, 'no bundle at all');
    await refused(/no git bundle/);
    writeFileSync(bundle, Buffer.concat([Buffer.from('# v2 git bundle\n-'), whole.subarray(16)]));
    await refused(/no git bundle/);
    run(repo, 'bundle', 'create', '--quiet', bundle, 'refs/heads/main');
    await refused(/refs\/heads\/base/);
    execFileSync('rm', [bundle]);
    await refused(/cannot be opened/);
    writeFileSync(bundle, whole);
    assert.equal((await prepare(tree)).tree, tree, 'positive control: the whole one is taken');
  });

  it('that holds another tree than was announced is refused', async (t) => {
    const { root, repo, prepare } = scene(t);
    await pack(repo, root);
    await assert.rejects(prepare('0'.repeat(40)), coded('bundle_invalid', /announced/));
    assert.equal(existsSync(join(root, 'run', 'box')), false);
  });

  it('that is small and unpacks to too many bytes or files is refused before anything is written out', async (t) => {
    const { root, repo, prepare } = scene(t);
    write(repo, { 'zeros.bin': Buffer.alloc(3_000_000), 'b.txt': 'x' });
    const { tree, bundle } = await pack(repo, root);
    assert.ok(lstatSync(bundle).size < 100_000);
    await assert.rejects(prepare(tree, { repositoryBytes: 1_000_000 }), coded('repo_too_large', /repository_bytes/));
    execFileSync('rm', ['-rf', join(root, 'run')]);
    await assert.rejects(prepare(tree, { repositoryFiles: 2 }), coded('repo_too_large', /repository_files/));
    assert.equal(existsSync(join(root, 'run', 'box')), false);
  });

  it('whose .gitmodules says something evil is only data', async (t) => {
    const { root, repo, prepare } = scene(t);
    const evil = '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n\tupdate = !touch /tmp/planted\n';
    write(repo, { '.gitmodules': evil });
    const { paths } = await prepare((await pack(repo, root)).tree);
    assert.equal(readFileSync(join(paths.work, '.gitmodules'), 'utf8'), evil);
  });
});

describe('the box', () => {
  it('has the work, an empty home, a place for output, and lies beside a git directory that nobody else may read', async (t) => {
    const { root, repo, prepare } = scene(t);
    const { paths, files } = await prepare((await pack(repo, root)).tree);
    assert.deepEqual(paths, workspacePaths(join(root, 'run')));
    assert.deepEqual(
      {
        files,
        root: readdirSync(paths.root).sort(),
        box: readdirSync(paths.box).sort(),
        home: readdirSync(join(paths.box, 'home')),
        out: readdirSync(join(paths.box, 'out')),
        bashrc: [lstatSync(join(paths.box, '.bashrc')).isFile(), lstatSync(join(paths.box, '.bashrc')).size],
        modes: [paths.box, paths.git].map((path) => lstatSync(path).mode & 0o777),
      },
      {
        files: 1,
        root: ['box', 'git'],
        box: ['.bashrc', 'home', 'out', 'work'],
        home: [],
        out: [],
        bashrc: [true, 0],
        modes: [0o700, 0o700],
      },
    );
  });

  it('has the bytes of the tree, whatever .gitattributes says, and runs no filter', async (t) => {
    const { root, repo, prepare } = scene(t);
    const trap = makeTrap(root);
    const attributes = '* text eol=crlf ident filter=evil export-subst\n*.u16 working-tree-encoding=UTF-16\n';
    write(repo, { 'lf.txt': 'a\nb\n', 'id.txt': '$Id$\n', 'x.u16': 'plain\n', '.gitattributes': attributes });
    run(repo, 'config', 'filter.evil.smudge', trap.script);
    const blob = (text: string) =>
      execFileSync('git', ['-C', repo, 'hash-object', '-w', '--stdin'], { input: text, encoding: 'utf8' }).trim();
    const expected = {
      '.gitattributes': attributes,
      'crlf.txt': 'a\r\nb\n',
      'id.txt': '$Id$ $Id: x $\n',
      'lf.txt': 'a\nb\n',
      'x.u16': 'plain\n',
    };
    const tree = rawTree(
      repo,
      Object.entries(expected).map(([name, text]) => ['100644', name, blob(text)] as const),
    );
    bundleOf(repo, join(root, 'bundle'), tree);
    const { paths } = await prepare(tree);
    const found = Object.fromEntries(
      Object.keys(expected).map((name) => [name, readFileSync(join(paths.work, name), 'utf8')]),
    );
    assert.deepEqual([found, trap.sprung()], [expected, false]);
  });

  it('belongs to its owner, links included, and what the links point at does not', async (t) => {
    const { root, repo } = scene(t);
    const asRoot = process.getuid?.() === 0;
    // Who is not root can give only to themselves.
    const owner = asRoot ? { uid: 12345, gid: 12346 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const target = join(root, 'outside.txt');
    writeFileSync(target, 'x');
    const before = lstatSync(target).uid;
    execFileSync('ln', ['-s', target, join(repo, 'link')]);
    const { tree, bundle } = await pack(repo, root);
    const { paths } = await prepareWorkspace({ root: join(root, 'run'), bundle, tree, owner, limits: LIMITS });
    const box = join(root, 'run', 'checks', 'one');
    await makeBox({ git: paths.git, tree, box, owner });
    assert.deepEqual(
      [join(root, 'run'), join(root, 'run', 'checks'), box].map((path) => lstatSync(path).mode & 0o711),
      [0o711, 0o711, 0o700],
      'the owner gets through to the box',
    );
    const listed = execFileSync('find', [paths.box, '-printf', '%U:%G\n'], { encoding: 'utf8' }).trim().split('\n');
    assert.deepEqual([[...new Set(listed)], lstatSync(target).uid], [[`${owner.uid}:${owner.gid}`], before]);
    assert.equal(lstatSync(paths.git).uid, process.getuid?.());
  });
});
