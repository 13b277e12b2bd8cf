// Owns the one schema of a configuration: names, types, ranges. Knows no file, no environment and no default.
import type { z as Schema } from 'zod';
import { LIMITS, type Limits } from '../base/limits.ts';
import type { SandboxLimits } from '../contracts/executor.ts';
import { type Late, late, type Zod } from '../base/schema.ts';
import { aliasProblems } from '../contracts/model-aliases.ts';
import { checkSchema } from '../contracts/runs.ts';
import { egressSchema } from './egress.ts';
import { oidcSchema } from './oidc.ts';
import { secretsSchema } from './secrets.ts';
import { setupSchema } from './setup.ts';
import { workspaceSchema } from './workspace.ts';

export const LOG_LEVELS = ['info', 'warn', 'error'] as const;
const BACKEND_TYPES = ['openai', 'triton', 'llama', 'rehearsal'] as const;
const EXECUTOR_MODES = ['in_process', 'socket'] as const;

/** What one sandbox may ever be given. */
const SANDBOX_CEILINGS: SandboxLimits = {
  processes: 8192,
  processMemoryBytes: 64 * 1024 ** 3,
  memoryBytes: 1024 ** 4,
  openFiles: 65_536,
  fileBytes: 64 * 1024 ** 3,
  diskBytes: 4 * 1024 ** 4,
  diskFiles: 20_000_000,
  cpuSeconds: 24 * 3600,
};

const MAX_CHECKS = 20;
const MAX_BACKENDS = 50;
/** Of one backend: requests at the same time, and GPUs it runs on. */
const MAX_CONCURRENT = 100_000;
const MAX_GPUS = 1024;
/** Of one backend beside others of the same model. */
const MIN_WEIGHT = 0.01;
const MAX_WEIGHT = 1000;
const SESSION_HEADER = /^x-[a-z0-9-]{1,60}$/;
const NO_HEADER = 'a name of a header in small letters that begins with x-, such as x-session-id';
/** Models with another in their place. */
const MAX_FALLBACKS = 100;
const MAX_WAITING = 100_000;
const MAX_WAIT_MS = 3_600_000;
/** That stored responses may be kept. */
const MAX_DAYS = 3650;
const MAX_TOOLCHAINS = 50;
const NO_TIME = 'a time of the day in hours and minutes, such as 03:00';
const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d$/;
const NO_TLS = 'a ca is for a url that begins with https://, or an address that begins with grpcs://';
const OF_TRITON = ['address', 'model', 'model_folder', 'key_name'] as const;
const NOT_OF_TRITON = ['url', 'script'] as const;
const OF_LLAMA = ['model_file', 'threads', 'slots', 'gpu', 'engine_folder'] as const;
const NOT_OF_LLAMA = ['url', 'script', 'key', 'session_header'] as const;
const MAX_THREADS = 1024;
const MAX_SLOTS = 256;
const MAX_CONTEXT = 100_000_000;
const ENV_REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const FILE_PREFIX = 'file:';

