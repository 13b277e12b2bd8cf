// Owns the proof of when the sandbox is tested each day, and how soon again after a failure. The clock is the test's.
import assert from 'node:assert/strict';
import { describe, it, mock, type TestContext } from 'node:test';
import type { ProbeReport } from '../../../src/contracts/executor.ts';
import { testEachDay, untilNext } from '../../../src/nightly.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const REPORT: ProbeReport = { ok: true, checks: [], firejail: '0', kernel: '0', limits: {}, startMs: 1, suite: 's' };

describe('the time until the next test of the sandbox', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['03:00', '2026-06-10T01:30:00', 1.5 * HOUR],
    ['03:00', '2026-06-10T02:59:59', 1000],
    ['03:00', '2026-06-10T03:00:00', 24 * HOUR],
    ['03:00', '2026-06-10T03:00:01', 24 * HOUR - 1000],
    ['00:00', '2026-12-31T23:00:00', HOUR],
    ['23:59', '2026-06-10T00:00:00', 24 * HOUR - MINUTE],
  ];
  for (const [at, now, ms] of cases)
    it(`is ${ms} ms at ${now} for ${at}`, () => {
      assert.equal(untilNext(at, new Date(now)), ms);
    });
});

/** Tests begun so far, with what the next comes to. */
function daily(
  t: TestContext,
  outcomes: (ProbeReport | Error)[],
): { count: () => number; lines: string[]; close: () => void } {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: new Date('2026-06-10T02:00:00') });
  t.after(() => mock.timers.reset());
  let count = 0;
  const lines: string[] = [];
  const logger = {
    info: (message: string) => void lines.push(`info ${message}`),
    warn: (message: string) => void lines.push(`warn ${message}`),
    error: (message: string) => void lines.push(`error ${message}`),
  };
  const again = async () => {
    count += 1;
    const outcome = outcomes.shift() ?? REPORT;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const { close } = testEachDay('03:00', { test: { again }, logger });
  return { count: () => count, lines, close };
}

async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms);
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

describe('the test of each day', () => {
  it('comes at its time, and the next day again', async (t) => {
    const { count, lines } = daily(t, []);
    await pass(HOUR - 1);
    assert.equal(count(), 0);
    await pass(1);
    assert.equal(count(), 1);
    await pass(24 * HOUR - 1);
    assert.equal(count(), 1);
    await pass(1);
    assert.equal(count(), 2);
    assert.deepEqual(new Set(lines), new Set(['info the sandbox has passed its test of the day']));
  });

  it('comes again after ten minutes where it failed or could not be made, until one has passed', async (t) => {
    const { count, lines } = daily(t, [{ ...REPORT, ok: false }, new Error('no runner')]);
    await pass(HOUR);
    await pass(10 * MINUTE);
    await pass(10 * MINUTE);
    assert.equal(count(), 3);
    await pass(10 * MINUTE);
    assert.equal(count(), 3, 'it has passed');
    assert.deepEqual(lines, [
      'error the sandbox could not be tested',
      'info the sandbox has passed its test of the day',
    ]);
  });

  it('comes no more once it is closed', async (t) => {
    const { count, close } = daily(t, []);
    close();
    await pass(48 * HOUR);
    assert.equal(count(), 0);
  });
});
