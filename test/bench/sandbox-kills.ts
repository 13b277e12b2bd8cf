// Owns the count of what is left of a thousand sandboxes that were killed at random moments with their service or runner. It is 0.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { rgPath } from '@vscode/ripgrep';
import { fillToolbox } from '../../src/sandbox/toolbox.ts';
import { killRounds } from '../sandbox/kills.ts';
import { placeForGroups } from '../sandbox/place-for-groups.ts';
import { dedicatedUser } from '../sandbox/setup.ts';
import type { Figure } from './figure.ts';

const SANDBOXES = 1000;

/** However many rounds are asked for, it is one. */
export async function sandboxKillFigures(): Promise<readonly Figure[]> {
  const user = dedicatedUser();
  const base = user?.home ?? join(homedir(), '.cache');
  mkdirSync(base, { recursive: true });
  const root = mkdtempSync(join(base, 'caisson-kills-'));
  chmodSync(root, 0o711);
  const later: (() => void)[] = [() => rmSync(root, { recursive: true, force: true })];
  try {
    const boxesRoot = join(root, 'runs');
    mkdirSync(boxesRoot, { mode: 0o711 });
    const canary = join(root, 'canary');
    writeFileSync(canary, 'canary\n', { mode: 0o644 });
    const toolbox = join(base, 'caisson-test-toolbox');
    await fillToolbox(toolbox, { node: process.execPath, rg: rgPath });
    const place = placeForGroups({ after: (work) => void later.push(work) });
    const as = { ...(user === undefined ? {} : { user }), ...(place === undefined ? {} : { groupName: place.name }) };
    const setup = { boxesRoot, canary, toolbox, hidden: [root], ...as };
    const { killed, lived, left } = await killRounds(
      { sandboxes: SANDBOXES, atOnce: 10, withinMs: 600 },
      setup,
      place?.folder,
    );
    for (const [kind, things] of Object.entries(left))
      for (const thing of things) console.log(`left: ${kind}: ${thing}`);
    const count = Object.values(left).flat().length;
    const of = (value: number) => ({ median: value, low: value, high: value });
    return [
      {
        what: `left of ${killed} killed sandboxes (${lived} services at work)`,
        spread: of(count),
        unit: 'things',
        bar: 0,
      },
    ];
  } finally {
    for (const work of later) work();
  }
}
