// Owns how an engine is told that teams share no cache, and whose requests can wait. Knows no key and no connection.
import { createHash } from 'node:crypto';
import type { ChatRequest } from '../../contracts/messages.ts';

/** vLLM takes at most 128 characters, and serves lower numbers first; others have 0. */
const SALT_CHARACTERS = 32;
const BEHIND_OTHERS = 1;

/** `tells`: the engine is told. A run has no team: its prompts are its own. */
export function forEngine({ team, background, ...request }: ChatRequest, tells: boolean): ChatRequest {
  if (!tells) return request;
  return { ...request, team: team ?? request.affinity ?? '', ...(background === undefined ? {} : { background }) };
}

export interface TeamFields {
  readonly cache_salt?: string;
  readonly priority?: number;
}

/** A salt of the client's own counts within its team. */
export function teamFields({ team, background, extra }: ChatRequest, without: ReadonlySet<string>): TeamFields {
  if (team === undefined) return {};
  const own = extra?.['cache_salt'];
  const text = JSON.stringify([team, typeof own === 'string' ? own : '']);
  return {
    cache_salt: createHash('sha256').update(text).digest('hex').slice(0, SALT_CHARACTERS),
    ...(background === true && !without.has('priority') ? { priority: BEHIND_OTHERS } : {}),
  };
}
