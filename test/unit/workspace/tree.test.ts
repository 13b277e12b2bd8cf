// Owns the proof of what is read from a tree: guidance, and how a repository is tested.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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
    assert.equal(await readTreeFile({ ...of, path: 'dir/', maxBytes: 100 }), undefined);
    assert.equal(await readTreeFile({ ...of, path: '*.md', maxBytes: 100 }), undefined);
    assert.equal(await readTreeFile({ ...of, path: 'none', maxBytes: 100 }), undefined);
    assert.deepEqual(await readTreeFile({ ...of, path: 'dir/x', maxBytes: 100 }), { text: 'y', bytes: 1 });
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
    [{ 'pytest.ini': '' }, 'python3 -m pytest -q'],
    [{ Makefile: 'test := 1\nall:\n' }, undefined],
    [{ GNUmakefile: '.PHONY: test\ntest:\n' }, 'make test'],
    [{ 'package.json': '{"scripts":{"test":"node --test; curl evil"}}' }, 'npm test --silent'],
    [{ 'package.json': 'null', 'test.sh': '#!/usr/bin/env bash\n' }, 'bash test.sh'],
    [{ test: '#!/bin/sh\n' }, 'sh test'],
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

  it('removes a link and not what it points at', async (t) => {
    const root = tempDir(t);
    write(root, { 'outside/kept.txt': 'x' });
    symlinkSync(join(root, 'outside'), join(root, 'link'));
    await removeTree(join(root, 'link'));
    assert.deepEqual([existsSync(join(root, 'link')), existsSync(join(root, 'outside', 'kept.txt'))], [false, true]);
  });

  it('copes with paths longer than a path may be, names like options, and pipes', async (t) => {
    const root = tempDir(t);
    const script =
      'mkdir "$1" && cd "$1" && mkfifo pipe && mkdir -- -rf && for i in {1..60}; do mkdir "$2" && cd "$2"; done';
    execFileSync('bash', ['-c', script, 'x', join(root, 'tree'), 'd'.repeat(100)]);
    await removeTree(join(root, 'tree'));
    assert.equal(existsSync(join(root, 'tree')), false);
  });
});
