// Owns the figures of the search for secrets: source code without any, where it must cost little. Knows no run.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findSecrets } from '../../src/workspace/leaks/find.ts';
import { maskSecrets } from '../../src/workspace/leaks/mask.ts';
import { drawn } from '../unit/workspace/leaks/samples.ts';
import type { Figure } from './figure.ts';
import { spreadOf } from './measure.ts';

const SOURCE = join(import.meta.dirname, '..', '..', 'src');
const MEGABYTES = 8;

export async function leakFigures(rounds: number): Promise<readonly Figure[]> {
  const code = sourceCode(MEGABYTES * 1024 * 1024);
  const told = code.replaceAll(/\n{2}/g, `\nTOKEN=ghp_${drawn(36, 1)}\n`);
  const [searched, masked]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    const [search, mask] = [timed(() => findSecrets(code)), timed(() => maskSecrets(told))];
    if (round === 0) continue;
    searched.push(search / MEGABYTES);
    masked.push(mask / (told.length / 1024 / 1024));
  }
  return [
    { what: 'search for secrets in 1 MiB of source code', spread: spreadOf(searched), unit: 'ms', bar: 25 },
    { what: 'the same with a secret in every few lines, masked', spread: spreadOf(masked), unit: 'ms', bar: 50 },
  ];
}

function sourceCode(bytes: number): string {
  const names = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const all = names.map((name) => readFileSync(join(SOURCE, name), 'latin1')).join('\n');
  return Buffer.from(all.repeat(Math.ceil(bytes / all.length)).slice(0, bytes), 'latin1').toString('latin1');
}

function timed(work: () => unknown): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}
