// Owns JSON at the rim: parsing with a ceiling, and the canonical form that hashes are taken of. Knows no schema.
import { CaissonError } from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Parses at most `maxBytes` of JSON text. Throws `too_large` or `invalid_json`, naming `what` was parsed. */
export function parseJson(text: string, what: string, maxBytes: number): Json {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes)
    throw new CaissonError('too_large', `${what} has ${bytes} bytes; at most ${maxBytes} are accepted`);
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new CaissonError('invalid_json', `${what} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

/** The same value always gives the same text: object keys in code-unit order, no spaces, `undefined` members left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new CaissonError('internal', 'a number that JSON cannot hold');
  return JSON.stringify(value ?? null);
}