function parts(z: Zod) {
  const word = z.string().min(1).max(256);
  const path = z.string().min(1).max(4096);

  const address = z.string().superRefine((text, context) => {
    const problem = addressProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

  const grpcAddress = z.string().superRefine((text, context) => {
    const problem = grpcAddressProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

  /** Never the secret itself: only the place it is read from. */
  const secret = z.custom<SecretSource>(
    (value) => sourceOfSecret(value) !== undefined,
    'a secret is never written here: give ${NAME} of an environment variable, or file: PATH',
  );

  const backend = z
    .strictObject({
      name: word.regex(/^[a-z0-9][a-z0-9._-]*$/, 'a name of small letters, digits, dots, dashes and underscores'),
      type: z.enum(BACKEND_TYPES),
      url: address.optional(),
      address: grpcAddress.optional(),
      model: word.optional(),
      model_folder: path.optional(),
      key_name: word
        .regex(/^[a-z0-9_.-]+$/, 'a name of small letters, digits, dots, dashes and underscores')
        .optional(),
      context_tokens: z.int().min(1).max(MAX_CONTEXT).optional(),
      ...llamaShape(z, path),
      key: secret.optional(),
      ca: path.optional(),
      models: z.array(word).max(100).optional(),
      script: path.optional(),
      max_concurrent: z.int().min(1).max(MAX_CONCURRENT).optional(),
      gpus: z.number().positive().max(MAX_GPUS).optional(),
      weight: z.number().min(MIN_WEIGHT).max(MAX_WEIGHT).optional(),
      team_caches: z.boolean().optional(),
      repair: z.enum(['auto', 'off']).optional(),
      minimum_score: z.int().min(0).max(100).optional(),
      session_header: z.string().regex(SESSION_HEADER, NO_HEADER).optional(),
    })
    .superRefine((value, context) => {
      const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
      if (value.type === 'rehearsal' && value.script === undefined) refuse('script', 'a rehearsal needs a script');
      if (value.type === 'rehearsal' && value.url !== undefined) refuse('url', 'a rehearsal has no url');
      if (value.type === 'rehearsal' && value.key !== undefined) refuse('key', 'a rehearsal has no key');
    })
    .superRefine(openaiFields)
    .superRefine(tritonFields)
    .superRefine(llamaFields)
    .refine(({ ca, url, address }) => ca === undefined || /^(?:http|grpc)s:/.test(url ?? address ?? ''), {
      path: ['ca'],
      error: NO_TLS,
    });
  return { word, path, address, secret, backend };
}

function llamaShape(z: Zod, path: Schema.ZodString) {
  return {
    model_file: path.optional(),
    threads: z.int().min(1).max(MAX_THREADS).optional(),
    slots: z.int().min(1).max(MAX_SLOTS).optional(),
    gpu: z.boolean().optional(),
    engine_folder: path.optional(),
  };
}

/** What one source (a file, the environment, the flags) may say: everything may be absent, nothing else may be there. */
export const configSchema = late((z) => {
  const { word, path, address, secret, backend } = parts(z);
  return z.strictObject({
    data_dir: path.optional(),
    server: z
      .strictObject({
        host: word,
        port: z.int().min(0).max(65_535),
        allowed_hosts: z.array(word).min(1).max(100),
        socket: z.boolean(),
        single_user: z.boolean(),
        tls: z.strictObject({ cert: path, key: path, client_ca: path.optional() }),
      })
      .partial()
      .optional(),
    client: z.strictObject({ url: address, key: secret }).partial().optional(),
    auth: z
      .strictObject({ oidc: oidcSchema(z, secret) })
      .partial()
      .optional(),
    backends: z.array(backend).max(MAX_BACKENDS).superRefine(uniqueNames).optional(),
    queue: z
      .strictObject({ most: z.int().min(0).max(MAX_WAITING), wait_ms: z.int().min(1).max(MAX_WAIT_MS) })
      .partial()
      .optional(),
    responses: z
      .strictObject({ store: z.boolean(), days: z.int().min(1).max(MAX_DAYS) })
      .partial()
      .optional(),
    model: word.optional(),
    models: modelsSchema(z).optional(),
    fallback_models: z
      .record(word, word)
      .refine((all) => Object.keys(all).length <= MAX_FALLBACKS, `at most ${MAX_FALLBACKS} models`)
      .optional(),
    policy: path.optional(),
    secrets: secretsSchema(z, secret).optional(),
    egress: egressSchema(z, address, path).optional(),
    executor: executorSchema(z).optional(),
    sandbox: z
      .strictObject({
        ...sandboxShape(z),
        probe_at: z.string().regex(TIME_OF_DAY, NO_TIME),
        toolchains: z.array(path).max(MAX_TOOLCHAINS),
      })
      .partial()
      .optional(),
    limits: z.strictObject(limitShape(z)).partial().optional(),
    setup: setupSchema(z, address).optional(),
    workspace: workspaceSchema(z).optional(),
    checks: z.array(checkSchema()).max(MAX_CHECKS).superRefine(uniqueNames).optional(),
    journal: z.strictObject({ key_file: path }).partial().optional(),
    log: z
      .strictObject({ level: z.enum(LOG_LEVELS) })
      .partial()
      .optional(),
  });
});

function executorSchema(z: Zod) {
  const { word, path } = parts(z);
  return z.strictObject({ mode: z.enum(EXECUTOR_MODES), socket: path, boxes: path, user: word }).partial();
}

/** Model files of the site, and other names of models. */
function modelsSchema(z: Zod) {
  const { word, path } = parts(z);
  const aliases = z.record(word, word).superRefine((value, context) => {
    for (const { alias, text } of aliasProblems(value, []))
      context.addIssue({ code: 'custom', path: [alias], message: text });
  });
  return z.strictObject({ folder: path, aliases }).partial();
}

export type ConfigValues = Late<typeof configSchema>;
export type BackendValues = NonNullable<ConfigValues['backends']>[number];
export type SecretSource = string | { readonly file: string };

/** What the file of a repository, which nobody here vouches for, may set. */
export const PROJECT_KEYS: readonly string[] = ['checks', 'setup', 'model', 'limits'];

/** Where a secret is read from; undefined if the value is anything else. */
export function sourceOfSecret(value: unknown): { readonly env: string } | { readonly file: string } | undefined {
  if (typeof value === 'string') {
    const name = ENV_REFERENCE.exec(value)?.[1];
    if (name !== undefined) return { env: name };
    const file = value.startsWith(FILE_PREFIX) ? value.slice(FILE_PREFIX.length).trim() : '';
    return file === '' ? undefined : { file };
  }
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1 || !('file' in value))
    return undefined;
  return typeof value.file === 'string' && value.file !== '' ? { file: value.file } : undefined;
}

/** `jsonBodyBytes` is written `json_body_bytes`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function sandboxLimitNames(): readonly (keyof SandboxLimits)[] {
  return Object.keys(SANDBOX_CEILINGS) as (keyof SandboxLimits)[];
}

export function limitNames(): readonly (keyof Limits)[] {
  return Object.keys(LIMITS) as (keyof Limits)[];
}

function sandboxShape(z: Zod): Record<string, Schema.ZodInt> {
  return Object.fromEntries(
    sandboxLimitNames().map((name) => [snakeCase(name), z.int().min(1).max(SANDBOX_CEILINGS[name])]),
  );
}

function limitShape(z: Zod): Record<string, Schema.ZodInt> {
  return Object.fromEntries(limitNames().map((name) => [snakeCase(name), z.int().min(1).max(LIMITS[name])]));
}

/** What is wrong with the address of an engine or of a service; undefined: nothing. */
export function addressProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected an address such as http://host:8000/v1';
  const { protocol, username, password, search, hash } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return 'expected an address that begins with http:// or https://';
  if (username !== '' || password !== '') return 'an address holds no user name and no password: use key';
  return search === '' && hash === '' ? undefined : 'an address ends before ? and #';
}

/** The same for the address of a Triton. */
function grpcAddressProblem(text: string): string | undefined {
  if (!/^grpcs?:\/\/[^/?#@]+\/?$/.test(text) || !URL.canParse(text))
    return 'expected an address such as grpc://host:8001, or grpcs://host:8001 with TLS';
  return undefined;
}

type Fields = Readonly<Record<string, unknown>> & { readonly type: string };
type Refuse = (field: string, message: string) => void;

function refuseAt(context: Schema.RefinementCtx): Refuse {
  return (field, message) => context.addIssue({ code: 'custom', path: [field], message });
}

/** Its own fields are of no other type, and some fields of others are not of it. */
function ofOneType(type: string, own: readonly string[], foreign: readonly string[], value: Fields, refuse: Refuse) {
  const isIt = value.type === type;
  for (const field of isIt ? foreign : own)
    if (value[field] !== undefined)
      refuse(field, isIt ? `a backend of type ${type} has no ${field}` : `only a backend of type ${type} has ${field}`);
}

function openaiFields(value: Fields, context: Schema.RefinementCtx): void {
  const refuse = refuseAt(context);
  if (value.type !== 'openai') {
    if (value['team_caches'] !== undefined)
      refuse('team_caches', 'only an engine of type openai can be told teams apart');
    if (value['repair'] !== undefined)
      refuse('repair', 'only an engine of type openai reads calls by itself and may leave some in its text');
    return;
  }
  if (value['url'] === undefined) refuse('url', 'a backend of type openai needs a url');
  if (value['script'] !== undefined) refuse('script', 'only a rehearsal has a script');
}

function tritonFields(value: Fields, context: Schema.RefinementCtx): void {
  const refuse = refuseAt(context);
  ofOneType('triton', OF_TRITON, NOT_OF_TRITON, value, refuse);
  if (value['context_tokens'] !== undefined && !['triton', 'llama'].includes(value.type))
    refuse('context_tokens', 'only a backend of type triton or llama has context_tokens');
  if (value.type !== 'triton') return;
  if (value['address'] === undefined) refuse('address', 'a backend of type triton needs an address: grpc://host:8001');
  if ((value['key'] === undefined) !== (value['key_name'] === undefined))
    refuse(value['key'] === undefined ? 'key_name' : 'key', 'a restricted Triton needs key and key_name');
}

function llamaFields(
  value: Fields & { readonly models?: readonly string[] | undefined },
  context: Schema.RefinementCtx,
): void {
  const refuse = refuseAt(context);
  ofOneType('llama', OF_LLAMA, NOT_OF_LLAMA, value, refuse);
  if (value.type !== 'llama') return;
  if (value['model_file'] === undefined)
    refuse('model_file', 'a backend of type llama needs a model_file: a GGUF file');
  if ((value.models ?? []).length > 1) refuse('models', 'a backend of type llama serves one model, under one name');
}

function uniqueNames(items: readonly { readonly name: string }[], context: Schema.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { name }] of items.entries()) {
    const message = `the name ${JSON.stringify(name)} is given twice`;
    if (seen.has(name)) context.addIssue({ code: 'custom', path: [index, 'name'], message });
    seen.add(name);
  }
}
