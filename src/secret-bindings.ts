// Owns the way of secrets from the configuration to the network of a run. A composition root.
import { createHmac } from 'node:crypto';
import type { LoadedConfig } from './config/load.ts';
import { resolveSecret } from './config/secret.ts';
import type { Bindings } from './secrets/binding.ts';

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
