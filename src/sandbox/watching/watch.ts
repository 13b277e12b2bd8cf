// Owns the watch over one sandbox: cheap numbers often, an exact look when they give cause for it. Kills nothing: it says who is over.
import type { SandboxLimits } from '../../contracts/executor.ts';
import type { InsideView } from './inside-view.ts';
import type { Watch } from './keeping.ts';
import { killedByKernel, type Overrun, overrunOf, tooManyTasks, type Use } from './overrun.ts';
import { type HostUsage, hostUsage, type TaskUsage, taskUsage } from './usage.ts';

export interface Watched {
  /** First process of the sandbox. */
  readonly pid: number;
  readonly box: string;
  readonly limits: SandboxLimits;
  /** The exact look; undefined if there was no answer. */
  readonly look: () => Promise<InsideView | undefined>;
  /** How many of its processes the kernel has killed for want of memory. */
  readonly kernelKills: () => number;
}

/** What is known since the last exact look, or since the beginning. */
interface Known {
  /** Undefined: nobody has looked yet. */
  readonly view: InsideView | undefined;
  /** Private memory as it was counted from outside at the look. */
  readonly anonymous: number;
  /** The least that was seen since: what others have freed must not hide what the sandbox takes. */
  least: HostUsage;
}

interface State {
  readonly of: Watched;
  readonly onOver: (over: Overrun) => void;
  known: Promise<Known>;
  busy: boolean;
  stopped: boolean;
  timer: NodeJS.Timeout | undefined;
  /** All times are milliseconds of `performance.now()`. */
  dueAt: number;
  lookedAt: number;
  lookMs: number;
  failedLooks: number;
  /** Since when there are as many tasks as there may be. */
  fullSince: number | undefined;
}

/** A round waits this many times the processor time of the last one, within bounds that still find an attack in seconds. */
const BUSY = { share: 20, least: 250, most: 1000 } as const;
const IDLE = { share: 200, least: 1000, most: 2000 } as const;
const LOOK_AGAIN_MS = 500;
const LOOK_SHARE = 10;
const LOOK_AGAIN_MOST_MS = 2000;
/** Without cause: others may free just as much as the sandbox takes. */
const LOOK_ANYWAY_MS = 10_000;
/** As long as nobody has looked, this part of a limit is cause enough: what the box held at the beginning is not known. */
const FIRST_SHARE = 4;
/** Firejail itself has some, which the kernel's limit does not count. */
const TASKS_OF_FIREJAIL = 8;
/** A program that is only at its limit for a moment sees the kernel's error and goes on; a fork bomb stays there. */
const FULL_MS = 3000;
const FAILED_LOOKS = 2;
const MICROSECONDS = 1000;

/** Begins now and does not hold the process open. `onOver` is called once at most; then the watch has ended. */
export function watchSandbox(of: Watched, onOver: (over: Overrun) => void): Watch {
  const first = hostUsage(of.box);
  const state: State = {
    of,
    onOver,
    known: first.then((least) => ({ view: undefined, anonymous: 0, least })),
    busy: false,
    stopped: false,
    timer: undefined,
    dueAt: 0,
    lookedAt: performance.now(),
    lookMs: 0,
    failedLooks: 0,
    fullSince: undefined,
  };
  schedule(state, IDLE.least);
  return {
    setBusy: (busy) => {
      state.busy = busy;
      if (busy && state.timer !== undefined && state.dueAt > performance.now() + BUSY.least)
        schedule(state, BUSY.least);
    },
    stop: () => {
      state.stopped = true;
      clearTimeout(state.timer);
    },
  };
}

function schedule(state: State, ms: number): void {
  clearTimeout(state.timer);
  if (state.stopped) return;
  state.dueAt = performance.now() + ms;
  state.timer = setTimeout(() => {
    state.timer = undefined;
    void round(state);
  }, ms);
  state.timer.unref();
}

