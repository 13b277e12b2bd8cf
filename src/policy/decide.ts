// Owns the decision: which rules match an effect and which of them binds. Pure; knows no file and no tool.
import type { Decision } from '../contracts/decisions.ts';
import type { Effect, EffectType } from '../contracts/effects.ts';
import type { Decide } from '../contracts/ports.ts';
import type { Policy, Rule } from './policy.ts';
import { strictestFirst } from './strictness.ts';

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
    const [first, ...rest] = strictestFirst(policy.rules.filter((rule) => rule.matches(effect)));
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
