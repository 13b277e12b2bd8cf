// Owns the reading of the surroundings: environment, home, user, standard folders. The only place where they are read.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** A value given on the command line: `path` is its place in the configuration, as `server.port`. */
export interface FlagValue {
  /** As typed: `--data-dir`. */
  readonly flag: string;
  readonly path: string;
  readonly value: unknown;
}

export interface ConfigSources {
  readonly flags: readonly FlagValue[];
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly cwd: string;
  readonly isRoot: boolean;
  readonly systemFile: string;
  readonly userFile: string;
  /** Top of the repository that the run is about. */
  readonly projectDir?: string;
  /** Takes the place of the system's and the user's file. */
  readonly explicitFile?: string;
}

export interface SourceWishes {
  readonly flags?: readonly FlagValue[];
  readonly projectDir?: string;
  /** Of `--config`; else CAISSON_CONFIG counts. */
  readonly explicitFile?: string;
}

/** The sources as they are on this machine now. */
export function currentSources({ flags = [], projectDir, explicitFile }: SourceWishes): ConfigSources {
  const { env } = process;
  const home = homedir();
  const cwd = process.cwd();
  const named = explicitFile ?? (env['CAISSON_CONFIG'] === '' ? undefined : env['CAISSON_CONFIG']);
  const config = env['XDG_CONFIG_HOME'] ?? '';
  return {
    flags,
    env,
    home,
    cwd,
    isRoot: process.getuid?.() === 0,
    systemFile: '/etc/caisson/caisson.yaml',
    userFile: join(config.startsWith('/') ? config : join(home, '.config'), 'caisson', 'caisson.yaml'),
    ...(projectDir === undefined ? {} : { projectDir: resolve(cwd, projectDir) }),
    ...(named === undefined ? {} : { explicitFile: resolve(cwd, named) }),
  };
}
