// Owns the moment when the schema library is loaded: with the first schema that is used, not when a program starts. Knows no schema.
import type { z } from 'zod';
import { lateLibrary } from './late-library.ts';

export type Zod = typeof z;

/** Type of what a late schema gives. */
export type Late<Schema extends () => z.ZodType> = z.output<ReturnType<Schema>>;

const library = lateLibrary('zod');

/** A schema that is made when it is first asked for. The library costs a quarter of the time in which a run must begin. */
export function late<Schema>(make: (zod: Zod) => Schema): () => Schema {
  let made: { readonly schema: Schema } | undefined;
  return () => (made ??= { schema: make(library().z) }).schema;
}

export function loadZod(): Zod {
  return library().z;
}
