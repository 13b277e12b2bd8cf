// Owns the way on which bytes pass between a client and an engine of the same dialect. Knows no event and no text in them.
import type { Dispatcher } from 'undici';
import { Pool } from 'undici';
import type { PassBytes, PassingControl, PassingListener } from '../../contracts/passing.ts';
import { EndpointRefusal } from './connection.ts';
import { abortedEvent, failureOf, lostEvent } from './failure.ts';
import { sessionHeaders } from './session.ts';

export interface PassingOptions {
  readonly url: string;
  readonly key: string;
  readonly connectMs: number;
  /** Certificates in PEM form; nobody else's signature counts then. */
  readonly ca?: string;
  /** Name of the header with the conversation of a request; absent: x-session-id. */
  readonly sessionHeader?: string;
  /** Milliseconds since 1970, for an engine that says until when to wait. */
  now(): number;
}

/** More streams than this at once wait for a connection. */
const CONNECTIONS = 4096;
const REFUSAL_BYTES = 64 * 1024;
const MOST_GATHERED_BYTES = 256 * 1024;
/** The engine may take the request when it is put in other words. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 405, 413, 415, 422]);

/** Dispatches without streams and promises in between: half the price of `fetch` for each event. */
export function createPassing(options: PassingOptions): PassBytes {
  const { url, key, connectMs, ca, sessionHeader } = options;
  const now = () => options.now();
  const base = new URL(url.replace(/\/+$/, ''));
  const address = `${base.origin}${base.pathname}`;
  const path = `${base.pathname}/chat/completions`.replace(/^\/\//, '/');
  const pool = new Pool(base.origin, {
    connections: CONNECTIONS,
    pipelining: 1,
    connect: { timeout: connectMs, noDelay: true, ...(ca === undefined ? {} : { ca }) },
    // The time until the first word is the engine's own; who waits has limits of his own.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'user-agent': 'caisson' };
  return ({ body, signal, affinity }, listener) => {
    const passage = createPassage(listener, { address, now, signal });
    if (signal.aborted) {
      listener.fail(abortedEvent());
      return passage.control;
    }
    signal.addEventListener('abort', passage.abort, { once: true });
    pool.dispatch(
      {
        path,
        method: 'POST',
        headers: { ...headers, ...sessionHeaders(affinity, sessionHeader) },
        body: Buffer.from(body.buffer, body.byteOffset, body.length),
      },
      passage.handler,
    );
    return passage.control;
  };
}

interface Passage {
  readonly handler: Dispatcher.DispatchHandler;
  readonly control: PassingControl;
  readonly abort: () => void;
}

function createPassage(
  listener: PassingListener,
  { address, now, signal }: { readonly address: string; readonly now: () => number; readonly signal: AbortSignal },
): Passage {
  let controller: Dispatcher.DispatchController | undefined;
  let status = 0;
  let refusal: { readonly headers: Record<string, string>; readonly parts: Buffer[]; bytes: number } | undefined;
  let [over, stopped] = [false, false];
  const abort = () => controller?.abort(new Error('the client has gone'));
  const gathering = createGathering((bytes) => {
    if (!over) listener.data(bytes);
  });
  const finish = (tell: () => void) => {
    if (over) return;
    over = true;
    signal.removeEventListener('abort', abort);
    tell();
  };
  const refuse = ({ headers, parts }: NonNullable<typeof refusal>) =>
    REFUSALS.has(status)
      ? listener.refused()
      : listener.fail(failureOf(refusalOf(status, headers, parts), address, now()));
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: (given) => {
      controller = given;
      if (stopped || signal.aborted) abort();
    },
    onResponseStart: (_controller, code, headers) => {
      status = code;
      if (code === 200) listener.begin(textOf(headers['content-type']));
      else if (code >= 200) refusal = { headers: textsOf(headers), parts: [], bytes: 0 };
    },
    onResponseData: (given, chunk) => {
      if (refusal === undefined) return gathering.take(chunk);
      refusal.parts.push(chunk);
      refusal.bytes += chunk.length;
      const seen = refusal;
      if (refusal.bytes <= REFUSAL_BYTES) return undefined;
      finish(() => refuse(seen));
      return given.abort(new Error('a refusal without end'));
    },
    onResponseEnd: () => {
      gathering.flush();
      const seen = refusal;
      finish(() => (seen === undefined ? listener.end() : refuse(seen)));
    },
    onResponseError: (_controller, error) => {
      gathering.flush();
      finish(() => {
        if (stopped || signal.aborted) listener.fail(abortedEvent());
        else listener.fail(status === 200 ? lostEvent(error, address) : failureOf(error, address, now()));
      });
    },
  };
  const stop = () => {
    stopped = true;
    abort();
  };
  return { handler, abort, control: { pause: () => controller?.pause(), resume: () => controller?.resume(), stop } };
}

function refusalOf(status: number, headers: Record<string, string>, parts: readonly Buffer[]): EndpointRefusal {
  return new EndpointRefusal(status, headers, Buffer.concat(parts).toString('utf8', 0, REFUSAL_BYTES));
}

/** What one read of the socket brings comes in a piece for each event: it is handed on at once when that read is over. */
function createGathering(hand: (bytes: Buffer) => void) {
  let pieces: Buffer[] = [];
  let bytes = 0;
  const flush = () => {
    const [first, ...rest] = pieces;
    if (first === undefined) return;
    const all = rest.length === 0 ? first : Buffer.concat(pieces, bytes);
    pieces = [];
    bytes = 0;
    hand(all);
  };
  return {
    flush,
    take: (piece: Buffer) => {
      if (pieces.length === 0) process.nextTick(flush);
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > MOST_GATHERED_BYTES) flush();
    },
  };
}

function textsOf(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '');
}
