// Owns reading from and writing to one stream at the reader's own pace, with a deadline for each wait. Knows no protocol.
import type { Duplex } from 'node:stream';
import { LIMITS } from '../../base/limits.ts';

/** Why something cannot go on; `fault` can stand behind "because". */
export interface Fault {
  readonly fault: string;
  /** Nothing came in time; whoever knows of other signs of life may wait again. */
  readonly isSilence?: true;
  /** The connection broke. */
  readonly isCut?: true;
}

/** Bytes; `undefined`: the end. */
export type Piece = Buffer | undefined | Fault;

export interface Wire {
  /** The next bytes, as many as are there. One reader at a time. */
  read(withinMs?: number): Promise<Piece>;
  /** Puts bytes back in front of what comes next. */
  unread(bytes: Buffer): void;
  /** Resolves when more may be written; false: nobody is there any more. Strings are written as latin1. */
  write(...pieces: readonly (Buffer | string)[]): Promise<boolean>;
  /** True if something lies there that was not read. */
  hasMore(): boolean;
  /** Nothing can be written any more, or nothing will be read: the other side has gone. */
  isGone(): boolean;
  /** Called at once if it has gone already, and with `orStirs` when bytes come that nobody waits for. One at a time; undefined: nobody. */
  whenGone(listener: (() => void) | undefined, orStirs?: boolean): void;
  /** Gives the stream back, with what was read ahead; the wire is not used again. */
  release(): { readonly stream: Duplex; readonly ahead: Buffer };
  /** Ends after what was written. */
  end(): void;
  destroy(): void;
}

export function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'fault' in value;
}

const SMALL_BYTES = 16_384;
const NOTHING = Buffer.alloc(0);
const READY = Promise.resolve(true);
const GONE = Promise.resolve(false);

interface State {
  ahead: Buffer | undefined;
  reader: (() => void) | undefined;
  readonly writers: ((ok: boolean) => void)[];
  gone: (() => void) | undefined;
  stirs: boolean;
  ended: boolean;
  closed: boolean;
}

/** A peer that does not read what it asked for within `LIMITS.egressIdleMs` is cut off. */
export function createWire(stream: Duplex): Wire {
  const state: State = {
    ahead: undefined,
    reader: undefined,
    writers: [],
    gone: undefined,
    stirs: false,
    ended: false,
    closed: stream.destroyed,
  };
  const unlisten = listen(stream, state);
  return {
    read: (withinMs = LIMITS.egressIdleMs) => readFrom(stream, state, withinMs),
    unread: (bytes) => {
      if (bytes.length === 0) return;
      state.ahead = state.ahead === undefined ? bytes : Buffer.concat([bytes, state.ahead]);
    },
    write: (...pieces) => writeTo(stream, state, pieces),
    hasMore: () => state.ahead !== undefined || stream.readableLength > 0,
    isGone: () => state.closed || state.ended,
    whenGone: (listener, orStirs = false) => {
      state.gone = listener;
      state.stirs = orStirs;
      if (state.closed || state.ended) listener?.();
    },
    release: () => {
      unlisten();
      const rest = stream.read() as Buffer | null;
      return { stream, ahead: Buffer.concat([state.ahead ?? NOTHING, rest ?? NOTHING]) };
    },
    end: () => {
      if (!state.closed) stream.end();
    },
    destroy: () => {
      stream.destroy();
    },
  };
}

function listen(stream: Duplex, state: State): () => void {
  const wake = () => {
    const reader = state.reader;
    state.reader = undefined;
    reader?.();
  };
  const leave = () => {
    wake();
    state.gone?.();
  };
  const on: Readonly<Record<string, () => void>> = {
    readable: () => {
      if (state.reader !== undefined) wake();
      // An end is only told to somebody who reads.
      else if (stream.readableLength === 0) stream.read(0);
      else if (state.stirs) state.gone?.();
    },
    end: () => {
      state.ended = true;
      leave();
    },
    close: () => {
      state.closed = true;
      for (const writer of state.writers.splice(0)) writer(false);
      leave();
    },
    drain: () => {
      for (const writer of state.writers.splice(0)) writer(true);
    },
    // `close` follows.
    error: () => {},
  };
  for (const [event, listener] of Object.entries(on)) stream.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(on)) if (event !== 'error') stream.off(event, listener);
  };
}

async function readFrom(stream: Duplex, state: State, withinMs: number): Promise<Piece> {
  for (;;) {
    const bytes = state.ahead ?? (stream.read() as Buffer | null);
    state.ahead = undefined;
    if (bytes !== null) return bytes;
    if (state.ended) return undefined;
    if (state.closed) return { fault: 'the connection was cut off', isCut: true };
    if (!(await waitForReader(state, withinMs)))
      return { fault: `nothing came for ${Math.ceil(withinMs / 1000)} s`, isSilence: true };
  }
}

function waitForReader(state: State, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      state.reader = undefined;
      resolve(false);
    }, withinMs);
    state.reader = () => {
      clearTimeout(timer);
      resolve(true);
    };
  });
}

function writeTo(stream: Duplex, state: State, pieces: readonly (Buffer | string)[]): Promise<boolean> {
  if (state.closed || stream.writableEnded) return GONE;
  const joined = pieces.length > 1 ? joinedSmall(pieces) : pieces;
  if (joined.length > 1) stream.cork();
  let more = true;
  for (const piece of joined) more = stream.write(piece, 'latin1');
  if (joined.length > 1) stream.uncork();
  return more || !stream.writableNeedDrain ? READY : waitForDrain(stream, state);
}

/** One small write costs the system less than several, even when they go out together. */
function joinedSmall(pieces: readonly (Buffer | string)[]): readonly (Buffer | string)[] {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (bytes > SMALL_BYTES) return pieces;
  return [Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)))];
}

function waitForDrain(stream: Duplex, state: State): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => stream.destroy(), LIMITS.egressIdleMs);
    state.writers.push((ok) => {
      clearTimeout(timer);
      resolve(ok);
    });
  });
}
