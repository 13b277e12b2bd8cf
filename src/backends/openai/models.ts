// Owns the list of models that an endpoint serves. Knows no chat.
import type { IncomingMessage } from 'node:http';
import { late } from '../../base/schema.ts';
import type { ModelInfo } from '../../contracts/ports.ts';
import { readHead } from './connection.ts';

const LIST_BYTES = 1024 * 1024;

const listSchema = late((z) =>
  z.looseObject({
    data: z.array(z.looseObject({ id: z.string(), max_model_len: z.int().positive().nullish().catch(null) })),
  }),
);

export type ModelList =
  | { readonly ok: true; readonly models: readonly ModelInfo[] }
  /** Not a list of models; `head` is how the answer begins. */
  | { readonly ok: false; readonly contentType: string; readonly head: string };

/** Rejects as the connection does. `backend`: whose models they are. */
export async function readModels(answer: IncomingMessage, backend: string): Promise<ModelList> {
  const text = await readHead(answer, LIST_BYTES);
  const parsed = listSchema().safeParse(jsonOf(text));
  if (!parsed.success) return { ok: false, contentType: answer.headers['content-type'] ?? '', head: text };
  return { ok: true, models: parsed.data.data.map(({ id, max_model_len }) => infoOf(id, backend, max_model_len)) };
}

function infoOf(id: string, backend: string, contextTokens: number | null | undefined): ModelInfo {
  return typeof contextTokens === 'number' ? { id, backend, contextTokens } : { id, backend };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
