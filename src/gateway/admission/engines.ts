// Owns the line and the clock of each engine: which engine answers for a model, who is there, what its GPUs were busy with. Asks no engine.
import type { Clock } from '../../base/clock.ts';
import { createFairQueue, type FairQueue } from './queue.ts';

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

export interface Engine {
  readonly name: string;
  readonly queue: FairQueue;
  /** Begins a request; the function ends it and gives its GPU seconds: its time × GPUs ÷ requests that ran at once. */
  work(): () => number;
}

export interface Engines {
  /** Undefined if nobody serves the model: then there is no engine to wait for. */
  engineOf(model: string, signal: AbortSignal): Promise<Engine | undefined>;
  /** Those that were needed so far. */
  all(): readonly Engine[];
}

export interface EnginePorts {
  readonly engines: readonly EngineSettings[];
  /** Name of the backend that serves the model; asked only where the settings do not say. */
  backendOf(model: string, signal: AbortSignal): Promise<string | undefined>;
  readonly queue: { readonly most: number; readonly waitMs: number };
  readonly clock: Pick<Clock, 'monotonic'>;
}

const MAX_CONCURRENT = 64;

export function createEngines(ports: EnginePorts): Engines {
  const made = new Map<string, Engine>();
  const make = (name: string): Engine => {
    const { maxConcurrent = MAX_CONCURRENT, gpus = 1 } = ports.engines.find((one) => one.name === name) ?? {};
    const queue = createFairQueue({ ...ports.queue, atOnce: maxConcurrent }, ports.clock);
    const engine = { name, queue, work: createGpuClock(gpus, ports.clock) };
    made.set(name, engine);
    return engine;
  };
  return {
    engineOf: async (model, signal) => {
      const name = nameOf(model, ports.engines) ?? (await ports.backendOf(model, signal));
      return name === undefined ? undefined : (made.get(name) ?? make(name));
    },
    all: () => [...made.values()],
  };
}

/** A single engine that declares no model gets all of them. */
function nameOf(model: string, engines: readonly EngineSettings[]): string | undefined {
  const [only] = engines;
  const found = engines.find(({ models }) => models.includes(model));
  return (found ?? (engines.length === 1 && only?.models.length === 0 ? only : undefined))?.name;
}

/**
 * Each moment of the engine is shared by those that run in it: the clock counts what one of them got since it began. The shares of all
 * requests together are the time in which the engine was busy × its GPUs.
 */
function createGpuClock(gpus: number, clock: Pick<Clock, 'monotonic'>): Engine['work'] {
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
