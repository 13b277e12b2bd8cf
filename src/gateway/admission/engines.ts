// Owns the line before the replicas of each model, their places, and what their GPUs were busy with. Asks no engine.
import type { Clock } from '../../base/clock.ts';
import { createFairQueue, type FairQueue, type Place } from './queue.ts';

/** What the configuration says of a backend. */
export interface EngineSettings {
  readonly name: string;
  /** Models it is known to serve; none: it is asked. */
  readonly models: readonly string[];
  /** Absent: 64. */
  readonly maxConcurrent?: number;
  /** Absent: 1. */
  readonly gpus?: number;
}

/** All replicas of a model, which is whoever serves it: a request waits for the first free place in any of them. */
export interface Engine {
  /** Names of the replicas. */
  readonly name: string;
  readonly queue: FairQueue;
}

export interface Engines {
  /** Undefined if nobody serves the model: then there is no engine to wait for. */
  engineOf(model: string, signal: AbortSignal): Promise<Engine | undefined>;
  /** Begins to count what one request gets of the GPUs of that backend; what comes back tells it, in seconds, and ends the count. */
  workAt(backend: string): () => number;
  /** Those that were needed so far. */
  all(): readonly Engine[];
  /** A replica has come or gone. */
  changed(): void;
}

export interface EnginePorts {
  readonly engines: readonly EngineSettings[];
  /** Names of the backends that serve the model; asked only where the settings do not say. */
  backendsOf(model: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Whether the backend takes requests now. Absent: all do. */
  readonly accepts?: (name: string) => boolean;
  readonly queue: { readonly most: number; readonly waitMs: number };
  readonly clock: Pick<Clock, 'monotonic'>;
}

const MAX_CONCURRENT = 64;

/** The places of one backend: lines of several models may share them. */
interface Seats {
  readonly name: string;
  taken: number;
  readonly work: Place['work'];
  /** The one whose turn it is first. */
  lines: readonly FairQueue[];
}

export function createEngines(ports: EnginePorts): Engines {
  const backends = new Map<string, Seats>();
  const made = new Map<string, Engine>();
  const settingsOf = (name: string) => ports.engines.find((one) => one.name === name);
  const seatsOf = (name: string): Seats => {
    const known = backends.get(name);
    if (known !== undefined) return known;
    const seats = { name, taken: 0, work: createGpuClock(settingsOf(name)?.gpus ?? 1, ports.clock), lines: [] };
    backends.set(name, seats);
    return seats;
  };
  const sizeOf = ({ name }: Seats) => settingsOf(name)?.maxConcurrent ?? MAX_CONCURRENT;
  const take = (all: readonly Seats[]): Place | undefined => {
    const accepts = ({ name }: Seats) => ports.accepts?.(name) ?? true;
    const [only, ...more] = all;
    if (only !== undefined && more.length === 0)
      return !accepts(only) || only.taken < sizeOf(only) ? placeIn(only) : undefined;
    const accepting = all.filter(accepts);
    // Nobody is there to wait for: whoever asks is told so.
    const among = accepting.length === 0 ? all : accepting;
    const sizes = among.map((seats) => ({ seats, size: sizeOf(seats) }));
    const free = sizes.filter(({ seats, size }) => accepting.length === 0 || seats.taken < size);
    const [first, ...others] = free;
    if (first === undefined) return undefined;
    const part = ({ seats, size }: typeof first) => seats.taken / size;
    const { seats } = others.reduce((least, one) => (part(one) < part(least) ? one : least), first);
    return placeIn(seats);
  };
  const make = (names: readonly string[]): Engine => {
    const all = names.map(seatsOf);
    const queue = createFairQueue(ports.queue, ports.clock, () => take(all));
    for (const seats of all) seats.lines = [...seats.lines, queue];
    return { name: names.join(', '), queue };
  };
  return {
    engineOf: async (model, signal) => {
      const declared = namesOf(model, ports.engines);
      const names = declared.length > 0 ? declared : await ports.backendsOf(model, signal);
      if (names.length === 0) return undefined;
      const name = names.join(', ');
      const engine = made.get(name) ?? make(names);
      made.set(name, engine);
      return engine;
    },
    workAt: (backend) => seatsOf(backend).work(),
    all: () => [...made.values()],
    changed: () => {
      for (const { queue } of made.values()) queue.advance();
    },
  };
}

function placeIn(seats: Seats): Place {
  seats.taken += 1;
  return {
    work: () => seats.work(),
    free: () => {
      seats.taken -= 1;
      // Who had the place goes behind the others that wait for it.
      const [first, ...others] = seats.lines;
      if (first === undefined || others.length === 0) return;
      seats.lines = [...others, first];
      for (const line of seats.lines) line.advance();
    },
  };
}

/** A single engine that declares no model gets all of them. */
function namesOf(model: string, engines: readonly EngineSettings[]): readonly string[] {
  const found = engines.filter(({ models }) => models.includes(model));
  const [only] = engines;
  const all = found.length === 0 && engines.length === 1 && only?.models.length === 0 ? engines : found;
  return all.map(({ name }) => name);
}

/**
 * Each moment of the engine is shared by those that run in it: the clock counts what one of them got since it began. The shares of all
 * requests together are the time in which the engine was busy × its GPUs.
 */
function createGpuClock(gpus: number, clock: Pick<Clock, 'monotonic'>): Place['work'] {
  let running = 0;
  let share = 0;
  let last = clock.monotonic();
  const advance = () => {
    const now = clock.monotonic();
    if (running > 0) share += ((now - last) / 1000) * (gpus / running);
    last = now;
    return share;
  };
  return () => {
    const start = advance();
    running += 1;
    let used: number | undefined;
    return () => {
      if (used === undefined) {
        used = advance() - start;
        running -= 1;
      }
      return used;
    };
  };
}
