// Owns the format of the journal, version 1, fixed once: how an event is hashed and linked. Knows no table, no key and no file.
//
// An event is a row of the table `events` with the columns v, id, chain, seq, step, time, parent, body, previous, hash.
//   v         1, the version of this format and of the body's schema
//   chain     `service`, or the id of a run; seq counts 1, 2, 3, … in it
//   body      canonical JSON text (keys in code-unit order, no spaces) that eventBodySchema accepts
//   previous  hash of the event before it in its chain; sha256 of the chain's name for the first
//   hash      sha256 of the canonical JSON of the object of all other columns, with `body` as an object in it:
//             {"body":{…},"chain":"…","id":"…","parent":"…","previous":"sha256:…","seq":1,"step":0,"time":0,"v":1}
// Hashes are written `sha256:` and 64 hexadecimal digits.
//
// Contents. A field of a body whose name ends in `Hash` is the hash of a text in the table `contents`. A text may be pruned, or
// stored as its head and tail when it is larger than LIMITS.contentBytes; the chain holds on to the hash of all of it. Such a row
// bears a seal: HMAC-SHA256 of `hash bytes kept sha256(stored)` under HMAC-SHA256(key, "contents").
//
// The runs hang below the service. When a run has ended, `run_sealed {run, count, hash}` in the service's chain holds its count
// and last hash. A chain that grows after that is open again until it is sealed anew; its last seal counts.
//
// The head is the file `journal.head` beside the database: {v, events, chains: [[chain, count, hash], …], mac}, where `events` is
// the number of all events, `chains` lists the service's chain and every chain that is not sealed, in code-unit order, and `mac` is
// HMAC-SHA256 of the canonical JSON of the rest under HMAC-SHA256(key, "head"). It is replaced after each commit and before
// anyone is told. So: fewer events than the head and the seals count = cut; more = a crash between commit and head.
//
// What this cannot tell: database and head put back together to an older state. Keep a copy of the head elsewhere for that.
import { HASH_PREFIX, sha256 } from '../base/hash.ts';
import { canonicalJson, type Json } from '../base/json.ts';
import type { EventBody, RunEvent } from '../contracts/run-events.ts';
import type { EventRow } from '../store/events.ts';

/** One event as it is appended, before it has its place. */
export type Unlinked = Omit<EventRow, 'seq' | 'previous' | 'hash'>;

/** The hash that the row must have. Takes the stored text of the body as it is, so that no change of it goes unseen. */
export function linkHash(row: Omit<EventRow, 'hash'>): string {
  const text = (value: string) => JSON.stringify(value);
  return sha256(
    `{"body":${row.body},"chain":${text(row.chain)},"id":${text(row.id)},"parent":${text(row.parent)},` +
      `"previous":${text(row.previous)},"seq":${row.seq},"step":${row.step},"time":${row.time},"v":${row.v}}`,
  );
}

/** What the first event of a chain has as `previous`. */
export function chainStart(chain: string): string {
  return sha256(chain);
}

/** The row that follows `tail` in its chain. */
export function linkRow(event: Unlinked, tail: { readonly count: number; readonly hash: string }): EventRow {
  const linked = { ...event, seq: tail.count + 1, previous: tail.hash };
  return { ...linked, hash: linkHash(linked) };
}

export function bodyText(body: EventBody): string {
  return canonicalJson(body);
}

/** The event of a row whose hash is right. */
export function eventOf(row: EventRow): RunEvent {
  return { ...row, body: JSON.parse(row.body) as EventBody };
}

/** Hashes of the contents that a body names. */
export function namedHashes(body: { readonly [field: string]: unknown }): readonly string[] {
  return Object.entries(body).flatMap(([field, value]) =>
    field.endsWith('Hash') && typeof value === 'string' && value.startsWith(HASH_PREFIX) ? [value] : [],
  );
}

/** The body as an object, for one that need not be ours; undefined if it is none. */
export function parseBody(text: string): { readonly [field: string]: Json } | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { [field: string]: Json })
      : undefined;
  } catch {
    return undefined;
  }
}
