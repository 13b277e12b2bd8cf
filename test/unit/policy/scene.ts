// Policies and effects for the tests of this room. YAML is a superset of JSON, so rules are written as objects.
import { createDecide } from '../../../src/policy/decide.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import type { Decision } from '../../../src/contracts/decisions.ts';
import type { Effect, EffectType, EgressEffect, ExecEffect, PublishEffect } from '../../../src/contracts/effects.ts';
import type { Policy } from '../../../src/policy/policy.ts';

export const FILE = 'policy.yaml';

export interface RuleWords {
  readonly id: string;
  readonly effect: EffectType;
  readonly match?: Readonly<Record<string, unknown>>;
  readonly verdict: string;
  /** One that the rule must match. */
  readonly example: unknown;
  readonly noMatch?: readonly unknown[];
}

export function policyText(rules: readonly RuleWords[]): string {
  const written = rules.map(({ id, effect, match, verdict, example, noMatch }) => ({
    id,
    effect,
    ...(match === undefined ? {} : { match }),
    verdict,
    reason: `reason of ${id}`,
    advice: `advice of ${id}`,
    examples: { match: [example], no_match: noMatch ?? [] },
  }));
  return JSON.stringify({ version: 1, rules: written });
}

export function policyOf(...rules: readonly RuleWords[]): Policy {
  return loadPolicy(policyText(rules), FILE);
}

export function decideWith(policy: Policy, effect: Effect): Decision {
  return createDecide(policy)(effect, { run: 'run_1', tool: 'bash' });
}

/** Does a rule with this filter cover the effect? The rule asks; its example is the first of the effects that it must cover. */
export function covers(rule: RuleWords, effect: Effect): boolean {
  return policyOf(rule).rules[0]?.matches(effect) ?? false;
}

export function exec(...argvs: readonly (readonly string[])[]): ExecEffect {
  const command = argvs.map((argv) => argv.join(' ')).join(' && ');
  return { type: 'exec', command, argvs: argvs.map((argv) => [...argv]), parsed: true };
}

export function unparsed(command: string, ...argvs: readonly (readonly string[])[]): ExecEffect {
  return { ...exec(...argvs), command, parsed: false };
}

export function egress(url: string, method = 'GET'): EgressEffect {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return {
    type: 'egress',
    host: hostname,
    port: port === '' ? (scheme === 'https' ? 443 : 80) : Number(port),
    scheme,
    method,
    path: pathname + search,
  };
}

export function publish(ref: string, sensitivePaths: readonly string[] = [], remote = 'origin'): PublishEffect {
  return { type: 'publish', ref, remote, patch: 'sha256:p', base: 'abc', sensitivePaths: [...sensitivePaths] };
}

/** Numbers that are the same in every run of the tests. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
