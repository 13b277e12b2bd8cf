// Owns what of a house is loaded only when a run needs it: tools, snapshots, set-ups. A composition root.
import { systemClock } from './base/clock.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Setups } from './contracts/setups.ts';
import type { HousePolicy } from './policy-file.ts';
import type { Places } from './places.ts';
import type { RunsPorts } from './runs/ports.ts';

export interface LateRooms extends Pick<RunsPorts, 'toolRoom' | 'snapshotRoom' | 'setupRoom' | 'network'> {
  /** The kept set-ups, for people. */
  readonly setups: Setups;
}

const DAY_MS = 24 * 3600 * 1000;

export function lateRooms(config: Pick<LoadedConfig, 'setup'>, places: Pick<Places, 'setupsRoot'>): LateRooms {
  const setupRoom = once(() => openSetups(config, places));
  return {
    toolRoom: openToolRoom,
    snapshotRoom: async () => (await import('./workspace/snapshots/take.ts')).createSnapshots,
    setupRoom,
    setups: {
      list: async () => (await setupRoom()).list(),
      get: async (key) => (await setupRoom()).get(key),
      drop: async (key) => (await setupRoom()).drop(key),
    },
  };
}

/** The shipped policy opens none, and nothing is loaded for it. */
export async function networksOf(
  config: LoadedConfig,
  policy: HousePolicy,
  key: Uint8Array,
): Promise<Pick<RunsPorts, 'network'>> {
  if (config.policyFile === undefined) return {};
  const network = await (await import('./network.ts')).openNetworks(config, policy, key);
  return network === undefined ? {} : { network };
}

async function openToolRoom(): ReturnType<RunsPorts['toolRoom']> {
  const [{ TOOLS }, { createRunTool }] = await Promise.all([
    import('./tools/registry.ts'),
    import('./tools/run-tool.ts'),
  ]);
  return (ports) => createRunTool({ ...ports, tools: TOOLS });
}

async function openSetups(
  { setup }: Pick<LoadedConfig, 'setup'>,
  { setupsRoot: root }: Pick<Places, 'setupsRoot'>,
): ReturnType<RunsPorts['setupRoom']> {
  const { openSetupRoom } = await import('./runs/setup/room.ts');
  const { keepDays, cacheBytes: maxBytes, diskPercent } = setup;
  return openSetupRoom({ root, keepMs: keepDays * DAY_MS, maxBytes, diskPercent, clock: systemClock }, setup);
}

/** One for all; where it could not be opened, the next one tries again. */
function once<Value>(open: () => Promise<Value>): () => Promise<Value> {
  let opened: Promise<Value> | undefined;
  return () => {
    opened ??= open();
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };
}
