// Owns the port of stored responses, and the form in which they are stored. Knows no SQL.
import type { Clock } from '../base/clock.ts';
import { CaissonError } from '../base/errors.ts';
import { type Json, type JsonObject, parseJson } from '../base/json.ts';
import type { ResponseStore, StoredResponse } from '../contracts/stored-responses.ts';
import type { Store } from './open.ts';
import type { ItemRow, ResponseRow } from './responses.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const KEPT_DAYS = 30;
/** Of a whole conversation: what a request could say itself, many times over. */
const CHAIN_CHARACTERS = 32 * 1024 * 1024;
const COLUMN_BYTES = 256 * 1024 * 1024;

/** Responses are kept for thirty days, or for `days`. */
export function createResponseStore({
  store,
  clock,
  days = KEPT_DAYS,
}: {
  readonly store: Pick<Store, 'read' | 'write'>;
  readonly clock: Clock;
  readonly days?: number;
}): ResponseStore {
  return {
    save: async (stored) => {
      const items = [...stored.input, ...stored.output].flatMap(itemRow);
      await store.write('saveResponse', { row: rowOf(stored), items, oldest: clock.now() - days * DAY_MS });
    },
    get: async (id, owner) => {
      const row = await store.read('findResponse', { id, owner });
      return row === undefined ? undefined : storedOf(row);
    },
    chain: async (id, owner) => {
      const { rows, missing, over } = await store.read('findResponseChain', { id, owner, most: CHAIN_CHARACTERS });
      if (over === true) return { tooLarge: CHAIN_CHARACTERS };
      const [first, ...rest] = rows.map(storedOf).toReversed();
      return first === undefined ? { missing: missing ?? id } : { found: [first, ...rest] };
    },
    items: async (ids, owner) => {
      const rows = await store.read('findResponseItems', { ids, owner });
      return new Map(rows.map((row) => [row.id, objectOf(row.item, `the item ${row.id}`)]));
    },
    remove: (id, owner) => store.write('removeResponse', { id, owner }),
  };
}

/** None for an item without an id: nobody can name it. */
function itemRow(item: JsonObject): readonly ItemRow[] {
  const id = item['id'];
  return typeof id === 'string' ? [{ id, item: JSON.stringify(item) }] : [];
}

function rowOf({ id, owner, previous, createdAt, response, input }: StoredResponse): ResponseRow {
  return {
    id,
    owner,
    previous: previous ?? null,
    created_at: createdAt,
    response: JSON.stringify(response),
    input: JSON.stringify(input),
  };
}

function storedOf({ id, owner, previous, created_at: createdAt, response: text, input }: ResponseRow): StoredResponse {
  const response = objectOf(text, `the response ${id}`);
  return {
    id,
    owner,
    ...(previous === null ? {} : { previous }),
    createdAt,
    response,
    input: objectsOf(parseJson(input, `the input of the response ${id}`, COLUMN_BYTES), id),
    output: objectsOf(response['output'], id),
  };
}

function objectOf(text: string, what: string): JsonObject {
  const value = parseJson(text, what, COLUMN_BYTES);
  if (!isObject(value)) throw notOurs(what);
  return value;
}

function objectsOf(value: Json | undefined, id: string): readonly JsonObject[] {
  if (!Array.isArray(value)) throw notOurs(`the response ${id}`);
  const list: readonly Json[] = value;
  return list.map((item) => {
    if (!isObject(item)) throw notOurs(`the response ${id}`);
    return item;
  });
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notOurs(what: string): CaissonError {
  return new CaissonError('data_dir_unusable', `${what} in the database is not what Caisson writes`, {
    hint: 'The database was changed by another program: restore a copy of it.',
  });
}
