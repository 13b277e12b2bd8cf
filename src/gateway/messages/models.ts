// Owns the list of models as clients of Anthropic's dialect read it, page by page. Knows no HTTP and no engine.
import { z } from 'zod';
import type { ModelInfo } from '../../contracts/ports.ts';

const MOST_ON_A_PAGE = 1000;
const ON_A_PAGE = 20;

export const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(MOST_ON_A_PAGE).default(ON_A_PAGE),
  before_id: z.string().optional(),
  after_id: z.string().optional(),
});
export type PageWish = z.infer<typeof pageSchema>;

/** `created`: milliseconds since 1970. A model that several backends serve is listed once. */
export function pageOfModels(models: readonly ModelInfo[], created: number, wish: PageWish): object {
  const all = [...new Map(models.map((model) => [model.id, model])).values()];
  const { page, hasMore } = wish.before_id === undefined ? after(all, wish) : before(all, wish.before_id, wish.limit);
  return {
    data: page.map((model) => modelEntry(model, created)),
    has_more: hasMore,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

export function modelEntry({ id, contextTokens }: ModelInfo, created: number): object {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(created).toISOString(),
    max_input_tokens: contextTokens ?? null,
    max_tokens: null,
    capabilities: null,
  };
}

interface Page {
  readonly page: readonly ModelInfo[];
  readonly hasMore: boolean;
}

/** From the start where the id is not there. */
function after(all: readonly ModelInfo[], { after_id: id, limit }: PageWish): Page {
  const start = id === undefined ? 0 : all.findIndex((model) => model.id === id) + 1;
  return { page: all.slice(start, start + limit), hasMore: start + limit < all.length };
}

function before(all: readonly ModelInfo[], id: string, limit: number): Page {
  const end = Math.max(
    0,
    all.findIndex((model) => model.id === id),
  );
  const start = Math.max(0, end - limit);
  return { page: all.slice(start, end), hasMore: start > 0 };
}
