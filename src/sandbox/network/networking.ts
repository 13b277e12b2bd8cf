// Owns the words between a sandbox and its network. Knows no implementation.
import type { ChildProcess } from 'node:child_process';
import type { EgressGrant, EgressProfile, EgressRecord, OpenProxy } from '../../contracts/egress.ts';
import type { OpenSandbox } from '../../contracts/executor.ts';
import type { CommandUser } from '../command-user.ts';

/** Of one sandbox, over all of its shells. */
export interface SandboxNetwork {
  /** Variables of everything inside, beside those of every sandbox. */
  readonly environment: Readonly<Record<string, string>>;
  /** Text for Node that hands the listening socket out. */
  readonly script: string;
  /** Puts into the box what its programs need. Before each launch. */
  prepare(): Promise<void>;
  /**
   * What `launch` started hands out its listening socket, once and before any command runs; false if something else came. `leave` ends
   * the wait, as when all of it has died.
   */
  join(child: ChildProcess, leave: Promise<unknown>): Promise<boolean>;
  permit(grant: EgressGrant): void;
  take(): readonly EgressRecord[];
  /** The shell has died; the next one hands out another socket. */
  part(): void;
  close(): Promise<void>;
}

export interface Networking {
  /** Rejects with `config_invalid` for a profile that cannot be served. */
  readonly openNetwork: (
    request: OpenSandbox & { readonly egress: EgressProfile },
    setup: NetworkSetup,
  ) => Promise<SandboxNetwork>;
}

/** Of the setup of the sandbox: who runs the commands, and the proxy. */
export interface NetworkSetup {
  readonly user?: CommandUser;
  readonly proxy?: OpenProxy;
}
