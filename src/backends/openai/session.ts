// Owns the header by which routers behind an endpoint know a conversation. Knows no router.
import { keyOf } from '../routing/affinity.ts';

/** What vLLM's router hashes and llm-d can be told to. */
const SESSION_HEADER = 'x-session-id';
const PLAIN = /^[\x21-\x7e]{1,256}$/;

/** A name that is no plain word goes as a number of its own. */
export function sessionHeaders(
  affinity: string | undefined,
  header = SESSION_HEADER,
): Readonly<Record<string, string>> {
  if (affinity === undefined || affinity === '') return {};
  return { [header]: PLAIN.test(affinity) ? affinity : `session-${keyOf(affinity).toString(16)}` };
}
