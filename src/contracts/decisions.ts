// Owns the words of the airlock: decisions, questions to a person, answers, grants. Knows no rule and no table.
import type { Effect } from './effects.ts';

export type Verdict = 'allow' | 'ask' | 'deny';

export interface Decision {
  readonly verdict: Verdict;
  /** Id of the rule that decided; `default:<effect>` where none matched. */
  readonly rule: string;
  /** Why, for a person. */
  readonly reason: string;
  /** Why and what to do instead, for the model. */
  readonly advice: string;
  /** Hash of the policy file that decided. */
  readonly policy: string;
  /** Ids of the other rules that matched, each with its verdict. */
  readonly lost: readonly { readonly rule: string; readonly verdict: Verdict }[];
}

/** What a person is asked. `shown` is the hash of everything that was put before the person; the answer is bound to it. */
export interface Question {
  readonly id: string;
  readonly run: string;
  readonly step: number;
  readonly effect: Effect;
  readonly decision: Decision;
  /** Text put before the person. */
  readonly summary: string;
  readonly shown: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  readonly expiresAt: number;
}

/** How far a yes to the network of a run goes. Neither of the two: as long as the run. */
export interface GrantScope {
  /** Requests. */
  readonly uses?: number;
  /** Milliseconds since the answer. */
  readonly ms?: number;
}

export type QuestionState = 'waiting' | 'approved' | 'denied' | 'expired' | 'used' | 'revoked';

export interface QuestionRecord extends Question {
  readonly state: QuestionState;
  readonly answeredBy?: string;
  readonly answeredAt?: number;
  readonly note?: string;
  /** Only of one that was approved, and is about the network. */
  readonly scope?: GrantScope;
}

export type Answer =
  | { readonly state: 'approved'; readonly grant: Grant }
  | { readonly state: 'denied' | 'expired' | 'revoked'; readonly by: string; readonly note: string };

/** A narrow capability: this effect, this often, until then, under this policy, on what was shown. */
export interface Grant {
  readonly id: string;
  readonly question: string;
  readonly run: string;
  readonly effect: Effect;
  readonly shown: string;
  readonly policy: string;
  readonly uses: number;
  readonly expiresAt: number;
  /** Given for the network of the run; absent: for this one call. */
  readonly scope?: GrantScope;
}

export type GrantUse = 'used' | 'expired' | 'spent' | 'revoked' | 'changed';
