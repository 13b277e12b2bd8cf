// Owns the choice of the executor: in this process, or a runner behind a socket. A composition root.
import { dirname } from 'node:path';
import type { Logger } from './base/logger.ts';
import { systemClock } from './base/clock.ts';
import type { LoadedConfig } from './config/load.ts';
import type { OpenProxy } from './contracts/egress.ts';
import type { Executor } from './contracts/executor.ts';
import type { Places } from './places.ts';
import { createExecutor } from './sandbox/executor.ts';
import { commandUser, insidePaths, type SandboxSetup } from './sandbox/setup.ts';
import { fillToolbox } from './sandbox/toolbox.ts';

export interface OpenExecutor {
  readonly port: Executor;
  /** Absolute path of the work tree inside a sandbox. */
  readonly workPath: string;
  /** Who must own a box; only when this process is root. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

export async function openExecutor(
  config: Pick<LoadedConfig, 'executor' | 'confinement'>,
  places: Places,
  programs: { readonly node: string; readonly rg: string },
  logger: Logger,
): Promise<OpenExecutor> {
  const setup = sandboxSetup(config, places, logger);
  const workPath = insidePaths(commandUser(setup)).work;
  const { user } = places;
  const owner = user === undefined ? undefined : { uid: user.uid, gid: user.gid };
  if (config.executor.mode === 'socket') {
    const { connectExecutor } = await import('./sandbox/wire-client.ts');
    return { port: await connectExecutor(config.executor.socket), workPath, owner };
  }
  await fillToolbox(places.toolbox, programs);
  return { port: createExecutor(setup), workPath, owner };
}

/** What is hidden inside: everything of ours on this host. */
export function sandboxSetup(
  { confinement: { toolchains } }: Pick<LoadedConfig, 'confinement'>,
  places: Places,
  logger: Logger,
): SandboxSetup {
  const { runsRoot, dataDir, canary, toolbox, user } = places;
  const keeping = () => import('./sandbox/watching/keep.ts');
  const networking = () => import('./sandbox/network/network.ts');
  const proxy: OpenProxy = async (profile, of) =>
    (await import('./egress-proxy.ts')).proxies({ clock: systemClock, logger })(profile, of);
  const probing = () => import('./sandbox/probing/probe.ts');
  const fitness = () => import('./sandbox/fitness.ts');
  const parts = { toolchains, keeping, probing, fitness, networking, proxy, clock: systemClock, logger };
  const setup = { boxesRoot: runsRoot, hidden: [...new Set([dataDir, dirname(runsRoot)])], canary, toolbox, ...parts };
  return user === undefined ? setup : { ...setup, user };
}
