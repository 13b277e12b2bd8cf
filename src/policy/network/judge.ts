// Owns the policy on the network of one sandbox at work: which rule or grant decides on a request, and the uses of grants. Knows no file.
import type { Clock } from '../../base/clock.ts';
import type { Verdict } from '../../contracts/decisions.ts';
import type { EgressGrant, EgressJudge, EgressJudgement, EgressMatch, EgressRule } from '../../contracts/egress.ts';
import type { EgressEffect } from '../../contracts/effects.ts';
import { strictestFirst } from '../strictness.ts';
import { compileEgress, compileEgressHost, coversAllPaths } from './match.ts';

interface Compiled<Of> {
  readonly of: Of;
  readonly request: (effect: EgressEffect) => boolean;
  readonly host: (effect: EgressEffect) => boolean;
  /** Host, port and scheme alone say whether it covers a request. */
  readonly whole: boolean;
}

interface GrantState extends Compiled<EgressGrant> {
  used: number;
}

const NO_RULE = { reason: 'No rule covers it.', advice: '' };
/** An id that comes again takes the place of the one before; so many of them are kept. */
const MOST_GRANTS = 1000;

/**
 * The strictest rule that matches decides, of equally strict ones the first. A grant overrules a rule that asks and the default, never
 * one that denies. A grant with the id of an earlier one takes its place and keeps its count: one that is over ends it.
 */
export function compileNetwork(
  rules: readonly EgressRule[],
  grants: readonly EgressGrant[],
  clock: Pick<Clock, 'now'>,
): EgressJudge {
  const compiled = strictestFirst(rules).map((rule) => compile(rule, rule, rule.verdict === 'allow'));
  const granted = new Map<string, GrantState>();
  const permit = (grant: EgressGrant) => {
    const used = granted.get(grant.id)?.used ?? 0;
    if (granted.size < MOST_GRANTS || granted.has(grant.id))
      granted.set(grant.id, { ...compile(grant, grant.match, true), used });
  };
  for (const grant of grants) permit(grant);
  const standing = () => [...granted.values()].filter((state) => stands(state, clock.now()));
  return {
    request: (effect) => {
      const rule = compiled.find(({ request }) => request(effect))?.of;
      return judged(rule, () => standing().find(({ request }) => request(effect))?.of);
    },
    host: (host, port) => {
      const effect = tunnelTo(host, port);
      const here = compiled.filter((one) => one.host(effect));
      const passing = passingRule(here);
      if (passing !== undefined)
        return { ...judged(passing, () => standing().find(({ request }) => request(effect))?.of), tls: 'pass' };
      return { ...beforeTls(here, () => standing().find((one) => one.host(effect))?.of), tls: 'end' };
    },
    permit,
    use: ({ id }) => {
      const state = granted.get(id);
      if (state === undefined || !stands(state, clock.now())) return false;
      state.used += 1;
      return true;
    },
  };
}

function compile<Of>(of: Of, match: EgressMatch, exact: boolean): Compiled<Of> {
  const whole = coversAllPaths(match);
  return { of, request: compileEgress(match, exact), host: compileEgressHost(match), whole };
}

function stands({ of: { uses, expiresAt }, used }: GrantState, now: number): boolean {
  return (uses === undefined || used < uses) && (expiresAt === undefined || now < expiresAt);
}

function judged(rule: EgressRule | undefined, findGrant: () => EgressGrant | undefined): EgressJudgement {
  const verdict: Verdict | undefined = rule?.verdict;
  const grant = verdict === undefined || verdict === 'ask' ? findGrant() : undefined;
  if (grant !== undefined) return { verdict: 'allow', rule, grant, reason: 'A person allowed it.', advice: '' };
  if (rule === undefined) return { verdict: 'deny', rule, ...NO_RULE };
  return { verdict: rule.verdict, rule, reason: rule.reason, advice: rule.advice };
}

/** Bytes pass only where no rule on this host needs to see more than its name. */
function passingRule(here: readonly Compiled<EgressRule>[]): EgressRule | undefined {
  const all = here.every(({ of, whole }) => whole && (of.tls === 'pass' || of.verdict === 'deny'));
  return all ? here.find(({ of }) => of.tls === 'pass' || of.verdict === 'deny')?.of : undefined;
}

/** Nothing is known of method and path yet: a rule that needs them could allow, and one that denies some of them decides later. */
function beforeTls(here: readonly Compiled<EgressRule>[], findGrant: () => EgressGrant | undefined): EgressJudgement {
  const [first] = here.filter(({ of, whole }) => whole || of.verdict !== 'deny');
  return judged(first?.of, findGrant);
}

function tunnelTo(host: string, port: number): EgressEffect {
  return { type: 'egress', host, port, scheme: 'https', method: 'CONNECT', path: '' };
}
