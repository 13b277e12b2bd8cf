// Owns the way of secrets from the configuration to the network of a run. A composition root.
import { createHmac } from 'node:crypto';
import type { LoadedConfig } from './config/load.ts';
import { resolveSecret } from './config/secret.ts';
import type { BoundSecret } from './contracts/egress.ts';
import type { Decide } from './contracts/ports.ts';
import type { Bindings } from './secrets/binding.ts';

/** What a run is given; throws what hindered the reading of the secrets, for the run to say. */
export type BindSecrets = (run: string, decide: Decide) => readonly BoundSecret[];

/** Never rejects: a secret that is missing hinders no start, only the runs that have a network. */
export async function secretBinder(config: Pick<LoadedConfig, 'secrets'>, key: Uint8Array): Promise<BindSecrets> {
  try {
    const bindings = await loadBindings(config, key);
    return (run, decide) => bindings?.bind(run, decide).bound ?? [];
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/**
 * Reads every secret of the configuration; undefined if it names none. `key`: of the journal, which nobody else has. Rejects with
 * `secret_unresolved` for one that is not there, and with `config_invalid` for one that could not be masked.
 */
export async function loadBindings(
  { secrets }: Pick<LoadedConfig, 'secrets'>,
  key: Uint8Array,
): Promise<Bindings | undefined> {
  const named = Object.entries(secrets).map(([name, { value, host, header, scheme, method, path }]) => ({
    name,
    header,
    value: () => resolveSecret(value),
    match: {
      hosts: host,
      schemes: scheme,
      ...(method === undefined ? {} : { methods: method }),
      ...(path === undefined ? {} : { paths: path }),
    },
  }));
  if (named.length === 0) return undefined;
  const { readBindings } = await import('./secrets/binding.ts');
  return readBindings(named, createHmac('sha256', key).update('placeholders of secrets').digest());
}
