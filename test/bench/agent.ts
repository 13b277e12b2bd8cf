// Owns the figures of a whole run of thirty commands, against the least an agent can be with a firejail for each command.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figure } from './figure.ts';
import { costOf, ratios, spreadOf, type TreeCost } from './measure.ts';
import { makeRepo } from './plain-repository.ts';
import { CAISSON, startEndpoint } from './service.ts';

const MB = 1024 * 1024;
/** Our budget is 0.9 of pi, and this floor was measured at 0.52 of pi. */
const CPU_BAR = 0.9 / 0.52;
const WALL_BAR = 1.5;

export async function agentFigures(rounds: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(process.getuid?.() === 0 ? tmpdir() : homedir(), '.caisson-bench-'));
  chmodSync(folder, 0o755);
  const endpoint = await startEndpoint();
  try {
    const repo = makeRepo(join(folder, 'repo'));
    const floorRepo = makeRepo(join(folder, 'floor'));
    const firejail = JSON.stringify([
      'firejail',
      '--noprofile',
      '--quiet',
      '--net=none',
      '--private-tmp',
      `--whitelist=${floorRepo}`,
      '--',
    ]);
    const floor = [process.execPath, join(import.meta.dirname, 'floor-agent.mjs'), endpoint.url, floorRepo, firejail];
    const words = [
      'run',
      'work',
      '--repo',
      repo,
      '--endpoint',
      endpoint.url,
      '--model',
      'bench',
      '--data-dir',
      join(folder, 'data'),
    ];
    const ours = [process.execPath, CAISSON, ...words];
    const ownCosts: TreeCost[] = [];
    const leastCosts: TreeCost[] = [];
    let grows = 0;
    for (let round = 0; round <= rounds; round += 1) {
      endpoint.requests();
      const own = await costOf(ours);
      const asked = endpoint.requests();
      const least = await costOf(floor);
      if (asked.length < 31 || least.code !== 0)
        throw new Error(`a run did not get to its end: ${own.output}\n${least.output}`);
      if (round === 0) continue;
      grows = asked.filter((request) => !request.grows).length;
      ownCosts.push(own);
      leastCosts.push(least);
    }
    return [
      {
        what: '30 commands: CPU / floor agent with firejail (0.9 × pi)',
        spread: ratios(ownCosts.map(cpuOf), leastCosts.map(cpuOf)),
        unit: '×',
        bar: Number(CPU_BAR.toFixed(2)),
      },
      {
        what: '30 commands: wall / floor agent with firejail',
        spread: ratios(ownCosts.map(wallOf), leastCosts.map(wallOf)),
        unit: '×',
        bar: WALL_BAR,
      },
      {
        what: '30 commands: anonymous memory of the whole tree',
        spread: spreadOf(ownCosts.map(memoryOf)),
        unit: 'MB',
        bar: 120,
      },
      { what: 'requests that do not begin with all of the last', spread: spreadOf([grows]), unit: 'requests', bar: 0 },
    ];
  } finally {
    endpoint.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const cpuOf = (cost: TreeCost) => cost.cpuMs;
const wallOf = (cost: TreeCost) => cost.wallMs;
const memoryOf = (cost: TreeCost) => cost.anonymousBytes / MB;
