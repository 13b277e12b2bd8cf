// Owns the proof of what lock files ask for, and which files of a repository have a part in it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { detectSetup, filesOf, hasLockFile } from '../../../../src/workspace/setup/detect.ts';
import { listTree } from '../../../../src/workspace/tree.ts';
import { makeRepo, run, tempDir } from '../repos.ts';

async function listed(t: TestContext, files: Readonly<Record<string, string>>) {
  const repo = makeRepo(join(tempDir(t), 'repo'), files);
  const git = join(repo, '.git');
  const tree = run(repo, 'write-tree').trim();
  return { git, tree, entries: await listTree(git, tree) };
}

const NPM = 'npm ci --no-audit --no-fund';

describe('lock files at the top of the tree ask for', () => {
  const cases: readonly (readonly [name: string, paths: readonly string[], commands: readonly string[]])[] = [
    ['nothing', ['package.json', 'sub/package-lock.json'], []],
    ['npm', ['package.json', 'package-lock.json'], [NPM]],
    ['npm by its other name', ['npm-shrinkwrap.json'], [NPM]],
    ['pnpm before npm', ['pnpm-lock.yaml', 'package-lock.json'], ['pnpm install --frozen-lockfile']],
    ['yarn', ['yarn.lock'], ['yarn install --frozen-lockfile']],
    ['yarn since version 2', ['yarn.lock', '.yarnrc.yml'], ['yarn install --immutable']],
    ['uv', ['uv.lock', 'pyproject.toml'], ['uv sync --frozen --no-install-workspace']],
    ['cargo and go', ['Cargo.lock', 'go.sum'], ['cargo fetch --locked', 'go mod download']],
    [
      'node and python',
      ['package-lock.json', 'requirements.txt'],
      [NPM, 'python3 -m pip install --user -r requirements.txt'],
    ],
    ['maven', ['pom.xml'], ['mvn -B -q -Dmaven.repo.local="$HOME/.m2/repository" dependency:go-offline']],
  ];
  for (const [name, paths, commands] of cases)
    test(name, async (t) => {
      const { entries } = await listed(t, Object.fromEntries(paths.map((path) => [path, '{}'])));
      const short = (text: string) =>
        text.replace('PIP_BREAK_SYSTEM_PACKAGES=1 ', '').replace(' --disable-pip-version-check', '');
      assert.deepEqual(detectSetup(entries).commands.map(short), commands);
      assert.equal(hasLockFile(entries), commands.length > 0);
    });
});

describe('the files that have a part in', () => {
  const all = {
    'package.json': '{"dependencies":{"left":"1.0.0"}}',
    'package-lock.json': '{}',
    '.npmrc': 'audit=false',
    'packages/a/package.json': '{}',
    'src/app.js': '',
    'requirements.txt': 'six\n-r more-requirements.txt\n',
    'more-requirements.txt': 'ten',
    'Cargo.toml': '',
    'Cargo.lock': '',
    'src/main.rs': 'fn main() {}',
    'go.mod': '',
    'go.sum': '',
    README: 'x',
  };
  const node = ['.npmrc', 'package-lock.json', 'package.json', 'packages/a/package.json'];
  const cases: readonly (readonly [
    command: string,
    whole: readonly string[] | undefined,
    empty?: readonly string[],
  ])[] = [
    [NPM, node],
    ['npm install --omit=dev', node],
    ['pnpm install', node],
    ['yarn', node],
    ['npm run build', undefined],
    ['yarn build', undefined],
    ['npm ci && make', undefined],
    ['npm ci; curl x', undefined],
    ['npm ci $(cat x)', undefined],
    ['make deps', undefined],
    ['pip install -r requirements.txt', ['more-requirements.txt', 'requirements.txt']],
    ['pip install .', undefined],
    ['uv sync', undefined],
    ['cargo fetch --locked', ['Cargo.lock', 'Cargo.toml'], ['src/main.rs']],
    ['cargo build', undefined],
    ['go mod download', ['go.mod', 'go.sum']],
    ['go mod vendor', undefined],
  ];
  for (const [command, whole, empty = []] of cases)
    test(command, async (t) => {
      const named = await filesOf([command], await listed(t, all));
      const found = named && { whole: named.whole.map(({ path }) => path), empty: named.empty };
      assert.deepEqual(found, whole && { whole, empty });
    });

  test('two commands: those of both; with one that is not known: any', async (t) => {
    const of = await listed(t, all);
    const both = await filesOf([NPM, 'go mod download'], of);
    assert.deepEqual(
      both?.whole.map(({ path }) => path),
      ['.npmrc', 'go.mod', 'go.sum', ...node.slice(1)],
    );
    assert.equal(await filesOf([NPM, './mine'], of), undefined);
    assert.equal(await filesOf([], of), undefined);
  });

  const manifests: readonly (readonly [name: string, manifest: object, local: readonly string[] | undefined])[] = [
    [
      'a package in the repository',
      { dependencies: { a: 'file:vendor/a.tgz', b: 'file:./lib/' } },
      ['lib/index.js', 'vendor/a.tgz'],
    ],
    ['a script that runs at the installation', { scripts: { postinstall: 'node src/app.js' } }, undefined],
    ['a script that runs at other times', { scripts: { test: 'node --test' } }, []],
    ['a link into the repository', { devDependencies: { a: 'link:lib' } }, undefined],
    ['a patched package', { resolutions: { a: 'patch:a@1#x.patch' } }, undefined],
    ['overrides that are nested', { overrides: { a: { b: '1' } } }, undefined],
    ['nonsense', { dependencies: [1] }, undefined],
  ];
  for (const [name, manifest, local] of manifests)
    test(`npm with ${name}`, async (t) => {
      const files = { 'package.json': JSON.stringify(manifest), 'package-lock.json': '{}', 'src/app.js': 'x' };
      const named = await filesOf([NPM], await listed(t, { ...files, 'lib/index.js': 'x', 'vendor/a.tgz': 'x' }));
      const paths = named?.whole.map(({ path }) => path);
      assert.deepEqual(paths, local && [...local, 'package-lock.json', 'package.json'].toSorted());
    });

  test('pip with a part of the repository itself: any', async (t) => {
    for (const line of ['-e .', './local', 'mine @ file:local', '--editable lib'])
      assert.equal(
        await filesOf(['pip install -r requirements.txt'], await listed(t, { 'requirements.txt': `six\n${line}\n` })),
        undefined,
        line,
      );
  });
});
