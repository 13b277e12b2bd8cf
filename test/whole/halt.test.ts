// Owns the proof of the brake: it ends what runs, revokes what waits, holds over a restart, and is released by a person.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CaissonError } from '../../src/base/errors.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { wasHalted } from '../../src/halted.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { loadJournalKey } from '../../src/journal/key.ts';
import { noFaults } from '../../src/base/faults.ts';
import { SERVICE_CHAIN } from '../../src/contracts/run-events.ts';
import { createHalt } from '../../src/runs/halt.ts';
import type { RunsPorts } from '../../src/runs/ports.ts';
import { dataDirFor } from './cli-setup.ts';

it('a halt holds over a restart until a person releases it, and refuses runs meanwhile', async (t) => {
  const { dataDir } = dataDirFor(t);
  const open = async () => {
    const store = await openStore({ dataDir, faults: noFaults });
    const key = await loadJournalKey(`${dataDir}/journal.key`, store);
    const journal = await openJournal({ store, key, clock: systemClock, faults: noFaults });
    return { store, journal };
  };
  const brakeOf = (world: Awaited<ReturnType<typeof open>>, startHalted: boolean) => {
    const approvals = { revokeAll: async () => 3 };
    const ports: Pick<RunsPorts, 'journal' | 'startHalted'> & {
      readonly approvals: Pick<RunsPorts['approvals'], 'revokeAll'>;
    } = {
      journal: world.journal,
      startHalted,
      approvals,
    };
    return createHalt(ports, new Map());
  };
  const refused = (error: unknown) => error instanceof CaissonError && error.code === 'halted';

  const first = await open();
  assert.equal(await wasHalted(first.store), false);
  const brake = brakeOf(first, false);
  assert.doesNotThrow(() => brake.refuseIfHalted());
  assert.deepEqual(await brake.halt('anna', 'odd traffic'), { cancelled: 0, revoked: 3 });
  assert.throws(() => brake.refuseIfHalted(), refused);
  await first.store.close();

  const second = await open();
  assert.equal(await wasHalted(second.store), true);
  const again = brakeOf(second, true);
  assert.throws(() => again.refuseIfHalted(), refused);
  await again.release('bert');
  assert.doesNotThrow(() => again.refuseIfHalted());
  assert.deepEqual([again.halted(), await wasHalted(second.store)], [false, false]);
  const bodies = (await second.journal.read(SERVICE_CHAIN, 0, 10)).map((event) => event.body);
  assert.deepEqual(bodies, [
    { type: 'halted', by: 'anna', note: 'odd traffic' },
    { type: 'released', by: 'bert' },
  ]);
  await second.store.close();
});
