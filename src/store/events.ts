// Owns the table of events: rows in, rows out, in order. Knows no format of a chain and no key.
import { CaissonError } from '../base/errors.ts';
import type { Db } from './connection.ts';
import { storeContents, type NewContents } from './contents.ts';

/** One row as it lies in the table; `body` is canonical JSON text. */
export interface EventRow {
  readonly v: number;
  readonly id: string;
  readonly chain: string;
  readonly seq: number;
  readonly step: number;
  readonly time: number;
  readonly parent: string;
  readonly body: string;
  readonly previous: string;
  readonly hash: string;
}

/** Where an event stands, and its hash. */
export type EventPlace = Pick<EventRow, 'chain' | 'seq' | 'hash'>;

const COLUMNS = 'v, id, chain, seq, step, time, parent, body, previous, hash';
const INSERT = `INSERT INTO events (${COLUMNS})
  VALUES (:v, :id, :chain, :seq, :step, :time, :parent, :body, :previous, :hash)`;
const HASH_AT = 'SELECT hash FROM events WHERE chain = ? AND seq = ?';
const FIRST_CHAIN = 'SELECT chain FROM events ORDER BY chain LIMIT 1';
const NEXT_CHAIN = 'SELECT chain FROM events WHERE chain > ? ORDER BY chain LIMIT 1';

/** Stores events with what they name. Throws `conflict` if one does not follow the row before it in its chain. */
function appendEvents(db: Db, { rows, ...contents }: NewContents & { readonly rows: readonly EventRow[] }): void {
  storeContents(db, contents);
  for (const row of rows) {
    if (row.seq > 1 && hashAt(db, row.chain, row.seq - 1) !== row.previous)
      throw new CaissonError('conflict', `event ${row.chain}#${row.seq} does not follow what is stored`);
    db.prepare(INSERT).run(row);
  }
}

/** The last event of each of the chains that has any. */
function chainTails(db: Db, { chains }: { readonly chains: readonly string[] }): readonly EventPlace[] {
  const last = db.prepare<EventPlace>('SELECT chain, seq, hash FROM events WHERE chain = ? ORDER BY seq DESC LIMIT 1');
  return chains.flatMap((chain) => last.get(chain) ?? []);
}

/** The places whose row is missing or has another hash. */
function missingPlaces(db: Db, { places }: { readonly places: readonly EventPlace[] }): readonly EventPlace[] {
  return places.filter((place) => hashAt(db, place.chain, place.seq) !== place.hash);
}

/** Events stored after the first `count` ones of all chains, in the order in which they were stored. */
function placesBeyond(db: Db, { count }: { readonly count: number }): readonly EventPlace[] {
  return db.prepare<EventPlace>('SELECT chain, seq, hash FROM events WHERE rowid > ? ORDER BY rowid').all(count);
}

/** Events of one chain with seq > `after`, oldest first. */
function readEvents(
  db: Db,
  { chain, after, limit }: { readonly chain: string; readonly after: number; readonly limit: number },
): readonly EventRow[] {
  return db
    .prepare<EventRow>(`SELECT ${COLUMNS} FROM events WHERE chain = ? AND seq > ? ORDER BY seq LIMIT ?`)
    .all(chain, after, limit);
}

const LAST_TYPE = `SELECT json_extract(body, '$.type') AS type FROM events
  WHERE chain = ? AND json_extract(body, '$.type') IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT 1`;

/** Which of the types the last event of any of them in the chain has; undefined if there is none. */
function lastTypeOf(
  db: Db,
  { chain, types }: { readonly chain: string; readonly types: readonly string[] },
): string | undefined {
  return db.prepare<{ type: string }>(LAST_TYPE).get(chain, JSON.stringify(types))?.type;
}

export const eventWrites = { appendEvents, chainTails, missingPlaces, placesBeyond };
export const eventReads = { readEvents, lastTypeOf };

/** Names of all chains in order, without reading all events. For a caller that has a connection of its own. */
export function* chainNames(db: Db): Generator<string> {
  let row = db.prepare<{ chain: string }>(FIRST_CHAIN).get();
  while (row !== undefined) {
    yield row.chain;
    row = db.prepare<{ chain: string }>(NEXT_CHAIN).get(row.chain);
  }
}

/** Events of one chain in order, a few at a time in memory. For a caller that has a connection of its own. */
export function chainRows(db: Db, chain: string): Iterable<EventRow> {
  return db.prepare<EventRow>(`SELECT ${COLUMNS} FROM events WHERE chain = ? ORDER BY seq`).iterate(chain);
}

function hashAt(db: Db, chain: string, seq: number): string | undefined {
  return db.prepare<{ hash: string }>(HASH_AT).get(chain, seq)?.hash;
}
