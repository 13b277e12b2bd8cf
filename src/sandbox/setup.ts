// Owns what the sandbox is told once, and the paths that follow from it. Knows no process.
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { CommandUser } from './command-user.ts';
import type { OpenProxy } from '../contracts/egress.ts';
import type { Fitness } from './exit.ts';
import type { Networking } from './network/networking.ts';
import type { Probing } from './probing/probing.ts';
import type { Keeping } from './watching/keeping.ts';

export interface SandboxSetup {
  /** Every box lies below it. */
  readonly boxesRoot: string;
  /** Host paths that must be unreadable inside: the data directory, sockets, key files. */
  readonly hidden: readonly string[];
  /** A file that the service can read and the sandbox must not: the handshake tries it. */
  readonly canary: string;
  /** Host directory with `node` and `rg`, put read-only into each box. */
  readonly toolbox: string;
  /** Root mode: who runs the commands. Absent: the user of this process. */
  readonly user?: CommandUser;
  /** Folders of the host that every sandbox sees, read-only, with their `bin` in its path. */
  readonly toolchains?: readonly string[];
  /** Path of firejail. Absent: it is looked for in the usual places. */
  readonly firejail?: string;
  /** `watching/keep.ts`, loaded with the first sandbox. */
  readonly keeping: () => Promise<Keeping>;
  /** `probing/probe.ts`, loaded with the first probe. */
  readonly probing: () => Promise<Probing>;
  /** `fitness.ts`, loaded with the first launch that ends too soon. */
  readonly fitness: () => Promise<Fitness>;
  /** `network/network.ts`, loaded with the first sandbox that has a network. Absent: such a sandbox is refused. */
  readonly networking?: () => Promise<Networking>;
  /** What stands behind the network of a sandbox. */
  readonly proxy?: OpenProxy;
  /** Name of the control group for sandboxes, below or beside the service's own. Absent: `caisson.sandboxes`. */
  readonly groupName?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface InsidePaths {
  readonly root: string;
  readonly work: string;
  readonly home: string;
  readonly out: string;
  readonly bin: string;
}

export const BOX_BIN = join('.caisson', 'bin');

/** Throws `sandbox_unavailable` where this process runs as nobody that is known. */
export function commandUser(setup: Pick<SandboxSetup, 'user'>): CommandUser {
  if (setup.user !== undefined) return setup.user;
  try {
    const { username, uid, gid, homedir } = userInfo();
    return { name: username, uid, gid, home: homedir };
  } catch (cause) {
    const message = `the uid ${process.getuid?.()} of this process is of no user, and firejail starts nothing for it`;
    throw new CaissonError('sandbox_unavailable', message, {
      cause,
      hint: 'Make a user with a home for it (a line in /etc/passwd), or run as another.',
    });
  }
}

/** Where the parts of a box are, seen from inside: firejail puts the box over the user's home. */
export function insidePaths(user: CommandUser): InsidePaths {
  const root = user.home;
  return { root, work: join(root, 'work'), home: join(root, 'home'), out: join(root, 'out'), bin: join(root, BOX_BIN) };
}
