// Owns `npm run bench`: every bar of the spine as a ratio or a budget, measured in this run. `--check` fails when one is missed.
import { parseArgs } from 'node:util';
import { agentFigures } from './agent.ts';
import { egressFigures } from './egress/figures.ts';
import { gatewayFigures } from './gateway/figures.ts';
import { leakFigures } from './leaks.ts';
import { mutationFigures } from './mutations.ts';
import { promptingFigures } from './prompting.ts';
import { routerFigures } from './router/figures.ts';
import { sandboxKillFigures } from './sandbox-kills.ts';
import { sandboxFigures } from './sandbox.ts';
import { serviceFigures } from './service.ts';
import { snapshotFigures } from './snapshot.ts';
import type { Figure } from './figure.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '7' },
  },
});
const SUITES: Readonly<Record<string, (rounds: number) => Promise<readonly Figure[]>>> = {
  sandbox: async (rounds) => [...(await sandboxFigures(rounds)), ...(await snapshotFigures(rounds))],
  'sandbox-kills': sandboxKillFigures,
  service: serviceFigures,
  snapshot: snapshotFigures,
  leaks: leakFigures,
  agent: agentFigures,
  gateway: gatewayFigures,
  router: routerFigures,
  egress: egressFigures,
  mutations: mutationFigures,
  prompting: promptingFigures,
};
/** They take minutes, or belong to another one: only when they are named. */
const ONLY_NAMED = ['sandbox-kills', 'snapshot', 'mutations', 'prompting'];

const wanted = [...positionals, ...(values.only === undefined ? [] : [values.only])];
const rounds = Number(values.rounds);
let missed = 0;
console.log(`${'what'.padEnd(58)} ${'median'.padStart(9)} ${'low'.padStart(9)} ${'high'.padStart(9)}   bar`);
for (const [name, measure] of Object.entries(SUITES)) {
  if (wanted.length > 0 ? !wanted.includes(name) : ONLY_NAMED.includes(name)) continue;
  for (const { what, spread, unit, bar } of await measure(rounds)) {
    const ok = spread.median <= bar;
    if (!ok) missed += 1;
    const shown = [spread.median, spread.low, spread.high].map((value) =>
      value.toFixed(value < 10 ? 2 : 0).padStart(9),
    );
    console.log(`${what.padEnd(58)} ${shown.join(' ')}   ≤ ${bar} ${unit} ${ok ? 'ok' : 'MISSED'}`);
  }
}
if (values.check && missed > 0) {
  console.log(`${missed} bars are missed.`);
  process.exitCode = 1;
}
