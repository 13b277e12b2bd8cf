// Owns the reading of a head of HTTP/1.1: first line and fields, strictly. What two readers could take for two things is a fault.
import { LIMITS } from '../../base/limits.ts';
import type { EgressFields } from '../../contracts/egress.ts';
import { type Fault, isFault, type Wire } from './wire.ts';

export interface RequestHead {
  readonly method: string;
  /** Visible ASCII, as it came. */
  readonly target: string;
  readonly minor: 0 | 1;
  readonly fields: EgressFields;
}

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly minor: 0 | 1;
  readonly fields: EgressFields;
}

const LF = 10;
const CR = 13;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
/** Of latin1: what is neither a tab nor a sign nor above ASCII. */
const CONTROL = /[^\t\x20-\x7e\x80-\xff]/;
/** A head that comes in more pieces than that is no program's: each piece costs a copy. */
const MOST_PIECES = 1024;

/** The lines of a head as latin1, without the empty one at its end; `undefined`: the stream ended before it began. */
export async function readHead(wire: Wire, firstMs?: number): Promise<string | undefined | Fault> {
  const first = await wire.read(firstMs);
  if (first === undefined || isFault(first)) return first;
  const until = performance.now() + LIMITS.egressHandshakeMs;
  let have = first;
  let from = 0;
  for (let pieces = 0; pieces < MOST_PIECES; pieces += 1) {
    const found = findEnd(have, from);
    if (isFault(found)) return found;
    if ((found.end ?? have.length) > LIMITS.egressHeadBytes) break;
    if (found.end !== undefined) {
      wire.unread(have.subarray(found.end));
      return have.toString('latin1', 0, found.end - 4);
    }
    from = found.from;
    const piece = await wire.read(Math.max(1, until - performance.now()));
    if (piece === undefined) return { fault: 'it ended in the middle of its head' };
    if (isFault(piece)) return { fault: 'its head did not come to an end in time' };
    have = Buffer.concat([have, piece]);
  }
  return { fault: `its head is longer than ${LIMITS.egressHeadBytes} bytes, or came in too many pieces` };
}

export function parseRequestHead(text: string): RequestHead | Fault {
  const lines = text.split('\r\n');
  const [, method, target, minor] = REQUEST_LINE.exec(lines[0] ?? '') ?? [];
  if (method === undefined || target === undefined) return { fault: whyNoRequest(lines[0] ?? '') };
  const fields = parseFields(lines);
  return isFault(fields) ? fields : { method, target, minor: minor === '0' ? 0 : 1, fields };
}

export function parseAnswerHead(text: string): AnswerHead | Fault {
  const lines = text.split('\r\n');
  const [, minor, status, reason = ''] = STATUS_LINE.exec(lines[0] ?? '') ?? [];
  if (status === undefined) return { fault: 'its status line is not one of HTTP/1.1' };
  const fields = parseFields(lines);
  return isFault(fields) ? fields : { status: Number(status), reason, minor: minor === '0' ? 0 : 1, fields };
}

/** Position behind the empty line, or where to go on looking. */
function findEnd(bytes: Buffer, from: number): { readonly end?: number; readonly from: number } | Fault {
  let at = bytes.indexOf(LF, from);
  while (at >= 0) {
    if (bytes[at - 1] !== CR) return { fault: 'a line ends with a bare LF' };
    if (at === 1) return { fault: 'it begins with an empty line' };
    if (bytes[at - 2] === LF) return { end: at + 1, from };
    from = at + 1;
    at = bytes.indexOf(LF, from);
  }
  if (from === 0 && !TOKEN.test(String.fromCharCode(bytes[0] ?? 0))) return { fault: 'it is not HTTP' };
  return { from };
}

function whyNoRequest(line: string): string {
  if (line.startsWith('PRI * HTTP/2')) return 'it is HTTP/2, which is not spoken here';
  if (CONTROL.test(line)) return 'a control character stands in its first line';
  return 'its first line is not one of HTTP/1.1';
}

function parseFields(lines: readonly string[]): EgressFields | Fault {
  if (lines.length - 1 > LIMITS.egressFields) return { fault: `it has more than ${LIMITS.egressFields} fields` };
  const fields: (readonly [string, string])[] = [];
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const field = parseField(line);
    if (isFault(field)) return field;
    fields.push(field);
  }
  return fields;
}

function parseField(line: string): readonly [string, string] | Fault {
  if (line.startsWith(' ') || line.startsWith('\t')) return { fault: 'a field goes on in a second line' };
  if (CONTROL.test(line)) return { fault: 'a bare CR, a NUL or another control character stands in a field' };
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  if (!TOKEN.test(name)) return { fault: 'a line among its fields has no good name before a colon' };
  return [name.toLowerCase(), line.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/g, '')];
}
