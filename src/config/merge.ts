// Owns the joining of layers: the stronger value wins, lists are taken whole, each value remembers where it is written. Knows no source.
import { type FieldPath, fieldName } from '../base/problems.ts';
import type { Layer } from './layers.ts';
import type { ConfigValues } from './schema.ts';

export interface Merged {
  readonly values: ConfigValues;
  /** `server.port` or `backends[0].url` → where it is written. */
  readonly origins: ReadonlyMap<string, string>;
}

type Loose = Record<string, unknown>;

/** `layers`: the weakest first. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const values: Loose = {};
  const origins = new Map<string, string>();
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer.values)) {
      if (isSection(value)) {
        const section = { ...(values[key] as Loose | undefined) };
        for (const [name, inner] of Object.entries(value)) {
          if (layer.untrusted && widens(section[name], inner)) continue;
          put(section, name, inner, [key, name], layer, origins);
        }
        values[key] = section;
      } else put(values, key, value, [key], layer, origins);
    }
  }
  return { values, origins };
}

function put(
  into: Loose,
  name: string,
  value: unknown,
  path: FieldPath,
  layer: Layer,
  origins: Map<string, string>,
): void {
  if (value === undefined) return;
  into[name] = value;
  const field = fieldName(path);
  for (const known of origins.keys()) if (known.startsWith(`${field}[`)) origins.delete(known);
  for (const leaf of leavesOf(value, path)) origins.set(fieldName(leaf), layer.originOf(leaf));
  origins.set(field, layer.originOf(path));
}

function leavesOf(value: unknown, path: FieldPath): readonly FieldPath[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => leavesOf(item, [...path, index]));
  if (!isSection(value) || 'file' in value) return [path];
  return Object.entries(value).flatMap(([name, item]) => leavesOf(item, [...path, name]));
}

/** A repository's limits only narrow what the person has set. */
function widens(before: unknown, now: unknown): boolean {
  return typeof before === 'number' && typeof now === 'number' && now > before;
}

function isSection(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
