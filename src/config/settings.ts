// Owns the configuration as the program reads it: every default filled in, secrets as references. Knows no file format.
import { basename, join } from 'node:path';
import { type Limits, narrowLimits } from '../base/limits.ts';
import type { SandboxLimits } from '../contracts/executor.ts';
import type { Aliases } from '../contracts/model-aliases.ts';
import type { Check } from '../contracts/runs.ts';
import type { Merged } from './merge.ts';
import { type OidcConfig, oidcOf } from './oidc.ts';
import {
  type BackendValues,
  type ConfigValues,
  limitNames,
  type LOG_LEVELS,
  sandboxLimitNames,
  type SecretSource,
  snakeCase,
  sourceOfSecret,
} from './schema.ts';
import { secretFromEnvironment, secretFromFile, type SecretRef } from './secret.ts';
import { secretConfigOf, type SecretsConfig } from './secrets.ts';
import { type EgressConfig, egressConfigOf } from './egress.ts';
import { type SetupConfig, setupConfigOf } from './setup.ts';
import { type WorkspaceConfig, workspaceConfigOf } from './workspace.ts';
import type { ConfigSources } from './sources.ts';

interface BackendLoad {
  /** Requests at the same time; more wait. Absent: as many as the gateway takes for granted. */
  readonly maxConcurrent?: number;
  /** That the engine runs on, for the count of GPU seconds. Absent: one. */
  readonly gpus?: number;
  /** Its share of the work beside other backends of the same model. Absent: 1. */
  readonly weight?: number;
  /** A probe that came to less keeps requests away; from 0 to 100. */
  readonly minimumScore?: number;
}

export type BackendConfig = BackendLoad & BackendKind;

type BackendKind =
  | {
      readonly name: string;
      readonly type: 'openai';
      readonly url: string;
      readonly key?: SecretRef;
      /** File with the certificates of those who may sign the engine's; absent: those that Node knows. */
      readonly ca?: string;
      /** Name of the header with the conversation, for a router behind the address. Absent: x-session-id. */
      readonly sessionHeader?: string;
      /** No team meets the cache of another. */
      readonly teamCaches?: boolean;
      /** Whether calls that it left in its text are read. Absent: auto. */
      readonly repair?: 'auto' | 'off';
      /** Empty: ask the engine. */
      readonly models: readonly string[];
    }
  | {
      readonly name: string;
      readonly type: 'triton';
      readonly address: string;
      /** Both of a restricted protocol, or none. */
      readonly key?: SecretRef;
      readonly keyName?: string;
      readonly ca?: string;
      /** Its name in Triton; absent: the one that is asked for. */
      readonly model?: string;
      /** With chat template and tokenizer; absent: plain text only. */
      readonly modelFolder?: string;
      readonly contextTokens?: number;
      /** Empty: ask the engine. */
      readonly models: readonly string[];
    }
  | {
      readonly name: string;
      readonly type: 'llama';
      readonly modelFile: string;
      /** Absent: one for each core but one, which is left to everything else: threads of an engine wait for each other. */
      readonly threads?: number;
      /** Of each slot; absent: as the model was made for, within bounds. */
      readonly contextTokens?: number;
      /** Answers at the same time. */
      readonly slots: number;
      readonly gpu: boolean;
      /** Where its library is installed; absent: below the folder of Caisson. */
      readonly engineFolder?: string;
      /** The one name it is served under. */
      readonly models: readonly string[];
    }
  | { readonly name: string; readonly type: 'rehearsal'; readonly script: string; readonly models: readonly string[] };

export interface LoadedConfig {
  readonly isRoot: boolean;
  readonly dataDir: string;
  readonly server: {
    readonly host: string;
    /** 0: any free port. */
    readonly port: number;
    readonly allowedHosts: readonly string[];
    readonly socket: boolean;
    readonly singleUser: boolean;
    /** Files of the certificate; absent: plain HTTP. */
    readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  };
  /** The service that commands speak to, where another one than this machine's own is meant. */
  readonly client: { readonly url?: string; readonly key?: SecretRef };
  /** People who come with a token of an identity provider; absent: keys only. */
  readonly auth?: { readonly oidc: OidcConfig };
  readonly backends: readonly BackendConfig[];
  /** By model, the one that is asked where nobody can be asked for it. */
  readonly fallbackModels: Readonly<Record<string, string>>;
  /** Of each backend: requests that wait at most, and how long each. */
  readonly queue: { readonly most: number; readonly waitMs: number };
  /** Whether answers of the Responses dialect are stored for clients that ask for it, and for how long. */
  readonly responses: { readonly store: boolean; readonly days: number };
  /** Model of a run that names none; '' if nothing says. */
  readonly model: string;
  /** Folder of the site's model files; other names of models. */
  readonly models: { readonly folder?: string; readonly aliases: Aliases };
  /** Undefined: the shipped policy. */
  readonly policyFile: string | undefined;
  /** What the proxy of a sandbox puts in for it. */
  readonly secrets: SecretsConfig;
  /** Of the network of sandboxes, beside what the policy says. */
  readonly egress: EgressConfig;
  readonly executor: {
    readonly mode: 'in_process' | 'socket';
    readonly socket: string;
    /** Folder of the boxes, where service and runner do not share a data directory. */
    readonly boxes?: string;
    readonly user: string;
  };
  readonly limits: Limits;
  readonly sandbox: SandboxLimits;
  /** When it is attacked each day, as 03:00 in local time (absent: at the start only), and what of the host it is shown. */
  readonly confinement: { readonly probeAt?: string; readonly toolchains: readonly string[] };
  readonly checks: readonly Check[];
  /** What is made ready before an agent comes. */
  readonly setup: SetupConfig;
  readonly workspace: WorkspaceConfig;
  readonly journalKeyFile: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** `server.port` or `backends[0].url` → `--flag`, `env NAME`, `file:line`; what is not in it has its default. */
  readonly origins: ReadonlyMap<string, string>;
  /** Files that were read, the weakest first. */
  readonly files: readonly string[];
  /** What a person should know, in words. */
  readonly warnings: readonly string[];
}

