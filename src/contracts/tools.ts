// Owns the result of a tool call and the definition of a tool. Knows no tool.
import type { Limits } from '../base/limits.ts';
import type { Effect } from './effects.ts';
import type { EgressGrant } from './egress.ts';
import type { ExecOutcome, ExecRequest, KillReason } from './executor.ts';
import type { ToolDefinition } from './messages.ts';

export interface CutOutput {
  /** Bytes and lines that were left out between head and tail. */
  readonly bytes: number;
  readonly lines: number;
  /** Where the whole output lies, readable inside the sandbox; absent where it was not kept. */
  readonly path?: string;
}

/** What came of a call. Never an exception. `output` is what the model reads, at most `LIMITS.toolResultBytes`. */
export type ToolResult = ToolOutcome & { readonly output: string; readonly cut?: CutOutput };

export type ToolOutcome =
  | { readonly status: 'ok' }
  /** The tool ran and says no: exit status other than 0, no match, not unique. `exitCode` for commands. */
  | { readonly status: 'failed'; readonly exitCode?: number }
  /** The call itself was malformed: unknown tool, broken JSON, schema. The model may correct it. */
  | { readonly status: 'invalid' }
  | { readonly status: 'denied'; readonly rule: string }
  | { readonly status: 'timed_out'; readonly afterMs: number }
  | { readonly status: 'killed'; readonly by: KillReason }
  /** It was started before a crash and is not repeated: nobody knows what came of it. */
  | { readonly status: 'unknown' };

/** What a tool may do: run commands in this run's sandbox, nothing else. */
export interface ToolContext {
  readonly run: string;
  readonly step: number;
  readonly exec: (request: Omit<ExecRequest, 'sandbox' | 'exec'>) => Promise<ExecOutcome>;
  /** Absolute path of the work tree inside the sandbox. */
  readonly workPath: string;
  readonly limits: Limits;
  /** What a person has just allowed of what this call asked for. */
  readonly granted?: readonly EgressGrant[];
  /** One more command before the work goes on, on the present files. Every process of the run ends. Absent: there is no such thing. */
  readonly setUp?: (command: string) => Promise<{ readonly ok: boolean; readonly text: string }>;
}

/** A claim to be done, made by the `finish` tool. */
export interface FinishClaim {
  readonly summary: string;
  readonly checked: string;
}

/** A tool whose arguments are already parsed. One file each under tools/. */
export interface Tool<Arguments> {
  readonly definition: ToolDefinition;
  /** True: what it would do is asked for only. A person's yes opens the network of the run for it; a run without one has no such tool. */
  readonly access?: true;
  /** True: it needs `setUp` of its context; a run without one has no such tool. */
  readonly setsUp?: true;
  /** Parses the model's JSON value; the error text is written for the model. */
  parse(
    value: unknown,
  ): { readonly ok: true; readonly value: Arguments } | { readonly ok: false; readonly message: string };
  /** What the call would do; pure. */
  effects(value: Arguments): readonly Effect[];
  /** Must not throw for anything the model or the workspace did. */
  execute(value: Arguments, context: ToolContext): Promise<ToolResult>;
}
