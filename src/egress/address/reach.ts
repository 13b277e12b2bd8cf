// Owns which addresses a request may go to: the floor, the site's ranges, what a rule names. Knows no method, no path and no connection.
import { CaissonError } from '../../base/errors.ts';
import type { EgressProfile } from '../../contracts/egress.ts';
import type { Fault } from '../http/wire.ts';
import { type Address, formatAddress, isIn, parseAddress, parseRange, type Range } from './bytes.ts';
import { type Host, parseHost } from './host.ts';
import { heldIn, isMetadataName, kindOf } from './ranges.ts';
import type { NameResolver } from './resolver.ts';

/** What no grant can change. */
export interface Barrier {
  /** As `floor:metadata`. */
  readonly barrier: string;
  /** Can stand behind "because". */
  readonly why: string;
}

export interface Reach {
  /** Before anything is judged or resolved: what can be seen of a host and port alone. */
  barrierOf(host: Host, port: number): Barrier | undefined;
  /** Addresses that were checked, in the order to try them in; never empty. `ranges`: what the deciding rule names. */
  addressesOf(host: Host, port: number, ranges: readonly string[]): Promise<readonly Address[] | Barrier | Fault>;
  /** The same where somebody else resolves the name: only what is known of it here. */
  mayAskElsewhere(host: Host, port: number, ranges: readonly string[]): Barrier | undefined;
}

export interface ReachPorts {
  readonly resolver: NameResolver;
  /** Addresses of this machine. */
  readonly ownAddresses: () => readonly string[];
}

interface Floor {
  readonly host: Host;
  readonly port?: number;
}

const LOOPBACK = ['127.0.0.0/8', '::1'];

/** Throws `config_invalid` for ranges and hosts that are none. */
export function createReach(
  profile: EgressProfile,
  names: ReadonlyMap<string, readonly Address[]>,
  ports: ReachPorts,
): Reach {
  const floor = profile.floor.map((entry, at): Floor => {
    const host = parseHost(entry.host.includes(':') && !entry.host.startsWith('[') ? `[${entry.host}]` : entry.host);
    if ('fault' in host) throw invalid(`egress.floor[${at}].host`, `${entry.host} is neither a name nor an address`);
    return entry.port === undefined ? { host } : { host, port: entry.port };
  });
  const site = profile.airGapped ? readRanges(profile.siteRanges, 'egress.site_ranges') : undefined;
  for (const rule of profile.rules) readRanges(rule.addresses ?? [], `rule ${rule.id}: addresses`);
  const check = async (host: Host, port: number, ranges: readonly string[]) => {
    const found = host.address === undefined ? await ports.resolver.addressesOf(host.text) : [host.address];
    if ('fault' in found) return found;
    const closed = await floorRanges(floor, port, ports);
    const barriers = found.map((address) => barrierOfAddress(address, ranges, site, closed));
    const open = found.filter((_, at) => barriers[at] === undefined);
    return open.length > 0 ? open : (barriers.find((barrier) => barrier !== undefined) ?? NOTHING);
  };
  return {
    barrierOf: (host, port) => {
      if (host.address === undefined && isMetadataName(host.text))
        return { barrier: 'floor:metadata', why: `${host.text} is a name of a cloud’s metadata` };
      if (floor.some((entry) => entry.host.text === host.text && coversPort(entry, port))) return own(host.text);
      const kind = host.address === undefined ? undefined : kindOf(host.address);
      return kind?.reach === 'never' ? { barrier: 'floor:address', why: `${host.text} is ${kind.what}` } : undefined;
    },
    addressesOf: check,
    mayAskElsewhere: (host, _port, ranges) => {
      if (site !== undefined)
        return { barrier: 'floor:air-gapped', why: 'only the site’s own ranges are reached here' };
      const known = host.address === undefined ? (names.get(host.text) ?? []) : [host.address];
      const barriers = known.map((address) => barrierOfAddress(address, ranges, site, []));
      return barriers.every((barrier) => barrier !== undefined) ? barriers[0] : undefined;
    },
  };
}

const NOTHING: Fault = { fault: 'no address of it is known' };

/** Names of the profile, in their canonical form. Throws `config_invalid`. */
export function readNames(names: EgressProfile['names']): ReadonlyMap<string, readonly Address[]> {
  return new Map(
    Object.entries(names).map(([name, texts]) => {
      const host = parseHost(name);
      if ('fault' in host || host.address !== undefined)
        throw invalid(`egress.names.${name}`, `${name} is no host name`);
      const addresses = texts.map((text) => {
        const address = parseAddress(text);
        if (address === undefined) throw invalid(`egress.names.${name}`, `${text} is no address`);
        return address;
      });
      return [host.text, addresses];
    }),
  );
}

function readRanges(texts: readonly string[], field: string): readonly Range[] {
  return texts.map((text) => {
    const range = parseRange(text);
    if (range === undefined) throw invalid(field, `${text} is no range such as 10.2.0.0/16 or fd00::/8`);
    return range;
  });
}

function invalid(field: string, message: string): CaissonError {
  return new CaissonError('config_invalid', message, { place: { field } });
}

function barrierOfAddress(
  address: Address,
  ranges: readonly string[],
  site: readonly Range[] | undefined,
  closed: readonly Range[],
): Barrier | undefined {
  const text = formatAddress(address);
  const kind = kindOf(address);
  if (kind.reach === 'never') return { barrier: 'floor:address', why: `${text} is ${kind.what}` };
  if (closed.some((range) => [address, ...heldIn(address)].some((meant) => isIn(meant, range)))) return own(text);
  if (site !== undefined && !site.some((range) => isIn(address, range)))
    return { barrier: 'floor:air-gapped', why: `${text} is in none of the site’s own ranges` };
  if (kind.reach === 'public' || ranges.some((range) => isInText(address, range))) return undefined;
  return {
    barrier: 'floor:private-address',
    why: `${text} is ${kind.what}, and no rule that allows this names its range`,
  };
}

function isInText(address: Address, text: string): boolean {
  const range = parseRange(text);
  return range !== undefined && isIn(address, range);
}

function own(text: string): Barrier {
  return { barrier: 'floor:own-service', why: `${text} belongs to this service or its engines` };
}

function coversPort({ port }: Floor, wanted: number): boolean {
  return port === undefined || port === wanted;
}

/** What is closed at this port. Names are followed to their addresses, and a listener on every address to all of this machine. */
async function floorRanges(floor: readonly Floor[], port: number, ports: ReachPorts): Promise<readonly Range[]> {
  const found = await Promise.all(
    floor
      .filter((entry) => coversPort(entry, port))
      .map(async ({ host }) => {
        if (host.address === undefined) {
          const addresses = await ports.resolver.addressesOf(host.text);
          return 'fault' in addresses ? [] : addresses.map(alone);
        }
        if (host.address.some((byte) => byte !== 0)) return [alone(host.address)];
        const texts = [...LOOPBACK, ...ports.ownAddresses()];
        return texts.flatMap((text) => parseRange(text) ?? []);
      }),
  );
  return found.flat();
}

function alone(address: Address): Range {
  return { address, bits: address.length * 8 };
}
