// The process that a test kills: appends in several chains at once and says what was acknowledged, before anything else happens.
// Arguments: data directory, number of the fault point to die at (0: none, but count them), rounds.
import { writeSync } from 'node:fs';
import { killAt } from '../../../src/base/faults.ts';
import type { RunEvent } from '../../../src/contracts/run-events.ts';
import { opened, openScene, said } from './scene.ts';

const [dataDir = '', target = '0', rounds = '1'] = process.argv.slice(2);

const say = (line: string) => writeSync(1, `${line}\n`);
const acknowledge = (events: readonly RunEvent[]) =>
  events.forEach((event) => say(`ack ${event.chain} ${event.seq} ${event.hash}`));

let passed = 0;
const faults = killAt(Number(target), (count) => {
  passed = count;
});
const scene = await openScene(dataDir, faults);
const { journal } = scene;
journal.subscribe(acknowledge);
for (let round = 1; round <= Number(rounds); round += 1) {
  const run = `run_${process.pid}_${round}`;
  await journal.append([opened(run)]);
  await Promise.all([
    journal.append([said(run, `${run} one`), said(run, `${run} two`)]),
    journal.append([said('run_other', `${run} beside`)]),
  ]);
  await journal.sealRun(run);
  await journal.append([said(run, `${run} after its end`)]);
}
await scene.close();
say(`passed ${passed}`);
