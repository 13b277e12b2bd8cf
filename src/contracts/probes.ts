// Owns what a probe of an engine says: what works, what works because it is mended, what fails. Knows no engine and no store.

/** `repaired`: it works because our reading of the text mends it. */
export type ProbeOutcome = 'works' | 'repaired' | 'fails';

export interface ProbeResult {
  /** Name of the case, from a closed list. */
  readonly name: string;
  readonly outcome: ProbeOutcome;
  /** Why it fails, or what was mended; '' where there is nothing to say. */
  readonly detail: string;
  readonly milliseconds: number;
}

export interface ProbeReport {
  readonly backend: string;
  readonly model: string;
  /** Of the engine; '' where it does not say. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** From 0 to 100: each case counts the same, one that is mended half. */
  readonly score: number;
  readonly results: readonly ProbeResult[];
}
