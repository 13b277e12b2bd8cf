// Owns where things of a data directory lie. Knows no content.
import { join } from 'node:path';
import { CaissonError } from './base/errors.ts';
import { sha256 } from './base/hash.ts';
import type { LoadedConfig } from './config/load.ts';
import { type CommandUser, findUser } from './sandbox/command-user.ts';

export interface Places {
  readonly dataDir: string;
  readonly database: string;
  readonly head: string;
  /** Directory whose children are the directories of the runs. */
  readonly runsRoot: string;
  /** Beside it, on the same file system: what is kept of runs that have ended. */
  readonly keptRoot: string;
  /** Beside it too: what set-ups have made. */
  readonly setupsRoot: string;
  readonly toolbox: string;
  readonly uploads: string;
  readonly sockets: string;
  readonly socket: string;
  /** A file the service can read, for the self-test of each sandbox. */
  readonly canary: string;
  /** Root mode: who runs the commands. */
  readonly user: CommandUser | undefined;
}

const HASH_LETTERS = 12;
const HASH_START = 'sha256:'.length;

/**
 * As root, boxes lie below the home of the command user: firejail mounts a box from elsewhere, as below /var, so that nothing in it can
 * be executed. Throws `sandbox_unavailable` if that user is missing.
 */
export function placesOf(config: Pick<LoadedConfig, 'dataDir' | 'isRoot' | 'executor'>): Places {
  const { dataDir, isRoot } = config;
  const user = isRoot ? findUser(config.executor.user) : undefined;
  if (isRoot && user === undefined)
    throw new CaissonError(
      'sandbox_unavailable',
      `as root, commands run as the user "${config.executor.user}", and there is none`,
      {
        hint: `useradd --system --create-home ${config.executor.user}`,
      },
    );
  const { boxes = boxesOf(dataDir, user) } = config.executor;
  const sockets = join(dataDir, 'sock');
  return {
    dataDir,
    database: join(dataDir, 'caisson.db'),
    head: join(dataDir, 'journal.head'),
    runsRoot: join(boxes, 'runs'),
    keptRoot: join(boxes, 'kept'),
    setupsRoot: join(boxes, 'setups'),
    toolbox: join(config.executor.boxes ?? user?.home ?? dataDir, 'toolbox'),
    uploads: join(dataDir, 'uploads'),
    sockets,
    socket: join(sockets, 'caisson.sock'),
    canary: join(dataDir, 'canary'),
    user,
  };
}

function boxesOf(dataDir: string, user: CommandUser | undefined): string {
  return user === undefined ? dataDir : join(user.home, sha256(dataDir).slice(HASH_START, HASH_START + HASH_LETTERS));
}