/** Enough for node, npm, gcc, cargo and pytest; a heavier build needs more by configuration. */
const SANDBOX_DEFAULTS: SandboxLimits = {
  processes: 512,
  processMemoryBytes: 2 * 1024 ** 3,
  memoryBytes: 8 * 1024 ** 3,
  openFiles: 8192,
  fileBytes: 1024 ** 3,
  diskBytes: 16 * 1024 ** 3,
  diskFiles: 2_000_000,
  cpuSeconds: 1800,
};
const DEFAULT_PORT = 8484;
const QUEUE_MOST = 256;
const QUEUE_WAIT_MS = 60_000;
const RESPONSE_DAYS = 30;
const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];

interface Around {
  readonly sources: ConfigSources;
  readonly files: readonly string[];
  readonly warnings: readonly string[];
}

/** Fills in the defaults. */
export function settingsOf({ values, origins }: Merged, { sources, files, warnings }: Around): LoadedConfig {
  const { env, isRoot } = sources;
  const dataDir = values.data_dir ?? defaultDataDir(sources);
  const backends = (values.backends ?? []).map((backend) => backendOf(backend, env));
  return {
    isRoot,
    dataDir,
    server: serverOf(values.server),
    client: clientOf(values.client, env),
    ...authOf(values.auth, env),
    backends,
    queue: queueOf(values.queue),
    responses: responsesOf(values.responses),
    fallbackModels: values.fallback_models ?? {},
    model: values.model ?? backends[0]?.models[0] ?? '',
    models: modelsOf(values.models),
    policyFile: values.policy,
    secrets: secretsOf(values.secrets, env),
    egress: egressConfigOf(values.egress),
    executor: executorOf(values.executor, dataDir),
    limits: narrowLimits(camelNames(values.limits, limitNames())),
    ...sandboxOf(values.sandbox),
    checks: values.checks ?? [],
    setup: setupConfigOf(values.setup),
    workspace: workspaceConfigOf(values.workspace),
    journalKeyFile: values.journal?.key_file ?? join(dataDir, 'journal.key'),
    logLevel: values.log?.level ?? 'info',
    origins,
    files,
    warnings,
  };
}

function sandboxOf({ probe_at, toolchains = [], ...limits }: NonNullable<ConfigValues['sandbox']> = {}) {
  return {
    sandbox: { ...SANDBOX_DEFAULTS, ...camelNames(limits, sandboxLimitNames()) },
    confinement: { toolchains, ...(probe_at === undefined ? {} : { probeAt: probe_at }) },
  };
}

function serverOf(server: ConfigValues['server'] = {}): LoadedConfig['server'] {
  const singleUser = server.single_user ?? true;
  return {
    host: server.host ?? '127.0.0.1',
    port: server.port ?? DEFAULT_PORT,
    allowedHosts: server.allowed_hosts ?? LOOPBACK,
    socket: server.socket ?? singleUser,
    singleUser,
    ...(server.tls === undefined ? {} : { tls: tlsOf(server.tls) }),
  };
}

function tlsOf({ cert, key, client_ca: clientCa }: NonNullable<NonNullable<ConfigValues['server']>['tls']>) {
  return { cert, key, ...(clientCa === undefined ? {} : { clientCa }) };
}

function queueOf(queue: ConfigValues['queue'] = {}): LoadedConfig['queue'] {
  return { most: queue.most ?? QUEUE_MOST, waitMs: queue.wait_ms ?? QUEUE_WAIT_MS };
}

/** Off unless someone wants it: conversations are then on the disk in clear. */
function responsesOf(responses: ConfigValues['responses'] = {}): LoadedConfig['responses'] {
  return { store: responses.store ?? false, days: responses.days ?? RESPONSE_DAYS };
}

function modelsOf({ folder, aliases = {} }: NonNullable<ConfigValues['models']> = {}): LoadedConfig['models'] {
  return { aliases, ...(folder === undefined ? {} : { folder }) };
}

