// Owns the writing of bytes that pass to a client that may be slow: gathered under load, held back at the engine.
import type { FastifyReply } from 'fastify';
import type { PassingControl } from '../../contracts/passing.ts';
import { type Sink, STALLED_MS } from '../sink.ts';
import type { Gatherer } from './gather.ts';

export interface Outlet {
  /** `urgent`: with all that waits, now. A client that takes nothing pauses the engine. */
  write(bytes: Buffer, urgent: boolean, control: PassingControl): void;
  end(): void;
  reset(): void;
}

/** Held for the next tick at most, for one client. */
const MOST_HELD_BYTES = 64 * 1024;

/** The connection breaks when the client takes nothing for `stalledMs`. */
export function createOutlet({ raw }: FastifyReply, sink: Sink, gatherer: Gatherer, stalledMs = STALLED_MS): Outlet {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let engine: PassingControl | undefined;
  let stalled: NodeJS.Timeout | undefined;
  const hold = (control: PassingControl) => {
    if (stalled !== undefined) return;
    control.pause();
    stalled = setTimeout(() => sink.reset(), stalledMs);
    const release = () => {
      clearTimeout(stalled);
      stalled = undefined;
      raw.off('drain', release);
      raw.off('close', release);
      control.resume();
    };
    raw.once('drain', release).once('close', release);
  };
  const flush = () => {
    if (heldBytes === 0) return;
    const [first, ...rest] = held;
    const bytes = rest.length === 0 && first !== undefined ? first : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    gatherer.leave(flush);
    if (!sink.started) void sink.write('');
    if (!raw.destroyed && !raw.write(bytes) && engine !== undefined) hold(engine);
  };
  return {
    write: (bytes, urgent, control) => {
      engine = control;
      held.push(bytes);
      heldBytes += bytes.length;
      if (urgent || !gatherer.mayWait() || heldBytes > MOST_HELD_BYTES) flush();
      else if (held.length === 1) gatherer.wait(flush);
    },
    end: () => {
      flush();
      sink.end();
    },
    reset: () => {
      gatherer.leave(flush);
      sink.reset();
    },
  };
}
