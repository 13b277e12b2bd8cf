// Owns the order of verdicts: which of several rules that match decides. Knows no rule.
import type { Verdict } from '../contracts/decisions.ts';

const STRICTNESS: Readonly<Record<Verdict, number>> = { deny: 2, ask: 1, allow: 0 };

/** The strictest first; equally strict ones in the order they came. */
export function strictestFirst<Rule extends { readonly verdict: Verdict }>(rules: readonly Rule[]): readonly Rule[] {
  return rules.toSorted((left, right) => STRICTNESS[right.verdict] - STRICTNESS[left.verdict]);
}
