// Owns what the loop needs from outside and what it gives back. Knows no implementation.
import type { Clock } from '../base/clock.ts';
import type { Limits } from '../base/limits.ts';
import type { ToolDefinition } from '../contracts/messages.ts';
import type { ModelErrorEvent } from '../contracts/model-events.ts';
import type { Emit, Progress, RunTool, StreamModel, VerifyClaim } from '../contracts/ports.ts';

export interface AgentOptions {
  readonly model: string;
  /** Id of the run; sent as the affinity of each request. */
  readonly run: string;
  readonly tools: readonly ToolDefinition[];
  readonly checksDeclared: boolean;
}

export interface AgentPorts {
  readonly streamModel: StreamModel;
  readonly runTool: RunTool;
  readonly verifyClaim: VerifyClaim;
  readonly emit: Emit;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Words of a person since the last call; each is already in the journal. */
  readonly takeMessages: () => readonly string[];
  /** Milliseconds the run has worked, waiting for people left out. */
  readonly activeMs: () => number;
  /** Resolves after that time, or at once when the signal aborts. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export type AgentLimit = 'runSteps' | 'runTokens' | 'runWallMs' | 'runFormatErrors' | 'runRepeatedCalls';

/** How the loop ended. `stopped`: the signal aborted; its reason says why. */
export type AgentEnd =
  | { readonly end: 'done'; readonly summary: string }
  | { readonly end: 'checks_failed'; readonly summary: string }
  | { readonly end: 'limit_hit'; readonly limit: AgentLimit }
  | { readonly end: 'model_failed'; readonly error: ModelErrorEvent }
  | { readonly end: 'stopped' };
