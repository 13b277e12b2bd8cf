// Owns what a command gets to work with. Knows no command.
import type { LoadedConfig } from '../config/load.ts';
import type { Overseer } from './overseer.ts';
import type { Terminal } from './terminal.ts';

export interface Flags {
  readonly [name: string]: string | boolean | readonly string[] | undefined;
}

export interface Context {
  readonly terminal: Terminal;
  readonly positionals: readonly string[];
  readonly flags: Flags;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Reads the configuration; `project`: the repository whose file counts as well. */
  config(project?: string): Promise<LoadedConfig>;
  /** The service where one answers, else this process. */
  overseer(loaded: LoadedConfig): Promise<Overseer>;
  /** Asks the person at the terminal. Always false when nobody watches. */
  confirm(question: string): Promise<boolean>;
}

/** Exit codes: 0 as wished, 1 not as wished, 2 wrong usage, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

export interface Command {
  /** Words after the name, for the help. */
  readonly usage: string;
  readonly summary: string;
  readonly flags: Readonly<Record<string, FlagKind>>;
  /** Fewest and most positionals. */
  readonly positionals: readonly [number, number];
  run(context: Context): Promise<ExitCode>;
}

export interface FlagKind {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly value?: string;
  readonly help: string;
}

export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

export function listFlag(flags: Flags, name: string): readonly string[] {
  const value = flags[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
