// Owns real accounts in a store of their own, with a clock that the test moves. Knows no test.
import { type Accounts, createAccounts } from '../../../src/accounts/keys.ts';
import { inStore } from '../store/scene.ts';

export const START = 1_700_000_000_000;
export const HOUR = 3_600_000;

interface Scene {
  readonly accounts: Accounts;
  readonly clock: { now: number };
}

export async function inScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  await inStore(async (store) => {
    const clock = { now: START };
    const accounts = createAccounts({ store, clock: { now: () => clock.now, monotonic: () => clock.now } });
    await test({ accounts, clock });
  });
}
