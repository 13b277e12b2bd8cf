// Owns putting each effect of a call before the policy, and what follows from all answers together. Knows no rule.
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../base/json.ts';
import type { Decision, Verdict } from '../contracts/decisions.ts';
import type { Effect } from '../contracts/effects.ts';
import type { Decide, EmitEvent } from '../contracts/ports.ts';
import { showPath } from './quote.ts';

export interface Decided {
  readonly effect: Effect;
  readonly decision: Decision;
}

const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, ask: 1, deny: 2 };

/** One decision for each effect; the path of a write is told as it lies in the work tree, however it was spelled. */
export function decideEffects(
  effects: readonly Effect[],
  tool: string,
  ports: { readonly run: string; readonly decide: Decide; readonly workPath: string },
): readonly Decided[] {
  return effects.map((given) => {
    const effect = given.type === 'write' ? { ...given, path: showPath(ports.workPath, given.path) } : given;
    return { effect, decision: ports.decide(effect, { run: ports.run, tool }) };
  });
}

/** What is only asked for is a person's to decide where no rule says anything of it. */
export function askedFor(decided: readonly Decided[]): readonly Decided[] {
  return decided.map(({ effect, decision }) => {
    if (decision.rule !== `default:${effect.type}`) return { effect, decision };
    const reason = 'No rule covers it; the agent asks for it.';
    return {
      effect,
      decision: {
        ...decision,
        verdict: 'ask',
        reason,
        advice: 'Do the task without it, or finish and say what is missing.',
      },
    };
  });
}

/** The verdict on the whole call; a call without effects stays inside and is allowed. */
export function verdictOf(decided: readonly Decided[]): Verdict {
  return decided.length === 0 ? 'allow' : strictestOf(decided).verdict;
}

/** The decision that binds; of equally strict ones the first. Must not be called without one. */
export function strictestOf(decided: readonly Decided[]): Decision {
  return decided
    .map(({ decision }) => decision)
    .reduce((strictest, next) => (STRICTNESS[next.verdict] > STRICTNESS[strictest.verdict] ? next : strictest));
}

/** `effect` is the type alone: the text of a command is a content and may be pruned. */
export function decidedEvents(call: string, decided: readonly Decided[]): readonly EmitEvent[] {
  return decided.map(({ effect, decision }) => {
    const content = canonicalJson(effect);
    const { verdict, rule, reason, policy } = decision;
    const lost = decision.lost.map((loser) => `${loser.rule}: ${loser.verdict}`);
    return {
      body: {
        type: 'decided',
        call,
        effectHash: sha256(content),
        effect: effect.type,
        verdict,
        rule,
        reason,
        policyHash: policy,
        lost,
      },
      contents: [content],
    };
  });
}
