// Owns the answer to one question at the start: was the last word a halt? Reads the journal of the service.
import type { Journal } from './contracts/journal.ts';
import { SERVICE_CHAIN } from './contracts/run-events.ts';

const PAGE = 1000;

export async function wasHalted(journal: Journal): Promise<boolean> {
  let halted = false;
  for (let after = 0; ;) {
    const page = await journal.read(SERVICE_CHAIN, after, PAGE);
    for (const { body } of page) {
      if (body.type === 'halted') halted = true;
      if (body.type === 'released') halted = false;
    }
    if (page.length < PAGE) return halted;
    after = page.at(-1)?.seq ?? after;
  }
}
