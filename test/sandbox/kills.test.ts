// Owns the proof that nothing is left of sandboxes whose service, runner or client was killed, once the next service has begun.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { killRounds } from './kills.ts';
import { placeForGroups } from './place-for-groups.ts';
import { testSandbox } from './setup.ts';

/** `npm run bench -- sandbox-kills` kills a thousand. */
const SANDBOXES = Number(process.env['CAISSON_KILLS'] ?? 40);
const NOTHING = { processes: [], mounts: [], groups: [], sockets: [], folders: [] };

it(
  'nothing is left of sandboxes that were killed at random moments with their service or runner',
  { timeout: 120_000 },
  async (t) => {
    const place = placeForGroups(t);
    const world = await testSandbox(t, place === undefined ? {} : { groupName: place.name });
    const { killed, lived, left } = await killRounds(
      { sandboxes: SANDBOXES, atOnce: 5, withinMs: 400 },
      world.setup,
      place?.folder,
    );
    assert.equal(killed, SANDBOXES);
    assert.ok(lived > 0, 'positive control: some had been started when they were killed');
    assert.deepEqual(left, NOTHING);
  },
);
