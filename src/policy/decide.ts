// Owns the decision: which rules match an effect and which of them binds. Pure; knows no file and no tool.
import type { Decision, Verdict } from '../contracts/decisions.ts';
import type { Effect, EffectType } from '../contracts/effects.ts';
import type { Decide } from '../contracts/ports.ts';
import type { Policy, Rule } from './policy.ts';

const STRICTNESS: Readonly<Record<Verdict, number>> = { deny: 2, ask: 1, allow: 0 };

type Words = Pick<Rule, 'verdict' | 'reason' | 'advice'>;

const INSIDE: Words = {
  verdict: 'allow',
  reason: 'It stays inside the sandbox and no rule says otherwise.',
  advice: '',
};

const OUTSIDE: Words = {
  verdict: 'deny',
  reason: 'It leaves the sandbox and no rule covers it.',
  advice:
    'This leaves the workspace and is not permitted here. Do the task without it, or finish and say what is needed.',
};

/** What binds where no rule matches. */
const DEFAULTS: Readonly<Record<EffectType, Words>> = {
  exec: INSIDE,
  write: INSIDE,
  egress: OUTSIDE,
  publish: OUTSIDE,
  secret: OUTSIDE,
  external: OUTSIDE,
};

/** The strictest rule that matches binds; of equally strict ones the first in the file. All others that matched are in `lost`. */
export function createDecide(policy: Policy): Decide {
  return (effect) => {
    const matching = policy.rules.filter((rule) => rule.matches(effect));
    const [first, ...rest] = matching.toSorted((left, right) => STRICTNESS[right.verdict] - STRICTNESS[left.verdict]);
    return first === undefined ? byDefault(effect, policy) : byRule(first, rest, policy);
  };
}

function byRule({ id, verdict, reason, advice }: Rule, losers: readonly Rule[], { hash }: Policy): Decision {
  const lost = losers.map((rule) => ({ rule: rule.id, verdict: rule.verdict }));
  return { verdict, rule: id, reason, advice, policy: hash, lost };
}

function byDefault({ type }: Effect, { hash }: Policy): Decision {
  return { rule: `default:${type}`, ...DEFAULTS[type], policy: hash, lost: [] };
}
