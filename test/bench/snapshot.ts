// Owns the figures of snapshots: one of a large work tree in which a step changed a few files. Knows no run.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../../src/base/limits.ts';
import { packRepository } from '../../src/workspace/pack.ts';
import { prepareWorkspace } from '../../src/workspace/prepare.ts';
import { createSnapshots } from '../../src/workspace/snapshots/take.ts';
import type { Figure } from './figure.ts';
import { spreadOf } from './measure.ts';
import { makeRepo } from './plain-repository.ts';

const FOLDERS = 200;
const FILES = 50;
const CHANGED = 5;
/** Longer than a file counts as just written. */
const PAUSE_MS = 150;

export async function snapshotFigures(rounds: number): Promise<readonly Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  try {
    const { paths, tree } = await prepared(root);
    const { signal } = new AbortController();
    const snapshots = createSnapshots({ paths, base: tree, limits: LIMITS });
    const first = await timed(() => snapshots.take(signal));
    const times: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      await delay(PAUSE_MS);
      for (let at = 0; at < CHANGED; at += 1) writeFileSync(placeOf(paths.work, at * 7, at), `round ${round} ${at}\n`);
      writeFileSync(join(paths.work, `new-${round}.txt`), `round ${round}\n`);
      const time = await timed(() => snapshots.take(signal));
      if (round > 0) times.push(time);
    }
    return [
      { what: 'snapshot of 10,000 files, 6 of them changed', spread: spreadOf(times), unit: 'ms', bar: 60 },
      { what: 'first snapshot of 10,000 files, all of them read', spread: spreadOf([first]), unit: 'ms', bar: 3000 },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function prepared(root: string): ReturnType<typeof prepareWorkspace> {
  const repo = makeRepo(join(root, 'repo'));
  writeFileSync(join(repo, '.gitignore'), 'node_modules/\n');
  for (let folder = 0; folder < FOLDERS; folder += 1)
    for (let file = 0; file < FILES; file += 1) {
      const path = placeOf(repo, folder, file);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, `export const value = ${folder * FILES + file};\n`.repeat(100));
    }
  const bundle = join(root, 'bundle');
  const packed = await packRepository({ repo, bundle, limits: LIMITS, home: '/nonexistent' });
  return prepareWorkspace({ root: join(root, 'run'), bundle, tree: packed.tree, limits: LIMITS });
}

function placeOf(top: string, folder: number, file: number): string {
  return join(top, `area-${folder % 10}`, `folder-${folder}`, `file-${file}.js`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
