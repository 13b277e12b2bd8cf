// Owns what a probe of an engine says: what works, what works because it is mended, what fails. Knows no engine and no store.
import type { z as Schema } from 'zod';
import { late } from '../base/schema.ts';

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

const MOST_RESULTS = 1000;
const MOST_CHARACTERS = 4096;

export const probeSchema = late((z) => {
  const text = z.string().max(MOST_CHARACTERS);
  const result = z.strictObject({
    name: text,
    outcome: z.enum(['works', 'repaired', 'fails']),
    detail: text,
    milliseconds: z.number().min(0),
  });
  return z.strictObject({
    backend: text,
    model: text,
    version: text,
    at: z.int().min(0),
    score: z.int().min(0).max(100),
    results: z.array(result).max(MOST_RESULTS),
  }) satisfies Schema.ZodType<ProbeReport>;
});
