// Owns the forms that hosts, paths and ranges of addresses may have in a policy, each with what is wrong with another one. Knows no rule.
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { plainHost } from './match.ts';

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const NUMERIC = /^(?:\d+|0x[0-9a-f]*)$/;
const MOST_HOST = 253;
const BAD_HOST = 'expected a host name, or *.suffix for every name below it; no other wildcard, no scheme, no path';
/** No policy opens them: the floor of every sandbox. */
const NEVER = ['169.254.0.0/16', '224.0.0.0/3', '0.0.0.0/8', '100.100.100.200/32', 'fe80::/10', 'ff00::/8'];
const LEAST_BITS = { ipv4: 8, ipv6: 7 } as const;

/** Undefined: it is a host as rules and grants have it, in any case. */
export function hostProblem(text: string): string | undefined {
  if (/^https?:/i.test(text) || /[/@?#\s]/.test(text)) return BAD_HOST;
  const host = plainHost(text);
  if (host.includes(':')) return addressProblem(host);
  const name = host.startsWith('*.') ? host.slice(2) : host;
  const labels = name.split('.');
  if (NUMERIC.test(labels.at(-1) ?? '')) return name === host ? addressProblem(host) : BAD_HOST;
  return name.length <= MOST_HOST && labels.every((label) => LABEL.test(label)) ? undefined : BAD_HOST;
}

function addressProblem(host: string): string | undefined {
  if (isIPv4(host) || isIPv6(host)) return undefined;
  if (/^[^:]*:\d+$/.test(host)) return 'expected a host alone: its port belongs into port';
  return 'expected an address in its usual notation, such as 10.2.0.7 or fd00::7';
}

/** As the proxy has it: lower case, no final dot, an IPv6 address in its shortest form. */
export function canonicalHost(text: string): string {
  const host = plainHost(text);
  return isIPv6(host) ? (URL.parse(`http://[${host}]`)?.hostname.slice(1, -1) ?? host) : host;
}

/** `*.com`: everything below a name that belongs to nobody. */
export function isWholeSuffix(host: string): boolean {
  return /^\*\.[^.]+$/.test(plainHost(host));
}

/** Patterns stand for canonical paths: what those never hold would never match. */
export function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'expected a path that begins with /';
  if (/[?#\\\s;]/.test(path))
    return 'expected a path that ends before ? and #, without blanks, backslashes and semicolons';
  if (/\/\/|\/\.{1,2}(?:\/|$)/.test(path)) return 'expected a path without //, /./ and /../';
  return /%2[ef]/i.test(path) ? 'expected . and / as themselves: paths are compared without such escapes' : undefined;
}

/** Undefined: a range such as 10.2.0.0/16 that a rule may name. */
export function rangeProblem(text: string): string | undefined {
  const [base = '', bitsText = ''] = text.split('/');
  const kind = kindOf(base);
  const bits = Number(bitsText);
  if (kind === undefined || !/^\d{1,3}$/.test(bitsText) || bits > (kind === 'ipv4' ? 32 : 128))
    return 'expected a range of addresses, such as 10.2.0.0/16 or fd00::/8';
  if (bits < LEAST_BITS[kind]) return `expected a narrower range: at least /${LEAST_BITS[kind]}`;
  if (NEVER.some((range) => isIn(base, range))) return 'no policy opens link-local, metadata or multicast addresses';
  return startsAt(base, bits, kind) ? undefined : `expected the first address of the range before /${bits}`;
}

function isIn(base: string, range: string): boolean {
  const [network = '', bits] = range.split('/');
  const kind = kindOf(base);
  if (kind === undefined || kind !== kindOf(network)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), kind);
  return list.check(base, kind);
}

function kindOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
}

/** No bit is set behind the first `bits`. */
function startsAt(base: string, bits: number, kind: 'ipv4' | 'ipv6'): boolean {
  const bytes = kind === 'ipv4' ? base.split('.').map(Number) : bytesOfV6(base);
  return bytes.every((byte, index) => (byte & (0xff >> Math.min(8, Math.max(0, bits - index * 8)))) === 0);
}

function bytesOfV6(text: string): readonly number[] {
  const host = canonicalHost(text);
  const [head = '', tail] = host.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
