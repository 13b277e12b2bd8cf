// Owns how a policy takes over the rules of a preset, at the public hosts or at a mirror of the site. Knows no file system.
import type { RuleText } from '../schema.ts';

export interface PresetWish {
  readonly preset: string;
  readonly mirror?: { readonly url: string; readonly addresses?: readonly string[] | undefined } | undefined;
}

const MIRROR_EXAMPLE = 'mirrored';

/** The rules as if they stood in the policy. At a mirror: its host and what lies below its path, with the methods of each rule. */
export function presetRules(rules: readonly RuleText[], { mirror }: PresetWish): readonly RuleText[] {
  if (mirror === undefined) return rules;
  const url = new URL(mirror.url);
  const moved = rules.flatMap((rule) => (rule.effect === 'egress' ? [atMirror(rule, url, mirror.addresses)] : []));
  const seen = new Set<string>();
  // Index and files are often one host then.
  return moved.filter(({ match }) => !seen.has(JSON.stringify(match)) && seen.add(JSON.stringify(match)));
}

type EgressRuleText = Extract<RuleText, { effect: 'egress' }>;

function atMirror(rule: EgressRuleText, url: URL, addresses: readonly string[] | undefined): EgressRuleText {
  const folder = url.pathname.replace(/\/$/, '');
  const { method } = rule.match ?? {};
  // Such a path says what is done there, wherever the mirror keeps it.
  const deep = (rule.match?.path ?? []).filter((path) => path.startsWith('/**/'));
  const where =
    deep.length > 0
      ? { path: deep.map((path) => `${folder}${path}`) }
      : { path_prefix: [folder === '' ? '/' : folder] };
  const match = { ...originOf(url), ...(method === undefined ? {} : { method }), ...where };
  return {
    ...rule,
    match,
    ...(addresses === undefined ? {} : { addresses: [...addresses] }),
    examples: { match: [`${method?.[0] ?? 'GET'} ${url.origin}${folder}${exampleOf(deep)}`], no_match: [] },
  };
}

function originOf(url: URL): Pick<NonNullable<EgressRuleText['match']>, 'host' | 'port' | 'scheme'> {
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  const usual = scheme === 'http' ? 80 : 443;
  const port = url.port === '' ? usual : Number(url.port);
  return { host: [url.hostname.replace(/^\[|\]$/g, '')], port: [port], scheme: [scheme] };
}

function exampleOf([path]: readonly string[]): string {
  return path?.replaceAll(/\*+/g, MIRROR_EXAMPLE) ?? `/${MIRROR_EXAMPLE}`;
}
