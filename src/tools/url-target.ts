// Owns what an address in a command means as an effect. Knows no program and no policy.
import type { EgressEffect } from '../contracts/effects.ts';

/** A target that is only known when the command runs. */
export function unknownTarget(method: string): EgressEffect {
  return { type: 'egress', host: '', port: 443, scheme: 'https', method, path: '' };
}

/** The target of an address; [] if it stays on this machine. `scheme` is meant where the address names none. */
export function urlTarget(address: string, scheme: 'http' | 'https', method: string): readonly EgressEffect[] {
  if (address === '' || /^file:/i.test(address)) return [];
  const full = /^[a-z][a-z+.-]*:\/\//i.test(address) ? address : `${scheme}://${address}`;
  const authority = full.slice(full.indexOf('://') + 3).split(/[/?#]/, 1)[0] ?? '';
  if (/[$`{}*]/.test(authority) || !URL.canParse(full)) return [unknownTarget(method)];
  const url = new URL(full);
  if (isLocal(url.hostname)) return [];
  const secure = url.protocol !== 'http:' && url.protocol !== 'ws:' && url.protocol !== 'ftp:';
  const port = url.port === '' ? defaultPort(url.protocol) : Number(url.port);
  return [{ type: 'egress', host: url.hostname, port, scheme: secure ? 'https' : 'http', method, path: url.pathname }];
}

const PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'ws:': 80,
  'ftp:': 21,
  'ssh:': 22,
  'git+ssh:': 22,
  'git:': 9418,
  'rsync:': 873,
};

function defaultPort(protocol: string): number {
  return PORTS[protocol] ?? 443;
}

/** Inside the sandbox these are the sandbox itself. */
function isLocal(host: string): boolean {
  return /^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\])$/.test(host);
}
