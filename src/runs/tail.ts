// Owns the reading of a run's events from any place on to its end, stored and live in one line. Knows no transport.
import type { Journal } from '../contracts/journal.ts';
import type { RunEvent } from '../contracts/run-events.ts';

const PAGE = 200;

/** Events with seq > `after` in order, none twice and none left out; ends behind `run_ended` or when the signal aborts. */
export async function* tailRun(
  journal: Journal,
  run: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  let heard = 0;
  let wake = () => {};
  const hear = () => {
    heard += 1;
    wake();
  };
  const stop = journal.subscribe((events) => {
    if (events.some((event) => event.chain === run)) hear();
  });
  signal.addEventListener('abort', hear, { once: true });
  let last = after;
  let over = false;
  try {
    while (!signal.aborted) {
      const before = heard;
      const page = await journal.read(run, last, PAGE);
      for (const event of page) {
        yield event;
        last = event.seq;
        over ||= event.body.type === 'run_ended';
      }
      if (page.length > 0) continue;
      if (over) return;
      if (heard === before)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    stop();
    signal.removeEventListener('abort', hear);
  }
}
