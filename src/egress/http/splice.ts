// Owns two streams whose bytes go to each other as they are, until one ends or a ceiling is reached. Reads nothing of them.
import type { Transform } from 'node:stream';
import { LIMITS } from '../../base/limits.ts';
import type { EgressCaps } from '../../contracts/egress.ts';
import { createWire, isFault, type Wire } from './wire.ts';

export interface Spliced {
  readonly sent: number;
  readonly received: number;
  /** Which ceiling ended it. */
  readonly over?: { readonly what: 'body' | 'answer'; readonly most: number };
}

interface Course {
  sent: number;
  received: number;
  over: Spliced['over'];
  /** When a byte last came from either side. */
  last: number;
}

/** `through`: what comes from the origin goes through it. */
export async function splice(client: Wire, origin: Wire, caps: EgressCaps, through?: Transform): Promise<Spliced> {
  const course: Course = { sent: 0, received: 0, over: undefined, last: performance.now() };
  const cut = () => {
    client.destroy();
    origin.destroy();
  };
  const out = pump(client, origin, course, (bytes) => {
    course.sent += bytes;
    return isOver(course, 'body', course.sent, caps.requestBytes);
  });
  const received = (bytes: number) => {
    course.received += bytes;
    return isOver(course, 'answer', course.received, caps.responseBytes);
  };
  const stage = through === undefined ? client : createWire(through);
  const back = pump(origin, stage, course, received);
  const rest = through === undefined ? true : pump(stage, client, course, () => false);
  const ends = [out, back, rest].map(async (one) => (await one) || cut());
  await Promise.all(ends);
  cut();
  const { sent, over } = course;
  return { sent, received: course.received, ...(over === undefined ? {} : { over }) };
}

/** False if nothing of either side can go on. */
async function pump(from: Wire, to: Wire, course: Course, count: (bytes: number) => boolean): Promise<boolean> {
  for (;;) {
    const piece = await from.read();
    if (isFault(piece)) {
      if (piece.isSilence && performance.now() - course.last < LIMITS.egressIdleMs) continue;
      return false;
    }
    if (piece === undefined) {
      to.end();
      return true;
    }
    course.last = performance.now();
    if (count(piece.length)) return false;
    if (!(await to.write(piece))) return false;
  }
}

function isOver(course: Course, what: 'body' | 'answer', bytes: number, most: number | undefined): boolean {
  if (most === undefined || bytes <= most) return false;
  course.over = { what, most };
  return true;
}
