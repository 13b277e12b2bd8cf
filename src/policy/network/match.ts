// Owns which requests on the network a match covers: the one matcher, for decisions on calls and for the judge of the proxy. Knows no rule.
import type { EgressMatch } from '../../contracts/egress.ts';
import type { EgressEffect } from '../../contracts/effects.ts';
import { compilePathGlob } from '../glob.ts';

/** `exact`: a method counts only as it is written. Else it counts in any case, so that a rule that denies cannot be stepped around. */
export function compileEgress(match: EgressMatch, exact: boolean): (effect: EgressEffect) => boolean {
  const atHost = compileEgressHost(match);
  const { methods } = match;
  const path = compilePaths(match);
  return (effect) =>
    atHost(effect) &&
    has(methods, exact ? effect.method : effect.method.toUpperCase()) &&
    (path === undefined || path(effect.path));
}

/** Host, port and scheme alone. */
export function compileEgressHost(
  match: EgressMatch,
): (effect: Pick<EgressEffect, 'host' | 'port' | 'scheme'>) => boolean {
  const hosts = match.hosts?.map(compileHost);
  return ({ host, port, scheme }) =>
    has(match.ports, port) &&
    has(match.schemes, scheme) &&
    (hosts === undefined || hosts.some((matches) => matches(plainHost(host))));
}

/** Nothing but host, port and scheme counts. */
export function coversAllPaths({ methods, paths, pathPrefixes }: EgressMatch): boolean {
  return methods === undefined && paths === undefined && pathPrefixes === undefined;
}

/** Lower case, without the final dot and the brackets of a URL. */
export function plainHost(host: string): string {
  const lower = host.toLowerCase();
  if (lower.startsWith('[') && lower.endsWith(']')) return lower.slice(1, -1);
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** `*.example.com` covers every name below example.com, not example.com itself. */
function compileHost(wanted: string): (host: string) => boolean {
  return wanted.startsWith('*.')
    ? (host) => host.endsWith(wanted.slice(1)) && host.length >= wanted.length
    : (host) => host === wanted;
}

function compilePaths({ paths, pathPrefixes }: EgressMatch): ((path: string) => boolean) | undefined {
  if (paths === undefined && pathPrefixes === undefined) return undefined;
  const tests = [...(paths ?? []).map((pattern) => compilePathGlob(pattern)), ...(pathPrefixes ?? []).map(prefixTest)];
  return (path) => {
    const plain = plainPath(path);
    return tests.some((matches) => matches(plain));
  };
}

/** `/api` covers /api and what lies below it, not /apis. */
function prefixTest(prefix: string): (path: string) => boolean {
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return (path) => path === prefix || path.startsWith(folder);
}

/** The proxy's paths are canonical; one that was read in a command may climb with `..`, and has a query. */
function plainPath(path: string): string {
  return URL.parse(`http://host${path.startsWith('/') ? '' : '/'}${path}`)?.pathname ?? '';
}

function has<Value>(wanted: readonly Value[] | undefined, value: Value): boolean {
  return wanted === undefined || wanted.includes(value);
}
