// Owns the figures of the router: what is cached, how long is waited and how evenly, against other ways of picking, in simulated time.
import type { Figure } from '../figure.ts';
import { spreadOf } from '../measure.ts';
import { bursty, generated, type Load, long, recorded } from './loads.ts';
import { type Outcome, simulate, STRATEGIES, type Strategy } from './simulation.ts';

const FLEETS = [1, 4, 16, 64] as const;
const CONVERSATIONS_PER_REPLICA = 24;
const LOADS: Readonly<Record<string, Load>> = { generated, recorded, bursty, long };
const KILLED = { atMs: 60_000, backMs: 120_000 };
const SEED = 7;

/** The same numbers in every run of the same code. Prints the table; the figures are what must hold. */
export async function routerFigures(): Promise<readonly Figure[]> {
  console.log(
    `${'load, replicas, who picks'.padEnd(42)} cached   wait ms: median      99 %  fairness  requests   again`,
  );
  const lost: number[] = [];
  const slower: number[] = [];
  for (const [name, load] of Object.entries(LOADS)) {
    const of = (replicas: number, strategy: Strategy, more: { readonly killed?: typeof KILLED } = {}) => {
      const outcome = simulate({ replicas, strategy, load: load(replicas * CONVERSATIONS_PER_REPLICA, SEED), ...more });
      const note = more.killed === undefined ? '' : ', one dies';
      console.log(rowOf(`${name}, ${replicas}, ${strategy}${note}`, outcome));
      return outcome;
    };
    const alone = of(1, 'caisson').cachedShare;
    for (const replicas of FLEETS.slice(1)) {
      const [own, ...others] = STRATEGIES.map((strategy) => of(replicas, strategy));
      const killed = of(replicas, 'caisson', { killed: KILLED });
      for (const outcome of [own, killed]) lost.push(100 * (1 - (outcome?.cachedShare ?? 0) / alone));
      slower.push((own?.wait.worst ?? Number.NaN) / Math.min(...others.map(({ wait }) => wait.worst)));
    }
  }
  return [
    { what: 'cached tokens lost against one replica, one dies or not', spread: worstOf(lost), unit: '%', bar: 5 },
    { what: 'wait at 99 % / best other way to pick', spread: worstOf(slower), unit: '×', bar: 1 },
  ];
}

/** The worst case is what counts. */
function worstOf(values: readonly number[]): Figure['spread'] {
  const spread = spreadOf(values);
  return { ...spread, median: spread.high };
}

function rowOf(name: string, { cachedShare, wait, fairness, requests, again }: Outcome): string {
  const share = `${(100 * cachedShare).toFixed(1)} %`;
  const cells = [
    wait.median.toFixed(0).padStart(17),
    wait.worst.toFixed(0).padStart(9),
    fairness.toFixed(3).padStart(9),
  ];
  return `${name.padEnd(42)} ${share.padStart(6)} ${cells.join(' ')} ${String(requests).padStart(9)} ${String(again).padStart(7)}`;
}
