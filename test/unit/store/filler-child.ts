// A process that fills its disk, says what happened, waits for a word, and goes on.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { type CaissonError } from '../../../src/base/errors.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { openStore } from '../../../src/store/open.ts';
import { appendRow, readChain, row } from './scene.ts';

const [dataDir = ''] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);
const text = (seq: number) => `${seq} ${'x'.repeat(50_000)}`;
const store = await openStore({ dataDir, faults: noFaults });

let stored = 0;
const storeNext = async () => {
  await appendRow(store, row('a', stored + 1), text(stored + 1), { name: 'side', text: String(stored + 1) });
  stored += 1;
};
const codeOf = (error: CaissonError) => error.code;

let code: string | undefined;
while (code === undefined) code = await storeNext().then(() => undefined, codeOf);
say(`full ${stored} ${code}`);
say(`again ${await storeNext().then(() => 'stored', codeOf)}`);
say(`readable ${(await readChain(store, 'a')).length}`);
await once(process.stdin, 'data');
for (let round = 0; round < 20; round += 1) await storeNext();
say(`stored ${stored}`);
