// Owns one source of configuration after another, each checked by the schema and knowing where its values are written. Knows no default.
import { dirname, join } from 'node:path';
import type { ErrorPlace } from '../base/errors.ts';
import { explainIssues } from '../base/explain-issues.ts';
import { byPlace, type FieldPath, fieldName, type Problem } from '../base/problems.ts';
import type { YamlText } from '../base/yaml.ts';
import { type FileWish, readConfigFile } from './config-file.ts';
import { type Assignment, assignmentsOf } from './environment.ts';
import { absolutePaths } from './paths.ts';
import { configSchema, type ConfigValues, PROJECT_KEYS } from './schema.ts';
import { PROJECT_SETUP_KEYS, SETUP_KEYS } from './setup.ts';
import type { ConfigSources } from './sources.ts';

/** Name of the file in a repository. */
export const PROJECT_FILE = '.caisson.yaml';

const TEXT_FIELDS: readonly string[] = ['data_dir', 'model', 'policy'];
const PLAIN_TEXT = /^[\w./:@+-]{1,256}$/;

export interface Layer {
  /** Path of the file, or undefined for the environment and the flags. */
  readonly file?: string;
  /** It comes with a repository: it may narrow limits, never widen them. */
  readonly untrusted: boolean;
  readonly values: ConfigValues;
  readonly originOf: (path: FieldPath) => string;
}

export type LayerResult =
  | { readonly layer: Layer; readonly problems: readonly [] }
  | { readonly problems: readonly Problem[] };

/** All sources that are there, the weakest first. Throws `config_unreadable`; wrong values are in `problems`. */
export async function readLayers(sources: ConfigSources): Promise<readonly LayerResult[]> {
  const wishes = fileWishes(sources);
  const texts = await Promise.all(wishes.map(readConfigFile));
  const files = wishes.flatMap((wish, index) => {
    const text = texts[index];
    return text === undefined ? [] : [fileLayer(wish, text, sources.home)];
  });
  const spoken = [
    assignmentsOf(sources.env),
    sources.flags.map(({ flag, path, value }) => ({ path: path.split('.'), value, origin: flag })),
  ];
  return [...files, ...spoken.filter((all) => all.length > 0).map((all) => spokenLayer(all, sources))];
}

/** The verdict on one file. */
export function fileLayer({ file, untrusted }: FileWish, text: YamlText, home: string): LayerResult {
  const refused = untrusted ? refusedKeys(text) : [];
  const checked = check(text.value ?? {}, (path, key) => text.placeOf(path, key));
  const problems = [...text.problems, ...refused, ...checked.problems].sort(byPlace);
  if (problems.length > 0 || checked.values === undefined) return { problems };
  const originOf = (path: FieldPath) => `${file}:${text.placeOf(path).line ?? 1}`;
  const values = absolutePaths(checked.values, { base: dirname(file), home });
  return { layer: { file, untrusted, values, originOf }, problems: [] };
}

function fileWishes({ systemFile, userFile, explicitFile, projectDir }: ConfigSources): readonly FileWish[] {
  const ordinary = (file: string) => ({ file, required: false, untrusted: false });
  const named =
    explicitFile === undefined
      ? [ordinary(systemFile), ordinary(userFile)]
      : [{ ...ordinary(explicitFile), required: true }];
  if (projectDir === undefined) return named;
  return [...named, { file: join(projectDir, PROJECT_FILE), required: false, untrusted: true }];
}

/** Variables and flags: their place is their name. */
function spokenLayer(assignments: readonly Assignment[], { cwd, home }: ConfigSources): LayerResult {
  const originOf = (path: FieldPath) =>
    assignments.find((one) => one.path.every((part, index) => part === path[index]))?.origin ?? '';
  const nested = nest(assignments);
  const { values, problems } = assignments.every(isPlain)
    ? { values: nested, problems: [] }
    : check(nested, (path) => ({ field: fieldName(path) }));
  const told = problems.map(({ place, text }) => ({
    place,
    text: `${originOf((place.field ?? '').split(/[.[]/))}: ${text}`,
  }));
  if (told.length > 0 || values === undefined) return { problems: told };
  return { layer: { untrusted: false, values: absolutePaths(values, { base: cwd, home }), originOf }, problems: [] };
}

/** A short word where the schema takes any: it need not be asked, and the start of a run need not wait for it. */
function isPlain({ path: [field = '', ...rest], value }: Assignment): boolean {
  return rest.length === 0 && TEXT_FIELDS.includes(field) && typeof value === 'string' && PLAIN_TEXT.test(value);
}

function check(
  value: unknown,
  placeOf: (path: FieldPath, key?: boolean) => ErrorPlace,
): { readonly values?: ConfigValues; readonly problems: readonly Problem[] } {
  const schema = configSchema();
  const parsed = schema.safeParse(value);
  if (parsed.success) return { values: parsed.data, problems: [] };
  return {
    problems: explainIssues(parsed.error.issues, value, schema).map(({ path, text, onKey }) => ({
      place: { ...placeOf(path, onKey), ...(path.length === 0 ? {} : { field: fieldName(path) }) },
      text,
    })),
  };
}

function refusedKeys(text: YamlText): readonly Problem[] {
  if (typeof text.value !== 'object' || text.value === null) return [];
  const whole = Object.keys(text.value)
    .filter((key) => Object.hasOwn(configSchema().shape, key) && !PROJECT_KEYS.includes(key))
    .map((key) => refusedAt([key], PROJECT_KEYS, text));
  const setup: unknown = 'setup' in text.value ? text.value.setup : undefined;
  const inner = Object.keys(typeof setup === 'object' && setup !== null ? setup : {})
    .filter((key) => SETUP_KEYS.includes(key) && !PROJECT_SETUP_KEYS.includes(key))
    .map((key) => refusedAt(['setup', key], PROJECT_SETUP_KEYS, text));
  return [...whole, ...inner];
}

function refusedAt(path: readonly string[], allowed: readonly string[], text: YamlText): Problem {
  const within = path.length > 1 ? ` of ${path[0] ?? ''}` : '';
  const where = `belongs in your own or the system's file`;
  return {
    place: text.placeOf(path, true),
    text: `a repository may set ${allowed.join(', ')}${within} and nothing else: ${path.at(-1) ?? ''} ${where}`,
  };
}

function nest(assignments: readonly Assignment[]): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const { path, value } of assignments) {
    const [first = '', second] = path;
    if (second === undefined) all[first] = value;
    else all[first] = { ...(all[first] as Record<string, unknown> | undefined), [second]: value };
  }
  return all;
}
