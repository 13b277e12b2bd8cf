// Owns what a run is: what is asked for, how it stands, how it ended. Knows no table and no process.
import { type Late, late, type Zod } from '../base/schema.ts';
import type { ErrorReport } from '../base/errors.ts';
import type { Origin } from './workspace.ts';

/** A declared check: a shell command that must end with status 0 on base + patch in a fresh sandbox. */
export const checkSchema = late((z) =>
  z.strictObject({ name: z.string().min(1).max(80), run: z.string().min(1).max(4096) }),
);
export type Check = Late<typeof checkSchema>;

/** What is made ready before the agent comes; in the order of the commands, in one shell. */
function setupWishSchema(z: Zod) {
  return z.strictObject({
    /** None: nothing is made ready, whatever lock files there are. */
    run: z.array(setupCommandSchema(z)).max(MAX_SETUP_COMMANDS),
    /** Files and directories of the repository that the commands see; absent: what they are known to need, else all. */
    files: z.array(setupPathSchema(z)).min(1).max(MAX_SETUP_PATHS).optional(),
    /** What a command that fails does to the run. */
    failure: z.enum(SETUP_FAILURES),
  });
}

export const SETUP_FAILURES = ['end', 'go_on'] as const;
export const MAX_SETUP_COMMANDS = 20;
export const MAX_SETUP_PATHS = 200;

export function setupCommandSchema(z: Zod) {
  return z.string().regex(/\S/, 'a command').max(4096);
}

export function setupPathSchema(z: Zod) {
  const message = 'a path in the repository, such as package.json, or . for all of it';
  return z
    .string()
    .max(1024)
    .regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$)).+$/s, message);
}

export const runRequestSchema = late((z) =>
  z.strictObject({
    task: z.string().min(1),
    /** '' asks for the first model that is served. */
    model: z.string(),
    checks: z.array(checkSchema()).max(20).default([]),
    setup: setupWishSchema(z).optional(),
    origin: z.strictObject({ head: z.string(), branch: z.string(), headTree: z.string(), tree: z.string() }),
    /** Ask to publish the patch under this ref as soon as the checks passed; absent: the patch only waits to be applied. */
    publish: z.strictObject({ ref: z.string().regex(/^refs\/heads\/[^\s~^:?*[\\]+$/), remote: z.string() }).optional(),
  }),
);
export type SetupWish = NonNullable<RunRequest['setup']>;
export type RunRequest = Late<typeof runRequestSchema>;

export type RunState = 'queued' | 'running' | 'waiting' | 'ended';

/** How a run ended. Only `done` has a patch that passed its checks (or had none declared: `unverified`). */
export type RunEnd =
  | { readonly end: 'done'; readonly verified: boolean }
  | { readonly end: 'checks_failed' }
  | { readonly end: 'limit_hit'; readonly limit: string }
  | { readonly end: 'denied'; readonly rule: string }
  | { readonly end: 'cancelled'; readonly by: string }
  | { readonly end: 'crashed' }
  | { readonly end: 'failed'; readonly error: ErrorReport };

export interface CheckOutcome {
  readonly name: string;
  readonly command: string;
  readonly on: 'base' | 'patch';
  readonly status: 'passed' | 'failed' | 'timed_out' | 'killed' | 'not_run';
  readonly exitCode?: number;
  readonly ms: number;
  /** Head and tail of what it printed. */
  readonly output: string;
}

export interface RunTotals {
  readonly steps: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** The row that lists show; everything in it follows from the journal. */
export interface RunRecord {
  readonly id: string;
  readonly task: string;
  readonly model: string;
  readonly owner: string;
  readonly team: string;
  readonly state: RunState;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly end?: RunEnd;
  /** True if a recorded conversation gave the replies. */
  readonly recorded: boolean;
  readonly origin: Origin;
  readonly totals: RunTotals;
  readonly summary?: string;
  /** Hash of the final patch, if there is one. */
  readonly patch?: string;
}
