// Owns the tables of stored responses and of their items. Knows no form of either.
import type { Db } from './connection.ts';

export interface ResponseRow {
  readonly id: string;
  readonly owner: string;
  readonly previous: string | null;
  readonly created_at: number;
  readonly response: string;
  readonly input: string;
}

export interface ItemRow {
  readonly id: string;
  readonly item: string;
}

const COLUMNS = 'id, owner, previous, created_at, response, input';
const INSERT = `INSERT INTO responses (${COLUMNS}) VALUES (:id, :owner, :previous, :created_at, :response, :input)`;
const INSERT_ITEM = `INSERT OR REPLACE INTO response_items (owner, id, response, item) VALUES (:owner, :id, :response, :item)`;
const FIND = `SELECT ${COLUMNS} FROM responses WHERE id = :id AND owner = :owner`;

interface SaveOrder {
  readonly row: ResponseRow;
  readonly items: readonly ItemRow[];
  /** What was made before this time is forgotten. */
  readonly oldest: number;
}

function saveResponse(db: Db, { row, items, oldest }: SaveOrder): void {
  db.prepare('DELETE FROM response_items WHERE response IN (SELECT id FROM responses WHERE created_at < ?)').run(
    oldest,
  );
  db.prepare('DELETE FROM responses WHERE created_at < ?').run(oldest);
  db.prepare(INSERT).run(row);
  const insertItem = db.prepare(INSERT_ITEM);
  for (const { id, item } of items) insertItem.run({ owner: row.owner, id, response: row.id, item });
}

/** True if there was one. */
function removeResponse(db: Db, order: { readonly id: string; readonly owner: string }): boolean {
  if (db.prepare('DELETE FROM responses WHERE id = :id AND owner = :owner').run(order).changes === 0) return false;
  db.prepare('DELETE FROM response_items WHERE response = ?').run(order.id);
  return true;
}

function findResponse(db: Db, order: { readonly id: string; readonly owner: string }): ResponseRow | undefined {
  return db.prepare<ResponseRow>(FIND).get(order);
}

interface ChainOrder {
  readonly id: string;
  readonly owner: string;
  /** Characters of all rows together, at most. */
  readonly most: number;
}

/** From the newest to the first. `missing`: the id at which the chain breaks off; `over`: it has more characters than allowed. */
function findResponseChain(
  db: Db,
  { id, owner, most }: ChainOrder,
): { readonly rows: readonly ResponseRow[]; readonly missing?: string; readonly over?: true } {
  const rows: ResponseRow[] = [];
  const find = db.prepare<ResponseRow>(FIND);
  let characters = 0;
  for (let next: string | null = id; next !== null;) {
    const row: ResponseRow | undefined = find.get({ id: next, owner });
    if (row === undefined) return { rows: [], missing: next };
    characters += row.response.length + row.input.length;
    if (characters > most) return { rows: [], over: true };
    rows.push(row);
    next = row.previous;
  }
  return { rows };
}

function findResponseItems(
  db: Db,
  { ids, owner }: { readonly ids: readonly string[]; readonly owner: string },
): readonly ItemRow[] {
  return db
    .prepare<ItemRow>('SELECT id, item FROM response_items WHERE owner = ? AND id IN (SELECT value FROM json_each(?))')
    .all(owner, JSON.stringify(ids));
}

export const responseWrites = { saveResponse, removeResponse };
export const responseReads = { findResponse, findResponseChain, findResponseItems };
