// Owns the one reading of a host: a name in its canonical form, or the bytes of an address. Odd notations are refused. Knows no resolver.
import type { Fault } from '../http/wire.ts';
import { type Address, formatAddress, parseAddress } from './bytes.ts';

export interface Host {
  /** Lower case, no final dot, no brackets: what is judged. */
  readonly text: string;
  /** Only of a literal address. */
  readonly address?: Address;
}

export interface Authority {
  readonly host: Host;
  readonly port: number;
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A last label like that makes a number of the whole for many resolvers: `0x7f.1`, `017700000001`, `2130706433`. */
const NUMERIC = /^(?:\d+|0x[0-9a-f]*)$/;
const MOST_NAME = 253;

/** As it stands in a URL: IPv6 in brackets. */
export function parseHost(text: string): Host | Fault {
  if (text.startsWith('['))
    return text.endsWith(']') ? parseLiteral(text.slice(1, -1)) : { fault: 'its host is no host' };
  const lower = text.toLowerCase();
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower;
  const labels = name.split('.');
  if (NUMERIC.test(labels.at(-1) ?? '')) {
    const address = parseAddress(name);
    if (address === undefined || lower.endsWith('.'))
      return { fault: `its host ${shown(text)} is an address in an odd notation` };
    return { text: formatAddress(address), address };
  }
  if (name.length > MOST_NAME || !labels.every((label) => LABEL.test(label)))
    return { fault: `its host ${shown(text)} is no host name` };
  return { text: name };
}

/** `host:port`; without a port `usual`, or a fault where there is none. */
export function parseAuthority(text: string, usual: number | undefined): Authority | Fault {
  if (text.includes('@')) return { fault: 'a user stands before its host' };
  const [, hostText = '', portText] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (hostText === '') return { fault: `its host ${shown(text)} is no host` };
  const port = portText === undefined ? usual : Number(portText);
  if (port === undefined || port < 1 || port > 65_535) return { fault: 'its port is no port' };
  const host = parseHost(hostText);
  return 'fault' in host ? host : { host, port };
}

/** As it stands in a URL and in `Host`; without the port where it is the usual one. */
export function authorityText({ host, port }: Authority, usual: number): string {
  const name = host.address?.length === 16 ? `[${host.text}]` : host.text;
  return port === usual ? name : `${name}:${port}`;
}

function parseLiteral(text: string): Host | Fault {
  if (text.includes('%')) return { fault: 'its host is an address with a zone' };
  const address = parseAddress(text);
  if (address?.length !== 16) return { fault: `its host [${shown(text)}] is no IPv6 address` };
  return { text: formatAddress(address), address };
}

/** It is quoted to the model. */
function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
