// Owns the one schema of a model file: identity, memory, builds, engines, template, output, sampling. Knows no file and no arithmetic.
import type { z as Schema } from 'zod';
import { type Late, late, type Zod } from '../base/schema.ts';
import { PLAN_ENGINES } from '../contracts/model-plan.ts';

export const PRECISIONS = ['bf16', 'fp8', 'nvfp4', 'q8_0', 'q4_0'] as const;

const MOST_BUILDS = 32;
const MOST_LINES = 100;
const MOST_TOKENS = 100_000_000;
const MOST_LAYERS = 10_000;
const MOST_WEIGHTS_GB = 100_000;
const HOTTEST = 2;

function parts(z: Zod) {
  const word = z.string().min(1).max(256);
  const count = z.int().min(1).max(MOST_LAYERS);
  const flag = z.string().regex(/^--[a-z0-9][a-z0-9_-]*(?:=.+)?$/, 'a flag as --name or --name=value');
  const flags = z.array(flag).max(MOST_LINES);
  const environment = z.record(
    z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'the name of an environment variable'),
    z.string(),
  );
  const version = z.string().regex(/^\d+(?:\.\d+){1,2}$/, 'a version as 0.17.1');
  const engine = z.strictObject({
    image: word.optional(),
    minimum_version: version.optional(),
    flags: flags.optional(),
    prefix_caching_flags: flags.optional(),
    environment: environment.optional(),
    /** Of the configuration file that goes with the flags, where the engine has one. */
    options: z.record(word, z.json()).optional(),
    /** Why this engine cannot serve the model. */
    unavailable: word.optional(),
  });
  const sampling = z.strictObject({
    temperature: z.number().min(0).max(HOTTEST).optional(),
    top_p: z.number().min(0).max(1).optional(),
    top_k: z.int().min(1).max(MOST_TOKENS).optional(),
    max_tokens_at_least: z.int().min(1).max(MOST_TOKENS).optional(),
  });
  const templateArguments = z.record(word, z.union([z.boolean(), z.number(), z.string()]));
  return { word, count, flags, environment, engine, sampling, templateArguments };
}

export const modelSchema = late((z) => {
  const { word, engine, sampling, templateArguments } = parts(z);
  const tokens = z.int().min(1).max(MOST_TOKENS);
  return z
    .strictObject({
      model: z.strictObject({
        name: modelName(z),
        architecture: word.optional(),
        parameters: z.strictObject({ total: z.number().positive(), active: z.number().positive() }).optional(),
        license: word.optional(),
        context_tokens: z.strictObject({ default: tokens, maximum: tokens }).optional(),
      }),
      memory: memorySchema(z).optional(),
      builds: z.array(buildSchema(z)).max(MOST_BUILDS).optional(),
      engines: z
        .strictObject(Object.fromEntries([...PLAN_ENGINES, 'openai' as const].map((name) => [name, engine])) as Engines)
        .partial(),
      template: z.strictObject({ source: word, arguments: templateArguments }),
      thinking: z.strictObject({
        default: z.boolean(),
        off: z.strictObject({ arguments: templateArguments, system_text: word }).partial().optional(),
        less: templateArguments.optional(),
      }),
      output: z.strictObject({
        starts_inside_thinking: z.boolean(),
        thinking_start: word.optional(),
        thinking_end: word.optional(),
        tool_calls: z.enum(['xml', 'json', 'none']),
        stop_texts: z.array(word).max(MOST_LINES).optional(),
        stop_token_ids: z.array(z.int().min(0)).max(MOST_LINES).optional(),
      }),
      sampling: z.strictObject({ thinking: sampling, tool_calls: sampling, text: sampling }).partial().optional(),
      quirks: z.array(z.string().min(1)).max(MOST_LINES).optional(),
      unconfirmed: z.array(word).max(MOST_LINES).optional(),
    })
    .superRefine(belongsTogether);
});

export type ModelFile = Late<typeof modelSchema>;
export type BuildValues = NonNullable<ModelFile['builds']>[number];
export type EngineValues = NonNullable<ModelFile['engines']['vllm']>;

type Engines = Readonly<Record<(typeof PLAN_ENGINES)[number] | 'openai', ReturnType<typeof parts>['engine']>>;

function modelName(z: Zod) {
  return z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/, 'a name of small letters, digits, dots, dashes and underscores');
}

/** Sizes as the model's own config.json has them. */
function memorySchema(z: Zod) {
  const { count } = parts(z);
  return z.strictObject({
    attention: z.strictObject({ layers: count, kv_heads: count, head_size: count }),
    mamba: z
      .strictObject({
        layers: count,
        heads: count,
        head_size: count,
        state_size: count,
        groups: count,
        convolution: count,
      })
      .optional(),
  });
}

function buildSchema(z: Zod) {
  const { word, flags, environment } = parts(z);
  return z.strictObject({
    name: modelName(z),
    repository: word.optional(),
    precision: z.enum(PRECISIONS),
    /** In 10⁹ bytes. */
    weights_gb: z.number().positive().max(MOST_WEIGHTS_GB),
    hardware: word.optional(),
    vllm: z.strictObject({ flags, environment }).partial().optional(),
    unconfirmed: z.array(word).max(MOST_LINES).optional(),
  });
}

/** What holds between the parts of one file. */
function belongsTogether(file: Loose, context: Schema.RefinementCtx): void {
  const refuse: Refuse = (path, message) => context.addIssue({ code: 'custom', path: [...path], message });
  checkBuilds(file, refuse);
  const { default: usual = 0, maximum = usual } = file.model.context_tokens ?? {};
  if (usual > maximum) refuse(['model', 'context_tokens', 'default'], `expected at most the maximum, ${maximum}`);
  for (const [index, path] of (file.unconfirmed ?? []).entries())
    if (!isThere(file, path.split('.'))) refuse(['unconfirmed', index], NO_PATH);
}

type Refuse = (path: readonly (string | number)[], message: string) => void;

function checkBuilds({ builds = [], memory, model }: Loose, refuse: Refuse): void {
  const names = builds.map(({ name }) => name);
  for (const [at, { name, unconfirmed = [] }] of builds.entries()) {
    if (names.indexOf(name) < at) refuse(['builds', at, 'name'], `the name ${JSON.stringify(name)} is given twice`);
    for (const [index, field] of unconfirmed.entries())
      if (!isThere(builds[at], [field])) refuse(['builds', at, 'unconfirmed', index], NO_PATH);
  }
  const parts = { memory, 'model.parameters': model.parameters, 'model.context_tokens': model.context_tokens };
  for (const [part, value] of Object.entries(parts))
    if (builds.length > 0 && value === undefined) refuse(['builds'], `builds need ${part} beside them`);
}

const NO_PATH = 'expected the path of a value that stands here, as engines.nim.image';

interface Loose {
  readonly model: {
    readonly parameters?: unknown;
    readonly context_tokens?: { readonly default: number; readonly maximum: number } | undefined;
  };
  readonly memory?: unknown;
  readonly builds?:
    | readonly { readonly name: string; readonly unconfirmed?: readonly string[] | undefined }[]
    | undefined;
  readonly unconfirmed?: readonly string[] | undefined;
}

function isThere(value: unknown, path: readonly string[]): boolean {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return false;
    at = (at as Record<string, unknown>)[part];
  }
  return at !== undefined;
}
