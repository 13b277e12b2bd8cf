// Owns who is next for one of several places: bounded, fair between keys and classes, with a deadline. Knows no engine and no request.
import type { Clock } from '../../base/clock.ts';
import { REQUEST_CLASSES, type RequestClass } from '../../contracts/accounts.ts';

export interface QueueLimits {
  /** Requests that wait; more are turned away. */
  readonly most: number;
  readonly waitMs: number;
}

export interface Guest {
  /** Account; waiting is fair between these. */
  readonly key: string;
  readonly class: RequestClass;
  readonly model: string;
  /** Waits until its signal aborts, past the deadline and the bound: a run that is under way has no one to turn to. */
  readonly patient?: boolean;
}

export type Entered =
  /** `leave` gives the place back; only its first call counts. */
  | ({ readonly ok: true; readonly leave: () => void } & Pick<Place, 'work'>)
  | { readonly ok: false; readonly why: 'full' | 'late' | 'gone' };

export interface QueueView {
  readonly running: readonly Guest[];
  /** In the order in which they are next if nobody comes or goes. */
  readonly waiting: readonly (Guest & { readonly waitedMs: number })[];
}

/** Of one request at one engine. */
export interface Place {
  free(): void;
  /** Begins the request; the function ends it and gives its GPU seconds: its time × GPUs ÷ requests that ran at once. */
  work(): () => number;
}

export interface FairQueue {
  /** Resolves with a place, or why there is none. An abort of the signal gives the place in the line back. */
  enter(guest: Guest, signal: AbortSignal): Promise<Entered>;
  view(): QueueView;
  /** Places may have become free that no guest of this line left. */
  advance(): void;
}

interface Waiter {
  readonly guest: Guest;
  readonly since: number;
  readonly settle: (entered: Entered) => void;
}

/** By key, in the order of their turns; of each key, in the order they came. */
type Line = Map<string, Set<Waiter>>;

interface Lines {
  readonly byClass: Readonly<Record<RequestClass, Line>>;
  /** Interactive requests that were taken since a batch request that waits was. */
  passedOver: number;
}

/** Where both classes wait, one place of so many goes to batch. */
const BATCH_SHARE = 8;

/** `take` takes a place, if one is free. */
export function createFairQueue(
  limits: QueueLimits,
  clock: Pick<Clock, 'monotonic'>,
  take: () => Place | undefined,
): FairQueue {
  const running = new Set<Guest>();
  const lines: Lines = { byClass: { interactive: new Map(), batch: new Map() }, passedOver: 0 };
  const seat = (guest: Guest, place: Place): Entered => {
    // The same guest may be there twice: each place is one object.
    const seated = { ...guest };
    running.add(seated);
    const leave = () => {
      if (!running.delete(seated)) return;
      place.free();
      advance();
    };
    return { ok: true, leave, work: () => place.work() };
  };
  const advance = () => {
    while (isAnyone(lines)) {
      const place = take();
      if (place === undefined) return;
      const next = takeNext(lines);
      if (next === undefined) place.free();
      else next.settle(seat(next.guest, place));
    }
  };
  return {
    advance,
    enter: async (guest, signal) => {
      if (signal.aborted) return { ok: false, why: 'gone' };
      advance();
      const place = isAnyone(lines) ? undefined : take();
      if (place !== undefined) return seat(guest, place);
      if (guest.patient !== true && sizeOf(lines) >= limits.most && !makeRoom(lines, guest))
        return { ok: false, why: 'full' };
      return wait(guest, signal, lines, { waitMs: limits.waitMs, since: clock.monotonic() });
    },
    view: () => {
      const now = clock.monotonic();
      const waiting = inOrder(lines).map(({ guest, since }) => ({ ...guest, waitedMs: Math.round(now - since) }));
      return { running: [...running], waiting };
    },
  };
}

function wait(
  guest: Guest,
  signal: AbortSignal,
  lines: Lines,
  { waitMs, since }: { readonly waitMs: number; readonly since: number },
): Promise<Entered> {
  return new Promise((resolve) => {
    const settle = (entered: Entered) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      resolve(entered);
    };
    const waiter: Waiter = { guest, since, settle };
    const giveUp = (why: 'late' | 'gone') => {
      remove(lines.byClass[guest.class], waiter);
      settle({ ok: false, why });
    };
    const leave = () => giveUp('gone');
    const timer = guest.patient === true ? undefined : setTimeout(() => giveUp('late'), waitMs);
    signal.addEventListener('abort', leave, { once: true });
    const line = lines.byClass[guest.class];
    const own = line.get(guest.key);
    if (own === undefined) line.set(guest.key, new Set([waiter]));
    else own.add(waiter);
  });
}

function isAnyone({ byClass }: Lines): boolean {
  return byClass.interactive.size > 0 || byClass.batch.size > 0;
}

/** Interactive before batch, but not always; then the key whose turn it is; then who came first. */
function takeNext(lines: Lines): Waiter | undefined {
  const { interactive, batch } = lines.byClass;
  const both = interactive.size > 0 && batch.size > 0;
  const isBatch = both ? lines.passedOver >= BATCH_SHARE - 1 : batch.size > 0;
  lines.passedOver = both && !isBatch ? lines.passedOver + 1 : 0;
  const line = isBatch ? batch : interactive;
  const [turn] = line;
  if (turn === undefined) return undefined;
  const [key, waiters] = turn;
  const [first] = waiters;
  // The key goes to the end of the turns.
  line.delete(key);
  if (first === undefined) return undefined;
  waiters.delete(first);
  if (waiters.size > 0) line.set(key, waiters);
  return first;
}

/** Who floods the line gives way: the newest request of the key that has most there, if the guest's key has clearly fewer. */
function makeRoom(lines: Lines, guest: Guest): boolean {
  const most = REQUEST_CLASSES.flatMap((name) => [...lines.byClass[name]]).reduce<Waiter[]>((longest, [, waiters]) => {
    const impatient = [...waiters].filter((waiter) => waiter.guest.patient !== true);
    return impatient.length > longest.length ? impatient : longest;
  }, []);
  const own = lines.byClass[guest.class].get(guest.key)?.size ?? 0;
  const last = most.at(-1);
  if (last === undefined || most.length < own + 2) return false;
  remove(lines.byClass[last.guest.class], last);
  last.settle({ ok: false, why: 'full' });
  return true;
}

function remove(line: Line, waiter: Waiter): void {
  const own = line.get(waiter.guest.key);
  own?.delete(waiter);
  if (own?.size === 0) line.delete(waiter.guest.key);
}

/** Those who wait without end are as many as there are runs: they take nobody's place in the line. */
function sizeOf({ byClass }: Lines): number {
  let size = 0;
  for (const name of REQUEST_CLASSES)
    for (const waiters of byClass[name].values())
      for (const { guest } of waiters) if (guest.patient !== true) size += 1;
  return size;
}

/** Plays the turns on a copy. */
function inOrder({ byClass, passedOver }: Lines): readonly Waiter[] {
  const copy = (line: Line): Line => new Map([...line].map(([key, waiters]) => [key, new Set(waiters)]));
  const lines: Lines = {
    byClass: { interactive: copy(byClass.interactive), batch: copy(byClass.batch) },
    passedOver,
  };
  const order: Waiter[] = [];
  for (let next = takeNext(lines); next !== undefined; next = takeNext(lines)) order.push(next);
  return order;
}
