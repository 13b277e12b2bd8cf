// Owns the writing of a long answer to a client that may be slow or gone. Knows no format.
import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

export interface Sink {
  /** Aborts when the client has gone, or when the application closes. */
  readonly signal: AbortSignal;
  /** True once the status and the headers are out: an error can no longer be told. */
  readonly started: boolean;
  /** Resolves when the client can take more; at once if it has gone. The first call sends the headers. */
  write(text: string): Promise<void>;
  /** Writes only if the client keeps up; what it misses is lost. */
  offer(text: string): void;
  /** True while the client takes nothing. */
  readonly blocked: boolean;
  end(): void;
  /** The connection breaks, so that no client takes what it has for a whole answer. */
  reset(): void;
}

/** Takes the reply over from the framework with the first write. `headers` are sent beside those already set. */
export function createSink(reply: FastifyReply, headers: Readonly<Record<string, string>>, closing: AbortSignal): Sink {
  const { raw } = reply;
  const gone = new AbortController();
  let started = false;
  let blocked = false;
  const leave = () => {
    if (!raw.writableFinished) gone.abort();
  };
  raw.once('close', leave);
  closing.addEventListener('abort', leave, { once: true });
  raw.once('close', () => closing.removeEventListener('abort', leave));
  // A write to a client that has just gone is no error of ours.
  raw.on('error', () => {});
  const start = () => {
    if (started) return;
    started = true;
    reply.hijack();
    raw.writeHead(reply.statusCode, { ...plainHeaders(reply), ...headers });
  };
  return {
    signal: gone.signal,
    get started() {
      return started;
    },
    get blocked() {
      return blocked;
    },
    write: async (text) => {
      start();
      if (raw.destroyed || raw.write(text)) return;
      blocked = true;
      await drained(raw);
      blocked = false;
    },
    offer: (text) => {
      if (started && !blocked && !raw.destroyed && !raw.writableNeedDrain) raw.write(text);
    },
    end: () => {
      start();
      raw.end();
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

/** Only a TCP connection can be reset; elsewhere the missing end of the chunked body tells the client. */
function reset({ socket }: ServerResponse): void {
  if (socket instanceof Socket && socket.remoteAddress !== undefined) socket.resetAndDestroy();
  else socket?.destroy();
}

function plainHeaders(reply: FastifyReply): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) headers[name] = String(value);
  return headers;
}
