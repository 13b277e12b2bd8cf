// Owns which secrets a tree of a trusted git directory holds, and where. Never looks at a work tree.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Limits } from '../../base/limits.ts';
import type { SecretPlace } from '../../contracts/workspace.ts';
import { showPath } from '../byte-path.ts';
import { gitBytes } from '../git.ts';
import type { SizedEntry } from '../tree.ts';
import { findSecrets } from './find.ts';
import { linesBefore } from './of-patch.ts';

/** Read at once; a larger file holds data, not settings. */
const GROUP_BYTES = 4 * 1024 * 1024;
const FILE_BYTES = 1024 * 1024;
const MOST = 1000;
const BINARY_WITHIN = 8000;

export interface TreeSecrets {
  readonly places: readonly SecretPlace[];
  /** False: some files were not looked at, because of a limit or the signal. */
  readonly whole: boolean;
}

/** File by file, with a turn for others in between. Binary files and those over 1 MiB are left out. */
export async function secretsOfTree(order: {
  readonly git: string;
  readonly entries: readonly SizedEntry[];
  readonly limits: Pick<Limits, 'secretScanBytes'>;
  readonly signal: AbortSignal;
}): Promise<TreeSecrets> {
  const places: SecretPlace[] = [];
  let room = order.limits.secretScanBytes;
  for (const group of groupsOf(order.entries)) {
    const bytes = group.reduce((sum, entry) => sum + entry.bytes, 0);
    room -= bytes;
    if (room < 0 || order.signal.aborted || places.length >= MOST) return { places, whole: false };
    const stdin = group.map(({ id }) => `${id}\n`).join('');
    const outputBytes = bytes + group.length * 200;
    const { stdout } = await gitBytes(['cat-file', '--batch'], { gitDir: order.git, stdin, outputBytes });
    let at = 0;
    for (const { path, bytes: size } of group) {
      const start = stdout.indexOf('\n', at) + 1;
      at = start + size + 1;
      places.push(...placesIn(stdout.subarray(start, start + size), showPath(path)));
      await nextTurn();
    }
  }
  return { places, whole: true };
}

function groupsOf(entries: readonly SizedEntry[]): readonly (readonly SizedEntry[])[] {
  const groups: SizedEntry[][] = [];
  let room = 0;
  for (const entry of entries) {
    if (!entry.mode.startsWith('100') || entry.bytes === 0 || entry.bytes > FILE_BYTES) continue;
    room -= entry.bytes;
    if (room < 0) {
      groups.push([]);
      room = GROUP_BYTES - entry.bytes;
    }
    groups.at(-1)?.push(entry);
  }
  return groups;
}

/** Byte by byte: a secret is plain ASCII, whatever stands around it. */
function placesIn(content: Buffer, path: string): readonly SecretPlace[] {
  if (content.subarray(0, BINARY_WITHIN).includes(0)) return [];
  const text = content.toString('latin1');
  return findSecrets(text).map(({ kind, start }) => ({ path, line: linesBefore(text, start) + 1, kind }));
}
