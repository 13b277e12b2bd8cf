// Owns the answer to one question at the start: was the last word on it a halt? Reads the chain of the service.
import { SERVICE_CHAIN } from './contracts/run-events.ts';
import type { Store } from './store/open.ts';

export async function wasHalted(store: Store): Promise<boolean> {
  const last = await store.read('lastTypeOf', { chain: SERVICE_CHAIN, types: ['halted', 'released'] });
  return last === 'halted';
}
