// Owns where the body of a message ends, and its pieces up to there. Chunk extensions and trailers end here. Knows no address and no rule.
import type { EgressFields } from '../../contracts/egress.ts';
import type { AnswerHead, RequestHead } from './head.ts';
import { type Fault, isFault, type Piece, type Wire } from './wire.ts';

export type Framing =
  | { readonly by: 'length'; readonly bytes: number }
  | { readonly by: 'chunks' }
  /** Only of answers. */
  | { readonly by: 'close' };

/** The next bytes of a body, until `undefined`. After a fault nothing of the wire can be trusted. */
export type Body = () => Promise<Piece>;

const EMPTY: Framing = { by: 'length', bytes: 0 };
const LENGTH = /^\d{1,15}$/;
const CHUNK_LINE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
/** Of the line before a chunk, with its extensions; and of each trailer. */
const MOST_LINE = 4096;
const MOST_TRAILERS = 64;
const LF = 10;
const CR = 13;

export function requestFraming({ fields, minor }: RequestHead): Framing | Fault {
  return framingOf(fields, minor) ?? EMPTY;
}

/** `method`: of the request. */
export function answerFraming({ status, fields, minor }: AnswerHead, method: string): Framing | Fault {
  const framing = framingOf(fields, minor);
  if (isFault(framing)) return framing;
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return EMPTY;
  return framing ?? { by: 'close' };
}

export function bodyOf(wire: Wire, framing: Framing): Body {
  if (framing.by === 'close') return () => wire.read();
  return framing.by === 'length' ? bodyOfLength(wire, framing.bytes) : bodyOfChunks(wire);
}

function framingOf(fields: EgressFields, minor: 0 | 1): Framing | Fault | undefined {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  if (lengths.length + codings.length === 0) return undefined;
  if (lengths.length > 0 && codings.length > 0) return { fault: 'it has both Content-Length and Transfer-Encoding' };
  if (lengths.length > 1 || codings.length > 1)
    return { fault: `${lengths.length > 1 ? 'Content-Length' : 'Transfer-Encoding'} stands in it twice` };
  if (codings[0] !== undefined) return codedFraming(codings[0], minor);
  const length = lengths[0] ?? '';
  return LENGTH.test(length) ? { by: 'length', bytes: Number(length) } : { fault: 'its Content-Length is no number' };
}

function codedFraming(coding: string, minor: 0 | 1): Framing | Fault {
  if (minor === 0) return { fault: 'HTTP/1.0 has no Transfer-Encoding' };
  return coding.toLowerCase() === 'chunked' ? { by: 'chunks' } : { fault: 'its Transfer-Encoding is not chunked' };
}

function valuesOf(fields: EgressFields, name: string): readonly string[] {
  return fields.filter((field) => field[0] === name).map((field) => field[1]);
}

function bodyOfLength(wire: Wire, bytes: number): Body {
  let left = bytes;
  return async () => {
    if (left === 0) return undefined;
    const piece = await wire.read();
    if (piece === undefined) return { fault: `its body ended ${left} bytes too early` };
    if (isFault(piece)) return piece;
    const own = piece.length > left ? piece.subarray(0, left) : piece;
    if (own.length < piece.length) wire.unread(piece.subarray(left));
    left -= own.length;
    return own;
  };
}

function bodyOfChunks(wire: Wire): Body {
  let left = 0;
  let isFirst = true;
  return async () => {
    if (left === 0) {
      const size = await readSize(wire, isFirst);
      if (isFault(size)) return size;
      if (size === 0) return readTrailers(wire);
      isFirst = false;
      left = size;
    }
    const piece = await wire.read();
    if (piece === undefined) return { fault: 'it ended in the middle of a chunk' };
    if (isFault(piece)) return piece;
    const own = piece.length > left ? piece.subarray(0, left) : piece;
    if (own.length < piece.length) wire.unread(piece.subarray(left));
    left -= own.length;
    return own;
  };
}

/** Of the next chunk; the line end behind the one before belongs to it. */
async function readSize(wire: Wire, isFirst: boolean): Promise<number | Fault> {
  if (!isFirst) {
    const end = await readLine(wire);
    if (isFault(end)) return end;
    if (end !== '') return { fault: 'a chunk is longer than its size says' };
  }
  const line = await readLine(wire);
  if (isFault(line)) return line;
  const size = CHUNK_LINE.exec(line)?.[1];
  return size === undefined ? { fault: 'the size of a chunk is no number' } : Number.parseInt(size, 16);
}

async function readTrailers(wire: Wire): Promise<undefined | Fault> {
  for (let count = 0; count <= MOST_TRAILERS; count += 1) {
    const line = await readLine(wire);
    if (isFault(line)) return line;
    if (line === '') return undefined;
  }
  return { fault: `it has more than ${MOST_TRAILERS} trailers` };
}

async function readLine(wire: Wire): Promise<string | Fault> {
  let have: Buffer | undefined;
  for (;;) {
    const piece = await wire.read();
    if (piece === undefined) return { fault: 'it ended in the middle of its chunks' };
    if (isFault(piece)) return piece;
    have = have === undefined ? piece : Buffer.concat([have, piece]);
    const end = have.indexOf(LF);
    if (end > MOST_LINE || (end < 0 && have.length > MOST_LINE))
      return { fault: 'a line between its chunks is too long' };
    if (end < 0) continue;
    if (have[end - 1] !== CR) return { fault: 'a line between its chunks ends with a bare LF' };
    const line = have.toString('latin1', 0, end - 1);
    if (line.includes('\r') || line.includes('\0')) return { fault: 'a bare CR or a NUL stands between its chunks' };
    wire.unread(have.subarray(end + 1));
    return line;
  }
}
