// Owns what a house stands on and what is dear to wait for: its directories, and the store whose thread starts beside the imports.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import type { FaultPoint } from './base/faults.ts';
import { sha256 } from './base/hash.ts';
import type { LoadedConfig } from './config/load.ts';
import { loadMask, type Mask } from './masking.ts';
import { type Places, placesOf } from './places.ts';
import { openStore, type Store } from './store/open.ts';
import type { WorkerThread } from './store/worker-port.ts';

export interface Foundation {
  readonly places: Places;
  readonly store: Store;
  /** Undefined: no secret of the configuration is set. */
  readonly mask: Mask | undefined;
}

/** Makes the directories, locks the data directory and opens its database. Rejects with a coded error. */
export async function layFoundation(
  config: LoadedConfig,
  {
    host,
    faults,
    thread,
  }: { readonly host: 'service' | 'cli'; readonly faults: FaultPoint; readonly thread?: WorkerThread },
): Promise<Foundation> {
  const places = makePlaces(placesOf(config));
  const masking = loadMask(config);
  masking.catch(() => {});
  const reads = host === 'cli' ? 'writer' : 'worker';
  const store = await openStore({
    dataDir: places.dataDir,
    faults,
    reads,
    ...(thread === undefined ? {} : { thread }),
  });
  return { places, store, mask: await masking };
}

/** At once, without a turn of the event loop: the imports that follow would hold it up. */
function makePlaces(places: Places): Places {
  mkdirSync(places.dataDir, { recursive: true, mode: 0o711 });
  mkdirSync(places.runsRoot, { recursive: true, mode: 0o711 });
  mkdirSync(places.keptRoot, { recursive: true, mode: 0o700 });
  mkdirSync(places.uploads, { recursive: true, mode: 0o700 });
  mkdirSync(places.sockets, { recursive: true, mode: 0o700 });
  writeFileSync(places.canary, `${sha256(places.dataDir)}\n`, { mode: 0o644 });
  chmodSync(places.sockets, 0o700);
  return places;
}
