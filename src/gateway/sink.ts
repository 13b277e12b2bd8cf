// Owns the writing of a long answer to a client that may be slow or gone. Knows no format.
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyReply } from 'fastify';

export interface Sink {
  /** Aborts when the client has gone, or when the application closes. */
  readonly signal: AbortSignal;
  /** True once the status and the headers are out: an error can no longer be told. */
  readonly started: boolean;
  /** Resolves when the client can take more; at once if it has gone. The first call sends the headers. */
  write(text: string): Promise<void>;
  /** Writes only if the client keeps up; what it misses is lost: a text that counts is made only where `blocked` says no. */
  offer(text: string): void;
  /** True while the client takes nothing. */
  readonly blocked: boolean;
  end(): void;
  /** In place of all that: an answer of a known length, without the headers of a long one. */
  whole(bytes: Buffer, contentType: string): void;
  /** The connection breaks, so that no client takes what it has for a whole answer. */
  reset(): void;
}

/** A client that takes nothing for so long holds an engine up for nobody. */
export const STALLED_MS = 5 * 60_000;

/**
 * Takes the reply over from the framework with the first write. `headers` are sent beside those already set. The connection breaks
 * when the client takes nothing for `stalledMs`.
 */
export function createSink(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  closing: AbortSignal,
  stalledMs = STALLED_MS,
): Sink {
  const { raw } = reply;
  const gone = new AbortController();
  let started = false;
  let blocked = false;
  const leave = () => {
    if (!raw.writableFinished) gone.abort();
  };
  closing.addEventListener('abort', leave, { once: true });
  raw.once('close', () => {
    closing.removeEventListener('abort', leave);
    leave();
  });
  // A write to a client that has just gone is no error of ours.
  raw.on('error', () => {});
  const start = (own = headers) => {
    if (started) return;
    started = true;
    reply.hijack();
    // A copy of the framework's, in the types of Node.
    const all = reply.getHeaders() as OutgoingHttpHeaders;
    raw.writeHead(reply.statusCode, Object.assign(all, own));
  };
  const isBlocked = () => blocked || raw.writableNeedDrain;
  return {
    signal: gone.signal,
    get started() {
      return started;
    },
    get blocked() {
      return isBlocked();
    },
    write: async (text) => {
      start();
      if (raw.destroyed || raw.write(text)) return;
      blocked = true;
      const stalled = setTimeout(() => reset(raw), stalledMs);
      await drained(raw);
      clearTimeout(stalled);
      blocked = false;
    },
    offer: (text) => {
      if (text !== '' && started && !isBlocked() && !raw.destroyed && !raw.writableEnded) raw.write(text);
    },
    end: () => {
      start();
      raw.end();
    },
    whole: (bytes, contentType) => {
      start({ 'content-type': contentType, 'content-length': String(bytes.length) });
      raw.end(bytes);
    },
    reset: () => reset(raw),
  };
}

function drained(raw: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      raw.off('drain', done);
      raw.off('close', done);
      resolve();
    };
    raw.once('drain', done).once('close', done);
  });
}

/** Only a plain TCP connection can be reset; elsewhere the missing end of the chunked body tells the client. */
function reset(raw: ServerResponse): void {
  const { socket } = raw;
  const isPlain = socket instanceof Socket && !(socket instanceof TLSSocket) && socket.remoteAddress !== undefined;
  // One that is being ended cannot be reset: its handle would stay open, and the process could never exit.
  if (isPlain && !socket.writableEnded) socket.resetAndDestroy();
  // The error tells who closes: it was not the client.
  raw.destroy(new Error('the answer was cut'));
}
