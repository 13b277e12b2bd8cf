// A judge of the network for tests of the proxy alone: exact hosts and `*.name`, methods, prefixes. The real one is of the policy.
import type { EgressGrant, EgressJudge, EgressJudgement, EgressMatch, EgressRule } from '../../src/contracts/egress.ts';

const STRICTNESS = { deny: 2, ask: 1, allow: 0 } as const;

export function compileNetwork(rules: readonly EgressRule[], given: readonly EgressGrant[]): EgressJudge {
  const grants = [...given];
  const uses = new Map<string, number>();
  const left = (grant: EgressGrant) => (grant.uses ?? Number.POSITIVE_INFINITY) - (uses.get(grant.id) ?? 0);
  const decide = (matches: (match: EgressMatch) => boolean): EgressJudgement => {
    const [rule] = rules.filter(matches).toSorted((one, other) => STRICTNESS[other.verdict] - STRICTNESS[one.verdict]);
    const grant = grants.find((one) => matches(one.match) && left(one) > 0);
    if (grant !== undefined && rule?.verdict !== 'deny' && rule?.verdict !== 'allow')
      return { verdict: 'allow', rule, grant, reason: '', advice: '' };
    if (rule === undefined) return { verdict: 'deny', rule, reason: 'No rule covers it.', advice: '' };
    return { verdict: rule.verdict, rule, reason: rule.reason, advice: rule.advice };
  };
  return {
    request: (effect) =>
      decide(
        (match) =>
          isOf(match, effect.host, effect.port) &&
          (match.schemes?.includes(effect.scheme) ?? true) &&
          (match.methods?.includes(effect.method) ?? true) &&
          (match.pathPrefixes?.some((one) => `${effect.path}/`.startsWith(`${one}/`.replace('//', '/'))) ?? true),
      ),
    host: (host, port) => {
      const judgement = decide((match) => isOf(match, host, port) && (match.schemes?.includes('https') ?? true));
      return { ...judgement, tls: judgement.rule?.tls ?? 'end' };
    },
    permit: (grant) => {
      grants.push(grant);
    },
    use: (grant) => {
      if (left(grant) <= 0) return false;
      uses.set(grant.id, (uses.get(grant.id) ?? 0) + 1);
      return true;
    },
  };
}

function isOf({ hosts, ports }: EgressMatch, host: string, port: number): boolean {
  const isHost = hosts?.some((one) => (one.startsWith('*.') ? host.endsWith(one.slice(1)) : host === one)) ?? true;
  return isHost && (ports?.includes(port) ?? true);
}
