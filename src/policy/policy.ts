// Owns what a loaded policy is. Knows no file format and decides nothing.
import type { Verdict } from '../contracts/decisions.ts';
import type { EgressRule } from '../contracts/egress.ts';
import type { Effect, EffectType } from '../contracts/effects.ts';

export interface Rule {
  readonly id: string;
  readonly effect: EffectType;
  readonly verdict: Verdict;
  /** Why, for a person. */
  readonly reason: string;
  /** Why and what to do instead, for the model. */
  readonly advice: string;
  /** Line of the file that the rule begins on. */
  readonly line: number;
  /** Pure, and linear in the size of the effect. False for effects of another type. */
  readonly matches: (effect: Effect) => boolean;
  /** Of a rule on egress: the same for the network of a sandbox. */
  readonly network?: EgressRule;
}

export interface Policy {
  readonly file: string;
  /** Of the file and of the presets that it takes. */
  readonly text: string;
  /** sha256 of the text. */
  readonly hash: string;
  /** In the order of the file. */
  readonly rules: readonly Rule[];
}
