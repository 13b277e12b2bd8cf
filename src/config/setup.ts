// Owns the part of a configuration about what is made ready before an agent comes. Knows no command and no cache.
import type { z as Schema } from 'zod';
import type { Zod } from '../base/schema.ts';
import {
  MAX_SETUP_COMMANDS,
  MAX_SETUP_PATHS,
  SETUP_FAILURES,
  setupCommandSchema,
  setupPathSchema,
  type SetupWish,
} from '../contracts/runs.ts';
import { MIRRORED, type SetupSettings } from '../contracts/setups.ts';

export interface SetupConfig extends SetupSettings {
  /** Absent: as the lock files of the repository say, if `detect`. */
  readonly run?: readonly string[];
  readonly files?: readonly string[];
  readonly onFailure: SetupWish['failure'];
  readonly keepDays: number;
  readonly cacheBytes: number;
  readonly diskPercent: number;
}

export const SETUP_KEYS: readonly string[] = [
  'run',
  'files',
  'on_failure',
  'detect',
  'mirrors',
  'secrets',
  'keep_days',
  'cache_bytes',
  'disk_percent',
];
/** What the file of a repository may say of it. */
export const PROJECT_SETUP_KEYS: readonly string[] = ['run', 'files', 'on_failure'];

const MAX_DAYS = 3650;
const MAX_CACHE_BYTES = 16 * 1024 ** 4;
const MAX_SECRETS = 50;
const KEEP_DAYS = 30;
const CACHE_BYTES = 20 * 1024 ** 3;
const DISK_PERCENT = 90;

/** `address`: an http address. */
export function setupSchema(z: Zod, address: Schema.ZodString) {
  const command = setupCommandSchema(z);
  const mirrors = Object.fromEntries(MIRRORED.map((name) => [name, address.optional()]));
  return z
    .strictObject({
      run: z.union([command, z.array(command).max(MAX_SETUP_COMMANDS)]),
      files: z.array(setupPathSchema(z)).min(1).max(MAX_SETUP_PATHS),
      on_failure: z.enum(SETUP_FAILURES),
      detect: z.boolean(),
      mirrors: z.strictObject(mirrors),
      secrets: z.array(z.string().min(1).max(64)).max(MAX_SECRETS),
      keep_days: z.int().min(1).max(MAX_DAYS),
      cache_bytes: z.int().min(1).max(MAX_CACHE_BYTES),
      disk_percent: z.int().min(1).max(100),
    })
    .partial();
}

type SetupValues = Partial<Schema.infer<ReturnType<typeof setupSchema>>>;

export function setupConfigOf(values: SetupValues = {}): SetupConfig {
  const { run, files } = values;
  const mirrors = Object.entries(values.mirrors ?? {}).filter(([, url]) => url !== undefined);
  return {
    ...(run === undefined ? {} : { run: [run].flat() }),
    ...(files === undefined ? {} : { files }),
    onFailure: values.on_failure ?? 'end',
    detect: values.detect ?? true,
    mirrors: Object.fromEntries(mirrors),
    ...(values.secrets === undefined ? {} : { secrets: values.secrets }),
    keepDays: values.keep_days ?? KEEP_DAYS,
    cacheBytes: values.cache_bytes ?? CACHE_BYTES,
    diskPercent: values.disk_percent ?? DISK_PERCENT,
  };
}
