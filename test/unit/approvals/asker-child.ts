// Asks a question in the data directory it is given, says its id, and waits for an answer that never comes.
import { createApprovals } from '../../../src/approvals/approvals.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { openStore } from '../../../src/store/open.ts';
import { newQuestion, patience, POLICY } from './scene.ts';

const [, , dataDir = ''] = process.argv;
const store = await openStore({ dataDir, faults: noFaults });
const approvals = createApprovals({ store, clock: systemClock, policyHash: () => POLICY });
const question = await approvals.open(newQuestion());
console.log(question.id);
await approvals.wait(question.id, patience());
