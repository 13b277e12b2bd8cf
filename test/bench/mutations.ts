// Owns the long form of the tests that spoil requests and answers at random: the same files, many seeds, each in a process of its own.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Figure } from './figure.ts';
import { spreadOf } from './measure.ts';

const HARDENING = join(import.meta.dirname, '..', 'gateway', 'hardening');
const AT_ONCE = 2;
const IN_ALL = Number(process.env['CAISSON_MUTATIONS'] ?? 1_000_000);
/** A process takes few enough that no time limit of an injected request is reached. */
const KINDS = [
  { file: 'mutated.test.ts', share: 0.8, each: 20_000 },
  { file: 'mutated-engine.test.ts', share: 0.2, each: 5000 },
] as const;

/** A seed whose run was not green is printed. */
export async function mutationFigures(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { file, share, each } of KINDS) {
    const seeds = Array.from({ length: Math.ceil((IN_ALL * share) / each) }, (_empty, index) => index + 1);
    const count = seeds.length * each;
    let red = 0;
    const worker = async () => {
      for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
        if (await isGreen(file, seed, each)) continue;
        red += 1;
        console.log(`red: CAISSON_SEED=${seed} CAISSON_MUTATIONS=${each} node test/gateway/hardening/${file}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    figures.push({
      what: `seeds of ${file} that were red (${count} mutations)`,
      spread: spreadOf([red]),
      unit: '',
      bar: 0,
    });
  }
  return figures;
}

function isGreen(file: string, seed: number, count: number): Promise<boolean> {
  const env = { ...process.env, CAISSON_SEED: String(seed), CAISSON_MUTATIONS: String(count) };
  const child = spawn(process.execPath, [join(HARDENING, file)], { env, stdio: 'ignore' });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code === 0)));
}
