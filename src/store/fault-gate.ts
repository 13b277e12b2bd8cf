// Owns how a worker passes a fault point that is a function on the main thread: it says so and stands still until that has returned.
import type { MessagePort } from 'node:worker_threads';
import { type FaultPoint, noFaults } from '../base/faults.ts';
import type { FromWorker } from './messages.ts';

/** For the main thread: undefined, and so no cost, where no plan is set. */
export function createGate(faults: FaultPoint): SharedArrayBuffer | undefined {
  return faults === noFaults ? undefined : new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/** For the main thread: runs the fault point that a worker waits at, then lets it go on. */
export function passGate(gate: SharedArrayBuffer, faults: FaultPoint, place: string): void {
  faults(place);
  const passes = new Int32Array(gate);
  Atomics.add(passes, 0, 1);
  Atomics.notify(passes, 0);
}

/** For the worker. */
export function gatedFaults(gate: SharedArrayBuffer | undefined, port: MessagePort): FaultPoint {
  if (gate === undefined) return noFaults;
  const passes = new Int32Array(gate);
  return (place) => {
    const before = Atomics.load(passes, 0);
    port.postMessage({ type: 'fault', place } satisfies FromWorker);
    Atomics.wait(passes, 0, before);
  };
}