function authOf({ oidc }: NonNullable<ConfigValues['auth']> = {}, env: NodeJS.ProcessEnv): Pick<LoadedConfig, 'auth'> {
  return oidc === undefined ? {} : { auth: { oidc: oidcOf(oidc, keyOf(oidc.client_secret, env).key) } };
}

function clientOf(client: ConfigValues['client'] = {}, env: NodeJS.ProcessEnv): LoadedConfig['client'] {
  return { ...(client.url === undefined ? {} : { url: client.url }), ...keyOf(client.key, env) };
}

function executorOf(executor: ConfigValues['executor'] = {}, dataDir: string): LoadedConfig['executor'] {
  return {
    mode: executor.mode ?? 'in_process',
    socket: executor.socket ?? join(dataDir, 'sock', 'runner.sock'),
    ...(executor.boxes === undefined ? {} : { boxes: executor.boxes }),
    user: executor.user ?? 'caisson',
  };
}

function backendOf(backend: BackendValues, env: NodeJS.ProcessEnv): BackendConfig {
  const { name, type, url = '', script = '', key, ca, models = [] } = backend;
  const {
    max_concurrent,
    gpus,
    weight,
    minimum_score,
    session_header: sessionHeader,
    team_caches: teamCaches,
    repair,
  } = backend;
  const load = camelNames({ max_concurrent, gpus, weight, minimum_score }, [
    'maxConcurrent',
    'gpus',
    'weight',
    'minimumScore',
  ]);
  if (type === 'triton') return { ...tritonOf(backend, env), ...load };
  if (type === 'llama') return llamaOf(backend, load);
  return type === 'openai'
    ? {
        name,
        type,
        url,
        ...keyOf(key, env),
        ...(ca === undefined ? {} : { ca }),
        ...(sessionHeader === undefined ? {} : { sessionHeader }),
        ...(teamCaches === undefined ? {} : { teamCaches }),
        ...(repair === undefined ? {} : { repair }),
        models,
        ...load,
      }
    : { name, type, script, models, ...load };
}

function tritonOf(backend: BackendValues, env: NodeJS.ProcessEnv): Extract<BackendConfig, { readonly type: 'triton' }> {
  const { name, address = '', key, key_name, ca, model, model_folder, context_tokens, models } = backend;
  return {
    name,
    type: 'triton',
    address,
    ...keyOf(key, env),
    ...(key_name === undefined ? {} : { keyName: key_name }),
    ...(ca === undefined ? {} : { ca }),
    ...(model === undefined ? {} : { model }),
    ...(model_folder === undefined ? {} : { modelFolder: model_folder }),
    ...(context_tokens === undefined ? {} : { contextTokens: context_tokens }),
    models: models ?? (model === undefined ? [] : [model]),
  };
}

const SLOTS = 4;

/** More than its slots would wait in the engine, where nobody sees to it that teams take turns. */
function llamaOf(backend: BackendValues, load: BackendLoad): Extract<BackendConfig, { readonly type: 'llama' }> {
  const { name, model_file = '', threads, context_tokens, slots = SLOTS, gpu = false, engine_folder, models } = backend;
  return {
    name,
    type: 'llama',
    modelFile: model_file,
    ...(threads === undefined ? {} : { threads }),
    ...(context_tokens === undefined ? {} : { contextTokens: context_tokens }),
    slots,
    gpu,
    ...(engine_folder === undefined ? {} : { engineFolder: engine_folder }),
    models: models ?? [basename(model_file).replace(/\.gguf$/i, '')],
    maxConcurrent: slots,
    ...load,
  };
}

function keyOf(secret: SecretSource | undefined, env: NodeJS.ProcessEnv): { readonly key?: SecretRef } {
  const source = sourceOfSecret(secret);
  if (source === undefined) return {};
  return { key: 'env' in source ? secretFromEnvironment(source.env, env) : secretFromFile(source.file) };
}

function secretsOf(secrets: ConfigValues['secrets'] = {}, env: NodeJS.ProcessEnv): SecretsConfig {
  const all = Object.entries(secrets).flatMap(([name, one]) => {
    const { key } = keyOf(one.value, env);
    return key === undefined ? [] : [[name, secretConfigOf(one, key)] as const];
  });
  return Object.fromEntries(all);
}

function camelNames<Name extends string>(
  values: Readonly<Record<string, number | undefined>> = {},
  names: readonly Name[],
): { [Key in Name]?: number } {
  const all: { [Key in Name]?: number } = {};
  for (const name of names) {
    const value = values[snakeCase(name)];
    if (value !== undefined) all[name] = value;
  }
  return all;
}

function defaultDataDir({ isRoot, env, home }: ConfigSources): string {
  if (isRoot) return '/var/lib/caisson';
  const data = env['XDG_DATA_HOME'] ?? '';
  // The XDG rules: a relative path there counts as unset.
  return join(data.startsWith('/') ? data : join(home, '.local', 'share'), 'caisson');
}
