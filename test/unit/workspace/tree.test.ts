// Owns the proof of what is read from a tree: guidance, and how a repository is tested.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { detectChecks } from '../../../src/workspace/detect-checks.ts';
import { removeTree } from '../../../src/workspace/remove.ts';
import { readTreeFile } from '../../../src/workspace/tree.ts';
import { makeRepo, run, tempDir, write } from './repos.ts';

function tree(t: TestContext, files: Readonly<Record<string, string>>, link?: readonly [string, string]) {
  const repo = makeRepo(join(tempDir(t), 'repo'), { README: 'x', ...files });
  if (link !== undefined) {
    symlinkSync(link[1], join(repo, link[0]));
    run(repo, 'add', '--all');
  }
  return { git: join(repo, '.git'), tree: run(repo, 'write-tree').trim() };
}

describe('reading from a tree', () => {
  it('gives a file cut at whole characters with its true size, and no link, directory or missing file', async (t) => {
    const of = tree(t, { 'AGENTS.md': 'ääää', 'dir/x': 'y' }, ['CLAUDE.md', '/etc/passwd']);
    assert.deepEqual(await readTreeFile({ ...of, path: 'AGENTS.md', maxBytes: 5 }), { text: 'ää', bytes: 8 });
    assert.equal(await readTreeFile({ ...of, path: 'CLAUDE.md', maxBytes: 100 }), undefined);
    assert.equal(await readTreeFile({ ...of, path: 'dir', maxBytes: 100 }), undefined);
    assert.equal(await readTreeFile({ ...of, path: 'none', maxBytes: 100 }), undefined);
  });

  const signs: readonly (readonly [Readonly<Record<string, string>>, string | undefined])[] = [
    [{ 'package.json': '{"scripts":{"test":"node --test"}}' }, 'node --test'],
    [{ 'package.json': '{"scripts":{"test":"vitest run && echo"}}' }, 'npm test --silent'],
    [{ 'package.json': '{"scripts":{"test":"echo \\"Error: no test specified\\" && exit 1"}}' }, undefined],
    [{ 'package.json': 'broken', Makefile: 'all:\n\ntest: all\n\t./t\n' }, 'make test'],
    [{ Makefile: 'check:\n\ttrue\n' }, 'make check'],
    [{ 'Cargo.toml': '' }, 'cargo test --offline'],
    [{ 'go.mod': '' }, 'go test ./...'],
    [{ 'pyproject.toml': '[tool.pytest.ini_options]\n' }, 'python3 -m pytest -q'],
    [{ 'pyproject.toml': '[project]\n' }, undefined],
    [{ 'test.sh': '' }, 'sh test.sh'],
    [{}, undefined],
  ];
  for (const [files, expected] of signs) {
    it(`guesses ${expected ?? 'nothing'} from ${JSON.stringify(files).slice(0, 60)}`, async (t) => {
      assert.deepEqual(
        await detectChecks(tree(t, files)),
        expected === undefined ? [] : [{ name: 'tests', run: expected }],
      );
    });
  }
});

describe('removing a tree', () => {
  it('copes with locked directories and follows no link', async (t) => {
    const root = tempDir(t);
    write(root, { 'outside/kept.txt': 'x', 'tree/a/b/c.txt': 'x' });
    symlinkSync(join(root, 'outside'), join(root, 'tree', 'link'));
    mkdirSync(join(root, 'tree', 'locked', 'inner'), { recursive: true });
    chmodSync(join(root, 'tree', 'locked'), 0o000);
    chmodSync(join(root, 'tree', 'a'), 0o500);
    await removeTree(join(root, 'tree'));
    assert.deepEqual([existsSync(join(root, 'tree')), existsSync(join(root, 'outside', 'kept.txt'))], [false, true]);
    await removeTree(join(root, 'tree'));
  });
});
