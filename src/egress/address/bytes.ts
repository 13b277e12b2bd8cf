// Owns addresses and ranges as bytes: one strict way to read them, one way to write them. Knows no range that is special.
import { isIPv6 } from 'node:net';

/** 4 or 16 bytes. */
export type Address = Buffer;

export interface Range {
  readonly address: Address;
  readonly bits: number;
}

const V4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;
const V4_BYTES = 4;
const V6_GROUPS = 8;

/** Dotted decimal of four numbers, or IPv6 without brackets and zone; undefined for everything else. */
export function parseAddress(text: string): Address | undefined {
  const v4 = V4.exec(text);
  if (v4 !== null) {
    const numbers = v4.slice(1).map(Number);
    return numbers.every((number) => number < 256) ? Buffer.from(numbers) : undefined;
  }
  return isIPv6(text) && !text.includes('%') ? parseV6(text) : undefined;
}

/** As in RFC 5952. */
export function formatAddress(address: Address): string {
  if (address.length === V4_BYTES) return address.join('.');
  const groups = Array.from({ length: V6_GROUPS }, (_, index) => address.readUInt16BE(index * 2).toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
}

/** `10.2.0.0/16`, `fd00::/8`, or an address alone; undefined if it is none or bits are set behind its length. */
export function parseRange(text: string): Range | undefined {
  const [base = '', length, ...more] = text.split('/');
  const address = parseAddress(base);
  if (address === undefined || more.length > 0) return undefined;
  if (length === undefined) return { address, bits: address.length * 8 };
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (!(bits <= address.length * 8)) return undefined;
  return firstBits(address, bits).equals(address) ? { address, bits } : undefined;
}

/** An address of one family is never in a range of the other. */
export function isIn(address: Address, { address: base, bits }: Range): boolean {
  if (address.length !== base.length) return false;
  const whole = Math.floor(bits / 8);
  if (address.compare(base, 0, whole, 0, whole) !== 0) return false;
  return (((address[whole] ?? 0) ^ (base[whole] ?? 0)) & maskOf(bits)) === 0;
}

/** Of the byte in which the first `bits` end. */
function maskOf(bits: number): number {
  return (0xff << (8 - (bits % 8))) & 0xff;
}

function firstBits(address: Address, bits: number): Address {
  const whole = Math.floor(bits / 8);
  return Buffer.from(address.map((byte, at) => (at < whole ? byte : at === whole ? byte & maskOf(bits) : 0)));
}

/** `text` is a valid one. */
function parseV6(text: string): Address {
  const [head = '', tail] = text.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const bytes = Buffer.alloc(V6_GROUPS * 2);
  front.forEach((group, at) => bytes.writeUInt16BE(group, at * 2));
  back.forEach((group, at) => bytes.writeUInt16BE(group, (V6_GROUPS - back.length + at) * 2));
  return bytes;
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, at) => {
    if (group !== '0') start = at + 1;
    else if (at + 1 - start > best.length) best = { start, length: at + 1 - start };
  });
  return best;
}
