// Owns the patch: what the agent changed, by content, made from outside when everything inside is dead. Runs nothing of the work tree.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Limits } from '../base/limits.ts';
import type { ChangedFile, Patch, WorkspacePaths } from '../contracts/workspace.ts';
import { git, type GitCall, gitBytes } from './git.ts';
import { isSensitive } from './sensitive.ts';
import { surveyWork } from './survey.ts';
import { asBinary } from './trusted-git.ts';

const DIFF = [
  'diff-tree',
  '-p',
  '--binary',
  '--full-index',
  '--no-renames',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
];

/** New files that .gitignore names are left out; a changed .gitignore hides no tracked file. Throws `patch_refused` over a limit. */
export async function makePatch(options: {
  readonly paths: WorkspacePaths;
  readonly baseTree: string;
  readonly limits: Limits;
}): Promise<Patch> {
  const { paths, baseTree, limits } = options;
  await surveyWork(paths.work, limits);
  const resultTree = await treeOfWork(paths, baseTree);
  const text = await patchText(paths.git, baseTree, resultTree);
  if (Buffer.byteLength(text) > limits.patchBytes)
    throw new CaissonError(
      'patch_refused',
      `the patch has ${Buffer.byteLength(text)} bytes; the limit is ${limits.patchBytes}`,
    );
  const files = await changedFiles(paths.git, baseTree, resultTree);
  const sensitivePaths = files.map((file) => file.path).filter(isSensitive);
  return { text, hash: sha256(text), baseTree, resultTree, files, sensitivePaths };
}

async function treeOfWork(paths: WorkspacePaths, baseTree: string): Promise<string> {
  const index = join(paths.git, 'patch-index');
  const call: GitCall = { gitDir: paths.git, workTree: paths.work, cwd: paths.work, env: { GIT_INDEX_FILE: index } };
  try {
    await rm(index, { force: true });
    await git(['read-tree', baseTree], call);
    await git(['add', '--all', '--', '.'], call);
    return (await git(['write-tree'], call)).stdout.trim();
  } finally {
    await rm(index, { force: true });
  }
}

async function patchText(gitDir: string, base: string, result: string): Promise<string> {
  const plain = await gitBytes([...DIFF, base, result], { gitDir });
  const text = asUtf8(plain.stdout);
  if (text !== undefined) return text;
  // Bytes that are no UTF-8 would be lost in a text: names are quoted, contents go as binary changes.
  const quoted = ['-c', 'core.quotePath=true', ...DIFF, base, result];
  const binary = await asBinary(gitDir, () => gitBytes(quoted, { gitDir }));
  return binary.stdout.toString('latin1');
}

function asUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function changedFiles(gitDir: string, base: string, result: string): Promise<readonly ChangedFile[]> {
  const words = ['diff-tree', '-r', '-z', '--no-renames', '--no-ext-diff', '--no-textconv'];
  const [raw, stat] = await Promise.all([
    git([...words, '--raw', base, result], { gitDir }),
    git([...words, '--numstat', base, result], { gitDir }),
  ]);
  const counts = new Map(
    stat.stdout.split('\0').flatMap((line): [string, readonly string[]][] => {
      const [added, removed, path] = line.split('\t');
      return path === undefined || added === undefined || removed === undefined ? [] : [[path, [added, removed]]];
    }),
  );
  const parts = raw.stdout.split('\0');
  const files: ChangedFile[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const path = parts[at + 1] ?? '';
    const [added = '-', removed = '-'] = counts.get(path) ?? [];
    const binary = added === '-';
    files.push({
      path,
      change: changeOf(parts[at] ?? ''),
      added: binary ? 0 : Number(added),
      removed: binary ? 0 : Number(removed),
      binary,
    });
  }
  return files;
}

function changeOf(raw: string): ChangedFile['change'] {
  switch (raw.at(-1)) {
    case 'A':
      return 'added';
    case 'D':
      return 'deleted';
    case 'T':
      return 'type_changed';
    default:
      return 'modified';
  }
}
