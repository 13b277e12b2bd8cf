// Owns connections to origins: to a checked address or through the site’s proxy, kept while nothing stirs. Judges nothing.
import { connect, type Socket } from 'node:net';
import { CaissonError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { EgressFields, EgressProfile } from '../../contracts/egress.ts';
import { headText } from '../http/fields.ts';
import { parseAnswerHead, readHead } from '../http/head.ts';
import { createWire, type Fault, isFault, type Wire } from '../http/wire.ts';
import type { EgressTls } from '../tls-port.ts';
import { type Address, formatAddress, isIn, parseRange } from './bytes.ts';
import { type Authority, authorityText, type Host, parseAuthority, parseHost } from './host.ts';
import type { NameResolver } from './resolver.ts';

export interface Target extends Authority {
  /** `pass`: bytes as they are. */
  readonly over: 'http' | 'https' | 'pass';
}

export interface Origin {
  readonly wire: Wire;
  /** It carried a request before. */
  readonly isUsed: boolean;
  /** The request line is to have the absolute form, and these fields are to go with it. */
  readonly absolute?: EgressFields;
  readonly key: string;
}

export interface Dialer {
  /** True if the site's proxy finds the addresses of this host. */
  goesElsewhere(host: Host): boolean;
  /** `addresses`: checked ones; none where the site's proxy finds them. `fresh`: none that was used before. */
  dial(target: Target, addresses: readonly Address[], fresh?: boolean): Promise<Origin | Fault>;
  /** For the next request; only after an answer that came to its end. */
  keep(origin: Origin): void;
  close(): void;
}

export interface DialPorts {
  readonly tls: EgressTls;
  readonly resolver: NameResolver;
}

interface Upstream {
  readonly at: Authority;
  readonly authorization: EgressFields;
  readonly isDirect: (host: Host) => boolean;
}

interface Kept {
  readonly origin: Origin;
  readonly timer: NodeJS.Timeout;
}

interface State {
  readonly open: Set<Socket>;
  readonly idle: Map<string, Kept[]>;
  readonly upstream: Upstream | undefined;
}

const HTTP_PORT = 80;
const MOST_IDLE = 16;
const IDLE_MS = 15_000;

/** Throws `config_invalid` for an upstream that is none. */
export function createDialer(profile: EgressProfile, ports: DialPorts): Dialer {
  // Where nothing but the site's ranges is reached, a proxy that leads further has no place.
  const upstream = profile.upstream === undefined || profile.airGapped ? undefined : readUpstream(profile.upstream);
  const state: State = { open: new Set(), idle: new Map(), upstream };
  return {
    goesElsewhere: (host) => viaUpstream(state, host) !== undefined,
    dial: async (target, addresses, fresh = false) => {
      const via = viaUpstream(state, target.host);
      const keys = (via === undefined ? addresses.map(formatAddress) : ['upstream']).map((at) => keyOf(target, at));
      const kept = fresh || target.over === 'pass' ? undefined : takeKept(state, keys);
      if (kept !== undefined) return kept;
      return via === undefined
        ? dialDirect(state, target, addresses, ports)
        : dialUpstream(state, target, via, ports, keys[0] ?? '');
    },
    keep: (origin) => keepOrigin(state, origin),
    close: () => {
      for (const socket of state.open) socket.destroy();
    },
  };
}

function readUpstream({ url, direct }: { readonly url: string; readonly direct: readonly string[] }): Upstream {
  const field = 'egress.upstream.url';
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:')
    throw new CaissonError('config_invalid', `${url} is no URL such as http://proxy.example:3128`, {
      place: { field },
    });
  const at = parseAuthority(parsed.host, HTTP_PORT);
  if (isFault(at)) throw new CaissonError('config_invalid', `${parsed.host}: ${at.fault}`, { place: { field } });
  const user = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
  const basic = `Basic ${Buffer.from(user).toString('base64')}`;
  return {
    at,
    authorization: user === ':' ? [] : [['proxy-authorization', basic]],
    isDirect: (host) => direct.some((entry) => isNamed(host, entry)),
  };
}

/** `entry`: a name, `*.name` for all below it, an address or a range. */
function isNamed(host: Host, entry: string): boolean {
  const range = parseRange(entry.replaceAll(/^\[|\]$/g, ''));
  if (range !== undefined) return host.address !== undefined && isIn(host.address, range);
  if (entry.startsWith('*.')) return host.text.endsWith(entry.slice(1).toLowerCase());
  const name = parseHost(entry);
  return !isFault(name) && name.text === host.text;
}

function viaUpstream({ upstream }: State, host: Host): Upstream | undefined {
  return upstream === undefined || upstream.isDirect(host) ? undefined : upstream;
}

function keyOf({ over, host, port }: Target, at: string): string {
  return `${over} ${host.text} ${port} ${at}`;
}

async function dialDirect(
  state: State,
  target: Target,
  addresses: readonly Address[],
  ports: DialPorts,
): Promise<Origin | Fault> {
  const socket = await connectToOne(state, addresses, target.port);
  if (isFault(socket)) return socket;
  const key = keyOf(target, formatAddress(socket.address));
  return target.over === 'https'
    ? secured(socket.socket, target, ports, key)
    : { wire: createWire(socket.socket), isUsed: false, key };
}

async function dialUpstream(
  state: State,
  target: Target,
  { at, authorization }: Upstream,
  ports: DialPorts,
  key: string,
): Promise<Origin | Fault> {
  const found = at.host.address === undefined ? await ports.resolver.addressesOf(at.host.text) : [at.host.address];
  const connected = isFault(found) ? found : await connectToOne(state, found, at.port);
  if (isFault(connected)) return { fault: `the site’s own proxy was not reached: ${connected.fault}` };
  const wire = createWire(connected.socket);
  if (target.over === 'http') return { wire, isUsed: false, key, absolute: authorization };
  const authority = authorityText(target, 0);
  await wire.write(headText(`CONNECT ${authority} HTTP/1.1`, [['host', authority], ...authorization]));
  const text = await readHead(wire, LIMITS.egressConnectMs);
  const head = typeof text === 'string' ? parseAnswerHead(text) : (text ?? { fault: 'it ended' });
  if (isFault(head) || head.status !== 200) {
    wire.destroy();
    return { fault: `the site’s own proxy refused it: ${isFault(head) ? head.fault : `status ${head.status}`}` };
  }
  if (target.over === 'pass') return { wire, isUsed: false, key };
  const { stream, ahead } = wire.release();
  if (ahead.length > 0) stream.unshift(ahead);
  return secured(stream as Socket, target, ports, key);
}

async function secured(
  socket: Socket,
  { host, port }: Target,
  { tls }: DialPorts,
  key: string,
): Promise<Origin | Fault> {
  try {
    const stream = await tls.secure(socket, { host: host.text, port });
    return { wire: createWire(stream), isUsed: false, key };
  } catch (error) {
    socket.destroy();
    return { fault: error instanceof Error ? error.message : 'TLS failed' };
  }
}

type Connected = { readonly socket: Socket; readonly address: Address };

async function connectToOne(state: State, addresses: readonly Address[], port: number): Promise<Connected | Fault> {
  let last: Fault = { fault: 'no address of it is known' };
  const until = performance.now() + LIMITS.egressConnectMs;
  for (const [at, address] of addresses.entries()) {
    const left = until - performance.now();
    if (left <= 0) break;
    const socket = await connectTo(state, address, port, at === addresses.length - 1 ? left : left / 2);
    if (!isFault(socket)) return { socket, address };
    last = socket;
  }
  return last;
}

function connectTo(state: State, address: Address, port: number, withinMs: number): Promise<Socket | Fault> {
  return new Promise((resolve) => {
    const text = formatAddress(address);
    const socket = connect({ host: text, port, noDelay: true, keepAlive: true });
    state.open.add(socket);
    const timer = setTimeout(() => socket.destroy(), withinMs);
    let why = 'in time';
    socket.on('error', (error: NodeJS.ErrnoException) => (why = `(${error.code ?? 'unknown'})`));
    socket.once('close', () => {
      clearTimeout(timer);
      state.open.delete(socket);
      resolve({ fault: `${text} port ${port} was not reached ${why}` });
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

function takeKept(state: State, keys: readonly string[]): Origin | undefined {
  for (const key of keys) {
    const list = state.idle.get(key);
    const kept = list?.pop();
    if (kept === undefined) continue;
    if (list?.length === 0) state.idle.delete(key);
    clearTimeout(kept.timer);
    kept.origin.wire.whenGone(undefined);
    return kept.origin;
  }
  return undefined;
}

function keepOrigin(state: State, { wire, key, ...rest }: Origin): void {
  const list = state.idle.get(key) ?? [];
  if (wire.isGone() || wire.hasMore() || list.length >= MOST_IDLE || state.open.size > LIMITS.egressConnections) {
    wire.destroy();
    return;
  }
  const drop = () => {
    clearTimeout(kept.timer);
    const at = list.indexOf(kept);
    if (at >= 0) list.splice(at, 1);
    if (list.length === 0) state.idle.delete(key);
    wire.destroy();
  };
  const kept: Kept = { origin: { ...rest, wire, key, isUsed: true }, timer: setTimeout(drop, IDLE_MS) };
  kept.timer.unref();
  state.idle.set(key, list);
  list.push(kept);
  // What nobody asked for is no answer to the next request.
  wire.whenGone(drop, true);
}
