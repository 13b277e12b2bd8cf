// Owns the test of the sandbox that comes again each day. What it comes to is told by the readiness of the service and by its journal.
import { formatError } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import type { SandboxTest } from './self-test.ts';

/** After a failure nothing runs until one has passed: so the next is soon. */
const AGAIN_MS = 10 * 60_000;

/** `at`: local time as 03:00. Ends with `close`, which does not wait for one that is under way. */
export function testEachDay(
  at: string,
  { test, logger }: { readonly test: Pick<SandboxTest, 'again'>; readonly logger: Logger },
): { readonly close: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const plan = (ms: number) => {
    if (isClosed) return;
    timer = setTimeout(() => void run(), ms);
    timer.unref();
  };
  const run = async () => {
    const ok = await passes(test, logger);
    plan(ok ? untilNext(at, new Date()) : Math.min(AGAIN_MS, untilNext(at, new Date())));
  };
  plan(untilNext(at, new Date()));
  return {
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

async function passes({ again }: Pick<SandboxTest, 'again'>, logger: Logger): Promise<boolean> {
  try {
    const { ok, checks, suite = '' } = await again();
    if (ok) logger.info('the sandbox has passed its test of the day', { checks: checks.length, suite });
    return ok;
  } catch (error) {
    logger.error('the sandbox could not be tested', { message: formatError(error) });
    return false;
  }
}

/** Milliseconds; a whole day where it is that time now. `at`: hours and minutes. */
export function untilNext(at: string, now: Date): number {
  const [hours = 0, minutes = 0] = at.split(':').map(Number);
  const next = new Date(now);
  next.setHours(hours, minutes, 0, 0);
  if (next <= now) next.setDate(next.getDate() + 1);
  return next.getTime() - now.getTime();
}
