// Owns the way of a placeholder to its value in the header it is bound to, and in no other place. Knows no origin and no answer.
import type { BoundSecret } from '../contracts/egress.ts';
import type { Substitution } from './substitution.ts';

export interface PutIn {
  readonly value: string;
  /** What was put in, encoded with something beside it as in Basic: an origin may echo that as well. */
  readonly encoded?: Substitution;
}

const BASIC = /^(basic +)([A-Za-z0-9+/]+={0,2})$/i;

/** The header's value with the secret in the place of its placeholder; undefined: the placeholder does not stand there. */
export function putIn(value: string, secret: BoundSecret): PutIn | undefined {
  const basic = BASIC.exec(value);
  if (basic !== null) return putInBasic(basic[1] ?? '', basic[2] ?? '', secret);
  const parts = value.split(secret.placeholder);
  const isThere = parts.length > 1 && parts.every((part, at) => isApart(part, at, parts.length));
  return isThere ? { value: parts.join(secret.value) } : undefined;
}

/** The placeholder is a word of its own, not a part of a longer one. */
function isApart(part: string, at: number, count: number): boolean {
  const endsFree = at === count - 1 || !/[A-Za-z0-9]$/.test(part);
  return endsFree && (at === 0 || !/^[A-Za-z0-9]/.test(part));
}

/** As user or as password, whole. */
function putInBasic(scheme: string, encoded: string, { placeholder, value }: BoundSecret): PutIn | undefined {
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  if (colon < 0 || encode(text).replace(/=+$/, '') !== encoded.replace(/=+$/, '')) return undefined;
  const both = [text.slice(0, colon), text.slice(colon + 1)];
  if (!both.includes(placeholder)) return undefined;
  const real = encode(both.map((one) => (one === placeholder ? value : one)).join(':'));
  return { value: `${scheme}${real}`, encoded: { value: real, placeholder: encode(text) } };
}

function encode(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64');
}
