// Owns what a request says in all: the conversation it continues, the items it names by id, and its own. Knows no message and no engine.
import { CaissonError } from '../../base/errors.ts';
import type { JsonObject } from '../../base/json.ts';
import type { ResponseStore, StoredResponse } from '../../contracts/stored-responses.ts';
import { parseInput } from '../parse.ts';
import type { PlacedItem } from './conversation.ts';
import { type Item, itemsSchema } from './items.ts';
import type { RecentItems } from './recent.ts';
import type { ResponsesBody } from './request.ts';

export interface HistoryPorts {
  /** Undefined: the service stores no responses. */
  readonly store: ResponseStore | undefined;
  readonly recent: RecentItems;
  readonly newId: (prefix: string) => string;
}

export interface History {
  readonly items: readonly PlacedItem[];
  /** The request's own items in the form in which they are stored: each with its id, none by reference. */
  readonly input: readonly JsonObject[];
}

/** `raw`: the body as it was sent. Throws `not_found` for a response or an item that is not the owner's or not there. */
export async function historyOf(
  raw: unknown,
  body: ResponsesBody,
  owner: string,
  ports: HistoryPorts,
): Promise<History> {
  const previous = body.previous_response_id ?? undefined;
  const before = previous === undefined ? [] : await continued(previous, owner, ports.store);
  const own = body.input ?? [];
  const named = await namedItems(own, owner, ports);
  const items = own.map((item, index): PlacedItem => {
    const field = `input[${index}]`;
    return { item: item.type === 'item_reference' ? parsedItem(referenced(named, item.id, field)) : item, field };
  });
  const input = rawItems(raw).map((item) => named.get(idOf(item) ?? '') ?? storedForm(item, ports));
  return { items: [...before.flatMap(placed), ...items], input };
}

/** The stored responses from the first one of the conversation on. Throws as above, and `too_large`. */
export async function continued(
  id: string,
  owner: string,
  store: ResponseStore | undefined,
): Promise<readonly [StoredResponse, ...StoredResponse[]]> {
  const place = { field: 'previous_response_id' };
  if (store === undefined)
    throw new CaissonError('not_found', `there is no response ${id}: this service stores none`, {
      place,
      hint: 'Send the whole conversation as input.',
    });
  const chain = await store.chain(id, owner);
  if ('found' in chain) return chain.found;
  if ('tooLarge' in chain)
    throw new CaissonError('too_large', `the conversation before ${id} has more than ${chain.tooLarge} characters`, {
      place,
    });
  const missing = chain.missing === id ? '' : `, which ${id} continues`;
  throw new CaissonError('not_found', `there is no response ${chain.missing}${missing}`, { place });
}

/** Of one response, what was asked and what was answered. */
export function placed({ input, output }: Pick<StoredResponse, 'input' | 'output'>): readonly PlacedItem[] {
  return parseInput(itemsSchema, [...input, ...output]).map((item) => ({ item, field: 'previous_response_id' }));
}

async function namedItems(
  items: readonly Item[],
  owner: string,
  { store, recent }: HistoryPorts,
): Promise<ReadonlyMap<string, JsonObject>> {
  const ids = items.flatMap((item) => (item.type === 'item_reference' ? [item.id] : []));
  if (ids.length === 0) return new Map();
  if (store !== undefined) return store.items(ids, owner);
  return new Map(
    ids.flatMap((id) => {
      const item = recent.find(owner, id);
      return item === undefined ? [] : [[id, item] as const];
    }),
  );
}

function referenced(named: ReadonlyMap<string, JsonObject>, id: string, field: string): JsonObject {
  const item = named.get(id);
  if (item !== undefined) return item;
  throw new CaissonError('not_found', `${field}.id: there is no item ${id}`, {
    place: { field: `${field}.id` },
    hint: 'Send the item itself, with store: false where the client has such a switch.',
  });
}

function parsedItem(item: JsonObject): Item {
  const [parsed] = parseInput(itemsSchema, [item]);
  return parsed ?? { type: 'ignored' };
}

function rawItems(raw: unknown): readonly JsonObject[] {
  const input = (raw as JsonObject)['input'] ?? [];
  if (typeof input !== 'string') return input as readonly JsonObject[];
  return [{ type: 'message', role: 'user', content: input }];
}

function idOf({ id }: JsonObject): string | undefined {
  return typeof id === 'string' && id !== '' ? id : undefined;
}

const PREFIXES: Readonly<Record<string, string>> = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  custom_tool_call: 'ctc',
};

function storedForm(item: JsonObject, { newId }: HistoryPorts): JsonObject {
  const type = typeof item['type'] === 'string' ? item['type'] : 'message';
  const id = idOf(item) ?? newId(PREFIXES[type] ?? 'item');
  const text = item['content'];
  if (type !== 'message' || typeof text !== 'string') return { ...item, type, id };
  const kind = item['role'] === 'assistant' ? 'output_text' : 'input_text';
  return { ...item, type, id, content: [{ type: kind, text }] };
}
