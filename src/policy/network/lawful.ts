// Owns which egress rules a file may hold beyond their form, and the words of each refusal. Knows no place in a file.
import { canonicalJson } from '../../base/json.ts';
import type { FieldPath } from '../../base/problems.ts';
import { isWholeSuffix } from './forms.ts';
import { plainHost } from './match.ts';
import { egressMatchOf, type EgressText } from './rules.ts';

export interface Unlawful {
  /** Below the rule. */
  readonly path: FieldPath;
  readonly text: string;
}

const GIT_HOSTS = ['github.com', 'gitlab.com', 'bitbucket.org', 'codeberg.org'];
const OF_OPENING = [
  'addresses',
  'tls',
  'websocket',
  'max_request_bytes',
  'max_response_bytes',
  'requests_per_minute',
] as const;

/** What is wrong with this rule alone. */
export function unlawfulEgress(rule: EgressText): readonly Unlawful[] {
  if (rule.verdict === 'deny')
    return OF_OPENING.filter((name) => rule[name] !== undefined).map((name) => ({
      path: [name],
      text: `${name}: is for a rule that allows or asks`,
    }));
  return [...unnamed(rule), ...wholeSuffixes(rule), ...(rule.tls === 'pass' ? unseen(rule) : [])];
}

/** Two rules on the very same requests must say the same. The problems are at the later one. */
export function contradictions(
  rules: readonly { readonly index: number; readonly rule: EgressText }[],
): readonly { readonly index: number; readonly text: string }[] {
  const seen = new Map<string, EgressText>();
  return rules.flatMap(({ index, rule }) => {
    const key = canonicalJson(sorted(egressMatchOf(rule.match ?? {})));
    const first = seen.get(key);
    if (first === undefined) seen.set(key, rule);
    if (first === undefined || first.verdict === rule.verdict) return [];
    const text = `verdict: the rule "${first.id}" says ${first.verdict} of the very same requests; one of the two can never hold`;
    return [{ index, text }];
  });
}

function unnamed({ verdict, match, addresses }: EgressText): readonly Unlawful[] {
  if (match?.host !== undefined) return [];
  const text = 'expected ask or deny, or else a match.host: what leaves the sandbox is allowed only by name';
  if (verdict === 'allow') return [{ path: ['verdict'], text: `verdict: ${text}` }];
  return addresses === undefined
    ? []
    : [{ path: ['addresses'], text: 'addresses: a rule with addresses needs a match.host' }];
}

function wholeSuffixes({ match }: EgressText): readonly Unlawful[] {
  return (match?.host ?? []).flatMap((host, index) =>
    isWholeSuffix(host)
      ? [{ path: ['match', 'host', index], text: `expected more than ${host}: everybody can have a name below it` }]
      : [],
  );
}

/** Where bytes pass only the name is seen: nothing else can be asked of them, and a push to a host of git could not be told. */
function unseen({ match, websocket }: EgressText): readonly Unlawful[] {
  const why = 'with `tls: pass` only the host is seen, so that it cannot be judged; remove it, or `tls: pass`';
  const blind = (['method', 'path', 'path_prefix'] as const)
    .filter((name) => match?.[name] !== undefined)
    .map((name) => ({ path: ['match', name], text: `${name}: ${why}` }));
  const sockets = websocket === true ? [{ path: ['websocket'], text: `websocket: ${why}` }] : [];
  const hosts = match?.host ?? [];
  if (hosts.length === 0) return [...blind, ...sockets, { path: ['tls'], text: 'tls: pass needs a match.host' }];
  const git = hosts.flatMap((host, index) =>
    servesGit(host) ? [{ path: ['match', 'host', index], text: gitText(host) }] : [],
  );
  return [...blind, ...sockets, ...git];
}

function gitText(host: string): string {
  return host.startsWith('*.')
    ? `expected each host by its name: one below ${host.slice(2)} may serve git, and with \`tls: pass\` a push could not be seen`
    : `${host} serves git: with \`tls: pass\` a push could not be seen`;
}

function servesGit(text: string): boolean {
  const host = plainHost(text);
  return (
    host.startsWith('*.') ||
    host.startsWith('git.') ||
    GIT_HOSTS.some((one) => host === one || host.endsWith(`.${one}`))
  );
}

function sorted(match: object): Record<string, readonly string[]> {
  const entries = Object.entries(match) as [string, readonly (string | number)[]][];
  return Object.fromEntries(
    entries.map(([name, values]) => [
      name,
      [...new Set(values.map(String))].toSorted((left, right) => (left < right ? -1 : 1)),
    ]),
  );
}
