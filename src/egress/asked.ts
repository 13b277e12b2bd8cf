// Owns what a request asks for, read once from its head: effect, what is sent on, how its body ends. Decides nothing.
import type { EgressFields } from '../contracts/egress.ts';
import type { EgressEffect } from '../contracts/effects.ts';
import { type Authority, authorityText, type Host, parseAuthority } from './address/host.ts';
import { connectionOptions, fieldsToSend, looselyDecoded, onlyValue, overrideIn } from './http/fields.ts';
import { type Framing, requestFraming } from './http/framing.ts';
import type { RequestHead } from './http/head.ts';
import { type Fault, isFault } from './http/wire.ts';
import { canonicalTarget } from './path.ts';

export interface Asked {
  readonly effect: EgressEffect;
  readonly host: Host;
  /** Without its question mark; '' if there is none. */
  readonly query: string;
  /** Without framing, `Host` and what is of one connection only. */
  readonly fields: EgressFields;
  readonly framing: Framing;
  readonly minor: 0 | 1;
  /** The program wants no further request on its connection. */
  readonly isLast: boolean;
  /** It waits for 100 before it sends the body. */
  readonly expects: boolean;
  readonly websocket: boolean;
}

const HTTP_PORT = 80;
const HTTPS_PORT = 443;
const ABSOLUTE = /^(https?):\/\/([^/?#]*)(.*)$/i;
const GIT_PUSH = 'git-receive-pack';

/** `tunnel`: where TLS was ended, whose requests name no other host. */
export function readAsked(head: RequestHead, tunnel: Authority | undefined): Asked | Fault {
  const place = tunnel === undefined ? readAbsolute(head.target) : readInTunnel(head.target, tunnel);
  if (isFault(place)) return place;
  const other = otherHost(head, place.at, tunnel === undefined ? HTTP_PORT : HTTPS_PORT);
  if (other !== undefined) return other;
  const target = canonicalTarget(place.rest);
  if (isFault(target)) return target;
  const form = readForm(head, target.query);
  if (isFault(form)) return form;
  const { host, port } = place.at;
  const scheme = tunnel === undefined ? 'http' : 'https';
  return {
    effect: { type: 'egress', host: host.text, port, scheme, method: head.method, path: target.path },
    host,
    query: target.query,
    fields: fieldsToSend(head.fields),
    ...form,
    minor: head.minor,
    isLast: head.minor === 0 || connectionOptions(head.fields).has('close'),
  };
}

function readForm(head: RequestHead, query: string): Pick<Asked, 'framing' | 'expects' | 'websocket'> | Fault {
  const override = overrideIn(head.fields, query);
  if (override !== undefined) return override;
  const framing = requestFraming(head);
  if (isFault(framing)) return framing;
  const websocket = isWebSocket(head, framing);
  if (isFault(websocket)) return websocket;
  const expectation = onlyValue(head.fields, 'expect');
  if (isFault(expectation)) return expectation;
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue')
    return { fault: 'it expects something that is not known here' };
  return { framing, websocket, expects: expectation !== undefined && head.minor === 1 };
}

/** A push to a git server, or the question that comes before one. */
export function isGitPush({ effect, query }: Pick<Asked, 'effect' | 'query'>): boolean {
  return (
    looselyDecoded(effect.path).toLowerCase().includes(`/${GIT_PUSH}`) ||
    looselyDecoded(query).toLowerCase().includes(GIT_PUSH)
  );
}

export function hostField({ effect, host }: Asked): string {
  return authorityText({ host, port: effect.port }, effect.scheme === 'http' ? HTTP_PORT : HTTPS_PORT);
}

interface Place {
  readonly at: Authority;
  /** Path and query; begins with a slash or is a fault later. */
  readonly rest: string;
}

function readAbsolute(target: string): Place | Fault {
  const [, scheme, authority = '', rest = ''] = ABSOLUTE.exec(target) ?? [];
  if (scheme === undefined) return { fault: 'a request to a proxy names its whole URL, as in GET http://host/path' };
  if (scheme.toLowerCase() === 'https')
    return { fault: 'HTTPS goes through CONNECT, so that nothing of it is sent in the open' };
  const at = parseAuthority(authority, HTTP_PORT);
  return isFault(at) ? at : { at, rest: withSlash(rest) };
}

function readInTunnel(target: string, tunnel: Authority): Place | Fault {
  const [, scheme, authority = '', rest = ''] = ABSOLUTE.exec(target) ?? [];
  if (scheme === undefined) return { at: tunnel, rest: target };
  const at = parseAuthority(authority, HTTPS_PORT);
  if (isFault(at)) return at;
  if (scheme.toLowerCase() !== 'https' || at.host.text !== tunnel.host.text || at.port !== tunnel.port)
    return { fault: `its URL names another host than the tunnel, which leads to ${tunnel.host.text}` };
  return { at: tunnel, rest: withSlash(rest) };
}

function withSlash(rest: string): string {
  return rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
}

/** Why the field `Host` is not that of the URL. */
export function otherHost({ fields, minor }: RequestHead, { host, port }: Authority, usual: number): Fault | undefined {
  const value = onlyValue(fields, 'host');
  if (isFault(value)) return value;
  if (value === undefined) return minor === 0 ? undefined : { fault: 'it has no Host' };
  const named = parseAuthority(value, usual);
  if (isFault(named)) return named;
  return named.host.text === host.text && named.port === port
    ? undefined
    : { fault: `its Host names ${named.host.text}:${named.port}, its URL ${host.text}:${port}` };
}

function isWebSocket({ method, minor, fields }: RequestHead, framing: Framing): boolean | Fault {
  const upgrade = onlyValue(fields, 'upgrade');
  if (isFault(upgrade)) return upgrade;
  if (upgrade === undefined) return false;
  const isWhole =
    upgrade.toLowerCase() === 'websocket' &&
    method === 'GET' &&
    minor === 1 &&
    framing.by === 'length' &&
    framing.bytes === 0 &&
    connectionOptions(fields).has('upgrade') &&
    typeof onlyValue(fields, 'sec-websocket-key') === 'string';
  return isWhole ? true : { fault: `it asks for another protocol (Upgrade: ${upgrade.slice(0, 40)})` };
}
