// Owns the way from an egress rule of a file to a rule of the network. Knows no place in a file and no verdict's meaning.
import type { EgressCaps, EgressMatch, EgressRule } from '../../contracts/egress.ts';
import type { Policy } from '../policy.ts';
import type { RuleText } from '../schema.ts';
import { canonicalHost } from './forms.ts';

export type EgressText = Extract<RuleText, { effect: 'egress' }>;

/** The policy on the network of every sandbox, in the order of the file. */
export function networkRules(policy: Policy): readonly EgressRule[] {
  return policy.rules.flatMap(({ network }) => (network === undefined ? [] : [network]));
}

/** False: the network of a sandbox could let nothing through, so it needs none. */
export function opensNetwork(rules: readonly EgressRule[]): boolean {
  return rules.some(({ verdict }) => verdict !== 'deny');
}

export function egressRuleOf(text: EgressText): EgressRule {
  const { id, verdict, reason, advice, addresses, tls, websocket } = text;
  const caps = capsOf(text);
  return {
    ...egressMatchOf(text.match ?? {}),
    id,
    verdict,
    reason,
    advice,
    ...(addresses === undefined ? {} : { addresses }),
    ...(tls === undefined ? {} : { tls }),
    ...(websocket === undefined ? {} : { websocket }),
    ...(caps === undefined ? {} : { caps }),
  };
}

export function egressMatchOf(match: NonNullable<EgressText['match']>): EgressMatch {
  const { host, port, scheme, method, path, path_prefix: prefix } = match;
  return {
    ...(host === undefined ? {} : { hosts: host.map(canonicalHost) }),
    ...(port === undefined ? {} : { ports: port }),
    ...(scheme === undefined ? {} : { schemes: scheme }),
    ...(method === undefined ? {} : { methods: method }),
    ...(path === undefined ? {} : { paths: path }),
    ...(prefix === undefined ? {} : { pathPrefixes: prefix }),
  };
}

function capsOf(text: EgressText): EgressCaps | undefined {
  const { max_request_bytes: requestBytes, max_response_bytes: responseBytes } = text;
  const { requests_per_minute: requestsPerMinute } = text;
  const caps = {
    ...(requestBytes === undefined ? {} : { requestBytes }),
    ...(responseBytes === undefined ? {} : { responseBytes }),
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
  };
  return Object.keys(caps).length === 0 ? undefined : caps;
}
