// Owns the door to the engines as a house has it, and the list of those engines, which may be read anew. Knows no client and no run.
import { createQuotas } from './accounts/quotas.ts';
import type { UsageLog } from './accounts/usage.ts';
import type { Router } from './backends/router.ts';
import { systemClock } from './base/clock.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Backend, BackendState } from './contracts/ports.ts';
import { type Admission, createAdmission } from './gateway/admission/admission.ts';
import { createEngines } from './gateway/admission/engines.ts';
import type { Store } from './store/open.ts';

export interface LoadedBackends {
  readonly settings: LoadedConfig['backends'];
  readonly backends: readonly Backend[];
}

export interface Door {
  /** Clients of the gateway and runs of this house pass it alike. */
  readonly admission: Admission;
  /** Reads the list of backends anew. Rejects with what is wrong there; then all stays as it was. */
  readonly reloadBackends: () => Promise<readonly BackendState[]>;
}

/** `load`: the list as the configuration has it now; absent: it does not change. */
export function makeDoor(
  { backends, queue }: Pick<LoadedConfig, 'backends' | 'queue'>,
  { store, usage, router }: { readonly store: Store; readonly usage: UsageLog; readonly router: Router },
  load?: () => Promise<LoadedBackends>,
): Door {
  let settings = backends;
  const engines = createEngines({
    get engines() {
      return settings;
    },
    backendsOf: (model, signal) => router.replicasOf(model, signal),
    accepts: (name) => router.accepts(name),
    queue,
    clock: systemClock,
  });
  router.onChange(() => engines.changed());
  return {
    admission: createAdmission({ quotas: createQuotas({ store, clock: systemClock, usage }), usage, engines }),
    reloadBackends: async () => {
      const fresh = await load?.();
      if (fresh !== undefined) {
        settings = fresh.settings;
        router.replace(fresh.backends);
      }
      return router.states();
    },
  };
}
