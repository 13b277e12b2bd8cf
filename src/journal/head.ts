// Owns the text of the keyed head: writing it, and telling a true one from a forged one. Knows no file and no table.
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../base/json.ts';
import { parseBody } from './format.ts';

export const HEAD_FILE = 'journal.head';
const VERSION = 1;

/** Count and last hash of one chain. */
export type ChainHead = readonly [chain: string, count: number, hash: string];

export interface Head {
  /** Events of all chains together. */
  readonly events: number;
  /** The service's chain and all that are not sealed. */
  readonly chains: readonly ChainHead[];
}

export type HeadReading =
  | { readonly state: 'read'; readonly head: Head }
  | { readonly state: 'head_missing' | 'head_forged' | 'key_missing'; readonly detail: string };

/** The text of a head under the key. The key is prepared once: a head is written with every append. */
export function headWriter(key: Uint8Array): (head: Head) => string {
  const headKey = headKeyOf(key);
  return ({ events, chains: given }) => {
    const chains = given.toSorted(([left], [right]) => (left < right ? -1 : 1));
    const unsigned = { v: VERSION, events, chains };
    return `${canonicalJson({ ...unsigned, mac: macOf(unsigned, headKey) })}\n`;
  };
}

/** `text` is undefined if there is no head, `key` if there is no key. Never throws. */
export function readHead(text: string | undefined, key: Uint8Array | undefined): HeadReading {
  if (text === undefined) return { state: 'head_missing', detail: `${HEAD_FILE} is missing` };
  if (key === undefined) return { state: 'key_missing', detail: `without the key, ${HEAD_FILE} proves nothing` };
  const { mac, ...unsigned } = parseBody(text) ?? {};
  if (typeof mac !== 'string' || !sameText(mac, macOf(unsigned, headKeyOf(key))))
    return { state: 'head_forged', detail: `${HEAD_FILE} was changed, or was not written with this key` };
  return unsigned['v'] === VERSION
    ? { state: 'read', head: unsigned as { events: number; chains: ChainHead[] } }
    : { state: 'head_forged', detail: `${HEAD_FILE} has an unknown version` };
}

/** A key for one purpose, so that what is signed for one cannot be shown for another. As hexadecimal digits. */
export function deriveKey(key: Uint8Array, purpose: 'head' | 'contents'): string {
  return createHmac('sha256', key).update(purpose).digest('hex');
}

function headKeyOf(key: Uint8Array): KeyObject {
  return createSecretKey(deriveKey(key, 'head'), 'hex');
}

function macOf(unsigned: object, headKey: KeyObject): string {
  return createHmac('sha256', headKey).update(canonicalJson(unsigned)).digest('hex');
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
