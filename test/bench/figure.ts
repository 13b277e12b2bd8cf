// Owns the form of one measured figure.
import type { Spread } from './measure.ts';

export interface Figure {
  readonly what: string;
  readonly spread: Spread;
  readonly unit: string;
  /** The median must not be above it. */
  readonly bar: number;
}
