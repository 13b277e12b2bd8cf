// Owns the words for a launch that has ended, and for whoever can say why. Knows no cause.
import type { CaissonError } from '../base/errors.ts';
import type { CommandUser } from './command-user.ts';

export interface Exit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Set when nothing was started. */
  readonly error?: NodeJS.ErrnoException;
}

/** Of the setup of the sandbox. */
export interface FitnessSetup {
  readonly user?: CommandUser;
  readonly firejail?: string;
}

export interface Fitness {
  /** Why a launched firejail ended before it said anything. */
  readonly whyEnded: (exit: Exit, complaint: string, setup: FitnessSetup) => Promise<CaissonError>;
}
