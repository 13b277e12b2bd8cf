// Owns repositories that tests make, and the proof that nobody touched them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { type Limits, LIMITS } from '../../../src/base/limits.ts';
import type { PackedRepository } from '../../../src/contracts/workspace.ts';
import { packRepository } from '../../../src/workspace/pack.ts';
import { makePatch } from '../../../src/workspace/patch.ts';
import { prepareWorkspace } from '../../../src/workspace/prepare.ts';

const ENV = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_AUTHOR_NAME: 'T',
  GIT_AUTHOR_EMAIL: 't@example.com',
  GIT_COMMITTER_NAME: 'T',
  GIT_COMMITTER_EMAIL: 't@example.com',
  GIT_AUTHOR_DATE: '@1700000000 +0000',
  GIT_COMMITTER_DATE: '@1700000000 +0000',
};

export function tempDir(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'caisson-workspace-'));
  t.after(() => {
    execFileSync('chmod', ['-R', 'u+rwX', path]);
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

export function run(cwd: string, ...words: readonly string[]): string {
  return execFileSync('git', [...words], { cwd, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function write(root: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** A repository with one commit of these files on `main`. */
export function makeRepo(root: string, files: Readonly<Record<string, string | Buffer>>): string {
  mkdirSync(root, { recursive: true });
  run(root, 'init', '--quiet', '--initial-branch', 'main');
  write(root, files);
  run(root, 'add', '--all', '--force');
  run(root, 'commit', '--quiet', '--message', 'start');
  return root;
}

/** A hash of every path below: kind, mode, time of change, content. The same before and after means untouched. */
export function fingerprint(root: string): string {
  const hash = createHash('sha256');
  const walk = (dir: string) => {
    for (const name of readdirSync(dir).sort()) {
      const path = join(dir, name);
      const info = lstatSync(path);
      hash.update(`${path}\0${info.mode}\0${info.isDirectory() ? '' : info.mtimeMs}\0`);
      if (info.isDirectory()) walk(path);
      else if (info.isSymbolicLink()) hash.update(readlinkSync(path));
      else if (info.isFile()) hash.update(readFileSync(path));
    }
  };
  walk(root);
  return hash.digest('hex');
}

/** Packs into `<into>/bundle`, with no personal git settings. */
export async function pack(repo: string, into: string, limits: Partial<Limits> = {}): Promise<PackedRepository> {
  const bundle = join(into, 'bundle');
  return packRepository({ repo, bundle, limits: { ...LIMITS, ...limits }, home: '/nonexistent' });
}

/** Paths and contents of the tree of a bundle. */
export function bundleFiles(bundle: string, into: string): Readonly<Record<string, string>> {
  const clone = join(into, 'unpacked');
  rmSync(clone, { recursive: true, force: true });
  run(into, 'clone', '--quiet', '--no-checkout', '--branch', 'base', bundle, clone);
  const lines = run(clone, 'ls-tree', '-r', '-z', 'HEAD')
    .split('\0')
    .filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [meta = '', path = ''] = line.split('\t');
      const [mode = '', , object = ''] = meta.split(' ');
      const content = run(clone, 'cat-file', 'blob', object);
      return [path, mode === '100644' ? content : `${mode} ${content}`];
    }),
  );
}

/** A run's workspace on a repository of these files, and the call that makes its patch. */
export async function workspace(t: TestContext, files: Readonly<Record<string, string | Buffer>>) {
  const root = tempDir(t);
  const repo = makeRepo(join(root, 'repo'), files);
  const packed = await pack(repo, root);
  const { paths } = await prepareWorkspace({
    root: join(root, 'run'),
    bundle: packed.bundle,
    tree: packed.tree,
    limits: LIMITS,
  });
  const patch = (limits: Limits = LIMITS) => makePatch({ paths, baseTree: packed.tree, limits });
  return { root, repo, paths, packed, patch };
}

/** Is the error this one, in these words (message or hint)? */
export function coded(code: string, words = /./): (error: unknown) => boolean {
  return (error) =>
    error instanceof CaissonError && error.code === code && words.test(`${error.message}\n${error.hint}`);
}

/** A script that leaves a mark when it runs, and the question whether it did. */
export function makeTrap(root: string): {
  readonly script: string;
  readonly sprung: () => boolean;
  readonly reset: () => void;
} {
  const mark = join(root, 'sprung');
  const script = join(root, 'trap.sh');
  writeFileSync(script, `#!/bin/sh\ntouch ${mark}\nexit 1\n`, { mode: 0o755 });
  return { script, sprung: () => existsSync(mark), reset: () => rmSync(mark, { force: true }) };
}
