// A process that opens a data directory, stores one row, says so, and stays until it is killed or its input ends.
import { writeSync } from 'node:fs';
import { noFaults } from '../../../src/base/faults.ts';
import { openStore } from '../../../src/store/open.ts';
import { appendRow, row } from './scene.ts';

const [dataDir = ''] = process.argv.slice(2);
const store = await openStore({ dataDir, faults: noFaults });
await appendRow(store, row('a', 1));
writeSync(1, 'stored\n');
process.stdin.resume().once('end', () => void store.close());
