// Owns libraries that are loaded when they are first used, not when a program starts. Knows nothing of what they do.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as Unbash from 'unbash';
import type * as Yaml from 'yaml';
import type * as ZodLibrary from 'zod';

/** Those that are dear to load and not needed until a run has begun. */
interface Libraries {
  readonly unbash: typeof Unbash;
  readonly yaml: typeof Yaml;
  readonly zod: typeof ZodLibrary;
}

/** The same copy that an `import` gives. */
export function lateLibrary<Name extends keyof Libraries>(name: Name): () => Libraries[Name] {
  let loaded: { readonly library: Libraries[Name] } | undefined;
  return () => (loaded ??= { library: load(name) as Libraries[Name] }).library;
}

function load(name: string): unknown {
  return createRequire(import.meta.url)(fileURLToPath(import.meta.resolve(name)));
}
