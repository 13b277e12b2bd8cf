// Owns the reading of a run's events from any place on to its end, stored and live in one line. Knows no transport.
import type { Journal } from '../contracts/journal.ts';
import type { RunEvent } from '../contracts/run-events.ts';

const PAGE = 200;
/** Events that are held for a slow reader; what comes beyond them is read from the store. */
const MOST_HELD = 1000;

/** Events with seq > `after` in order, none twice and none left out; ends behind `run_ended` or when the signal aborts. */
export async function* tailRun(
  journal: Journal,
  run: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  const ear = listen(journal, run, signal);
  let last = after;
  let over = false;
  try {
    while (!signal.aborted) {
      const next = ear.missed() ? await stored(journal, run, last, ear) : ear.held(last);
      for (const event of next) {
        yield event;
        last = event.seq;
        over ||= event.body.type === 'run_ended';
      }
      if (next.length > 0 || ear.missed()) continue;
      if (over) return;
      await ear.heard();
    }
  } finally {
    ear.close();
  }
}

interface Ear {
  /** True if there are events that are not held: at first, after a gap, and when too many came. */
  missed(): boolean;
  /** Forgets what is held, because it is read from the store from now on. `more`: that is not the last page. */
  reading(): void;
  more(): void;
  /** What came behind `last`, without a gap. */
  held(last: number): readonly RunEvent[];
  /** Resolves when something came since the last look, or the signal aborted. */
  heard(): Promise<void>;
  close(): void;
}

function listen(journal: Journal, run: string, signal: AbortSignal): Ear {
  const events: RunEvent[] = [];
  let missed = true;
  let wake = () => {};
  const stop = journal.subscribe((all) => {
    const ours = all.filter((event) => event.chain === run);
    if (ours.length === 0) return;
    if (events.length + ours.length > MOST_HELD) missed = true;
    else events.push(...ours);
    wake();
  });
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    missed: () => missed,
    reading: () => {
      missed = false;
      events.length = 0;
    },
    more: () => {
      missed = true;
    },
    held: (last) => {
      const fresh = events.splice(0).filter((event) => event.seq > last);
      const gap = fresh.findIndex((event, index) => event.seq !== last + 1 + index);
      if (gap === -1) return fresh;
      missed = true;
      return fresh.slice(0, gap);
    },
    heard: () =>
      new Promise((resolve) => {
        wake = resolve;
        if (signal.aborted || missed || events.length > 0) resolve();
      }),
    close: () => {
      stop();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

async function stored(journal: Journal, run: string, last: number, ear: Ear): Promise<readonly RunEvent[]> {
  ear.reading();
  const page = await journal.read(run, last, PAGE);
  if (page.length === PAGE) ear.more();
  return page;
}