async function round(state: State): Promise<void> {
  const began = process.threadCpuUsage();
  const tasks = taskUsage(state.of.pid);
  const spent = process.threadCpuUsage(began);
  const isStarved = state.of.kernelKills() > 0;
  const over = isStarved ? killedByKernel(state.of.limits) : (crowd(state, tasks.tasks) ?? (await judge(state, tasks)));
  if (state.stopped) return;
  if (over === undefined) {
    const { share, least, most } = state.busy ? BUSY : IDLE;
    schedule(state, between(least, (share * (spent.user + spent.system)) / MICROSECONDS, most));
    return;
  }
  state.stopped = true;
  state.onOver(over);
}

function crowd(state: State, tasks: number): Overrun | undefined {
  const { limits } = state.of;
  const now = performance.now();
  if (tasks < limits.processes) state.fullSince = undefined;
  else state.fullSince ??= now;
  const isFull = state.fullSince !== undefined && now - state.fullSince >= FULL_MS;
  return isFull || tasks > limits.processes + TASKS_OF_FIREJAIL ? tooManyTasks(tasks, limits) : undefined;
}

async function judge(state: State, tasks: TaskUsage): Promise<Overrun | undefined> {
  const { of } = state;
  const known = await state.known;
  const host = await hostUsage(of.box);
  known.least = least(known.least, host);
  const grown = difference(host, known.least);
  const guess = overrunOf(guessOf(known, tasks, grown, FIRST_SHARE), of.limits);
  const isNear = tasks.anonymous + grown.shared > of.limits.memoryBytes;
  if (state.stopped || !isDue(state, known, guess !== undefined, isNear)) return undefined;
  const view = await lookNow(state);
  if (view === undefined)
    return state.failedLooks < FAILED_LOOKS ? undefined : overrunOf(guessOf(known, tasks, grown, 1), of.limits);
  const use = useOf(view, known, grown);
  const { disk, files } = use;
  state.known = Promise.resolve({ view: { ...view, disk, files }, anonymous: tasks.anonymous, least: host });
  return overrunOf(use, of.limits);
}

function isDue({ busy, lookedAt, lookMs }: State, known: Known, isGuessedOver: boolean, isNear: boolean): boolean {
  const passed = performance.now() - lookedAt;
  if (isGuessedOver)
    return known.view === undefined || passed >= between(LOOK_AGAIN_MS, LOOK_SHARE * lookMs, LOOK_AGAIN_MOST_MS);
  const anyway = isNear ? LOOK_ANYWAY_MS / 4 : LOOK_ANYWAY_MS;
  return (busy || isNear) && passed >= Math.max(anyway, LOOK_SHARE * lookMs);
}

async function lookNow(state: State): Promise<InsideView | undefined> {
  const began = performance.now();
  const view = await state.of.look();
  state.lookedAt = performance.now();
  state.lookMs = state.lookedAt - began;
  state.failedLooks = view === undefined ? state.failedLooks + 1 : 0;
  return view;
}

/** At most this much is used, as far as one can tell from outside. `share`: weight of what was added to a box that nobody has looked at. */
function guessOf({ view, anonymous }: Known, tasks: TaskUsage, grown: HostUsage, share: number): Use {
  if (view === undefined)
    return { memory: tasks.anonymous + grown.shared, disk: grown.disk * share, files: grown.files * share };
  const countedTwice = Math.max(0, anonymous - view.anonymous);
  return {
    memory: Math.max(0, tasks.anonymous - countedTwice) + view.shared + grown.shared,
    disk: view.disk + grown.disk,
    files: view.files + grown.files,
  };
}

/** Where a directory could not be read, what the disk has lost since counts as the sandbox's. */
function useOf(view: InsideView, known: Known, grown: HostUsage): Use {
  const atMost = (known.view?.disk ?? 0) + grown.disk;
  return {
    memory: view.anonymous + view.shared,
    disk: view.whole ? view.disk : Math.max(view.disk, atMost),
    files: view.whole ? view.files : Math.max(view.files, (known.view?.files ?? 0) + grown.files),
  };
}

function least(left: HostUsage, right: HostUsage): HostUsage {
  return {
    shared: Math.min(left.shared, right.shared),
    disk: Math.min(left.disk, right.disk),
    files: Math.min(left.files, right.files),
  };
}

function difference(left: HostUsage, right: HostUsage): HostUsage {
  return { shared: left.shared - right.shared, disk: left.disk - right.disk, files: left.files - right.files };
}

function between(least: number, value: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
