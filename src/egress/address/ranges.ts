// Owns what kind of address one is: public, one that a rule must name, or one that nothing in a sandbox ever reaches. Knows no name.
import { type Address, isIn, parseRange, type Range } from './bytes.ts';

export interface Kind {
  readonly reach: 'public' | 'named' | 'never';
  /** As it stands in a sentence: "… is a private address". */
  readonly what: string;
}

interface Special {
  readonly range: Range;
  readonly what: string;
}

const PUBLIC: Kind = { reach: 'public', what: 'a public address' };
/** Cloud services that hand out credentials, and what cannot be an origin. */
const NEVER = special([
  ['0.0.0.0/8', 'an unspecified address'],
  ['169.254.0.0/16', 'a link-local address, where clouds keep their metadata'],
  ['100.100.100.200', 'a metadata address'],
  ['168.63.129.16', 'a metadata address'],
  ['192.0.0.192', 'a metadata address'],
  ['224.0.0.0/4', 'a multicast address'],
  ['240.0.0.0/4', 'a reserved or broadcast address'],
  ['::/128', 'an unspecified address'],
  ['fe80::/10', 'a link-local address'],
  ['ff00::/8', 'a multicast address'],
  ['fd00:ec2::254', 'a metadata address'],
  ['fd20:ce::254', 'a metadata address'],
]);
const NAMED = special([
  ['127.0.0.0/8', 'a loopback address'],
  ['10.0.0.0/8', 'a private address'],
  ['172.16.0.0/12', 'a private address'],
  ['192.168.0.0/16', 'a private address'],
  ['100.64.0.0/10', 'an address of a carrier’s network'],
  ['192.0.0.0/24', 'an address of a special purpose'],
  ['192.88.99.0/24', 'an address of a special purpose'],
  ['198.18.0.0/15', 'an address of a test network'],
  ['192.0.2.0/24', 'an address of examples'],
  ['198.51.100.0/24', 'an address of examples'],
  ['203.0.113.0/24', 'an address of examples'],
  ['::1/128', 'a loopback address'],
  ['fc00::/7', 'a private address'],
  ['2001::/23', 'an address of a special purpose (as of Teredo)'],
  ['2001:db8::/32', 'an address of examples'],
  ['2002::/16', 'an IPv6 address that holds an IPv4 one (6to4)'],
  ['3fff::/20', 'an address of examples'],
]);
const GLOBAL_V6 = rangeOf('2000::/3');
/** What would be 0.0.x.y: `::` and `::1` are meant as themselves. */
const NO_HOLDER = rangeOf('::/112');
/** Ranges of IPv6 that hold an IPv4 address, and where in them. */
const HOLDERS: readonly { readonly range: Range; readonly at: readonly number[]; readonly inverted?: boolean }[] = [
  { range: rangeOf('::ffff:0:0/96'), at: [12, 13, 14, 15] },
  { range: rangeOf('::/96'), at: [12, 13, 14, 15] },
  { range: rangeOf('::ffff:0:0:0/96'), at: [12, 13, 14, 15] },
  { range: rangeOf('64:ff9b::/96'), at: [12, 13, 14, 15] },
  { range: rangeOf('64:ff9b:1::/48'), at: [12, 13, 14, 15] },
  { range: rangeOf('64:ff9b:1::/48'), at: [6, 7, 9, 10] },
  { range: rangeOf('2002::/16'), at: [2, 3, 4, 5] },
  { range: rangeOf('2001::/32'), at: [4, 5, 6, 7] },
  { range: rangeOf('2001::/32'), at: [12, 13, 14, 15], inverted: true },
];
/** Of an interface identifier that holds an IPv4 address (ISATAP), in any prefix. */
const ISATAP = Buffer.from([0x5e, 0xfe]);
const METADATA_NAMES = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'metadata.platformequinix.com',
  'metadata.packet.net',
  'instance-data',
  'instance-data.ec2.internal',
]);

/** The strictest of the address and of every IPv4 address that it holds. */
export function kindOf(address: Address): Kind {
  for (const one of [address, ...heldIn(address)]) {
    const never = NEVER.find(({ range }) => isIn(one, range));
    if (never !== undefined) return { reach: 'never', what: never.what };
  }
  const named = NAMED.find(({ range }) => isIn(address, range));
  if (named !== undefined) return { reach: 'named', what: named.what };
  if (address.length === 4) return PUBLIC;
  if (!isIn(address, GLOBAL_V6)) return { reach: 'named', what: holdsV4(address) ?? 'no public address' };
  return heldIn(address).every((held) => kindOf(held).reach === 'public')
    ? PUBLIC
    : { reach: 'named', what: 'an IPv6 address that holds one which is not public' };
}

/** IPv4 addresses that may be meant by one of IPv6. */
export function heldIn(address: Address): readonly Address[] {
  if (address.length === 4 || isIn(address, NO_HOLDER)) return [];
  const held = HOLDERS.filter(({ range }) => isIn(address, range)).map(({ at, inverted }) =>
    Buffer.from(at.map((index) => (address[index] ?? 0) ^ (inverted === true ? 0xff : 0))),
  );
  const isatap = address.subarray(10, 12).equals(ISATAP) && ((address[8] ?? 0) & 0xfd) === 0 && address[9] === 0;
  return isatap ? [...held, address.subarray(12)] : held;
}

export function isMetadataName(name: string): boolean {
  return METADATA_NAMES.has(name);
}

function holdsV4(address: Address): string | undefined {
  return heldIn(address).length > 0 ? 'an IPv6 address that holds an IPv4 one' : undefined;
}

function special(list: readonly (readonly [string, string])[]): readonly Special[] {
  return list.map(([text, what]) => ({ range: rangeOf(text), what }));
}

function rangeOf(text: string): Range {
  const range = parseRange(text);
  if (range === undefined) throw new Error(`${text} is no range`);
  return range;
}
