// Owns the one table from environment variables to configuration, and how their text becomes values. Reads no environment by itself.
import { closestWord } from '../base/closest.ts';
import { limitNames, snakeCase } from './schema.ts';

export type Kind = 'text' | 'whole' | 'boolean' | 'list';

export interface Variable {
  readonly path: readonly [string] | readonly [string, string];
  readonly kind: Kind;
}

/** Variable → place in the configuration. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  CAISSON_DATA_DIR: { path: ['data_dir'], kind: 'text' },
  CAISSON_SERVER_HOST: { path: ['server', 'host'], kind: 'text' },
  CAISSON_SERVER_PORT: { path: ['server', 'port'], kind: 'whole' },
  CAISSON_SERVER_ALLOWED_HOSTS: { path: ['server', 'allowed_hosts'], kind: 'list' },
  CAISSON_SERVER_SOCKET: { path: ['server', 'socket'], kind: 'boolean' },
  CAISSON_SERVER_SINGLE_USER: { path: ['server', 'single_user'], kind: 'boolean' },
  CAISSON_URL: { path: ['client', 'url'], kind: 'text' },
  CAISSON_MODEL: { path: ['model'], kind: 'text' },
  CAISSON_MODELS_FOLDER: { path: ['models', 'folder'], kind: 'text' },
  CAISSON_POLICY: { path: ['policy'], kind: 'text' },
  CAISSON_QUEUE_MOST: { path: ['queue', 'most'], kind: 'whole' },
  CAISSON_QUEUE_WAIT_MS: { path: ['queue', 'wait_ms'], kind: 'whole' },
  CAISSON_EXECUTOR_MODE: { path: ['executor', 'mode'], kind: 'text' },
  CAISSON_EXECUTOR_SOCKET: { path: ['executor', 'socket'], kind: 'text' },
  CAISSON_EXECUTOR_BOXES: { path: ['executor', 'boxes'], kind: 'text' },
  CAISSON_EXECUTOR_USER: { path: ['executor', 'user'], kind: 'text' },
  CAISSON_JOURNAL_KEY_FILE: { path: ['journal', 'key_file'], kind: 'text' },
  CAISSON_LOG_LEVEL: { path: ['log', 'level'], kind: 'text' },
  ...Object.fromEntries(
    limitNames().map((name) => [
      `CAISSON_LIMITS_${snakeCase(name).toUpperCase()}`,
      { path: ['limits', snakeCase(name)] as const, kind: 'whole' as const },
    ]),
  ),
};

/** A backend in two words; its key, if it needs one, is CAISSON_ENDPOINT_KEY or the file that CAISSON_ENDPOINT_KEY_FILE names. */
export const ENDPOINT_VARIABLE = 'CAISSON_ENDPOINT';
const SECRET_VARIABLES: readonly string[] = ['CAISSON_ENDPOINT_KEY', 'CAISSON_KEY'];
/** Read by other parts: the compose file, the tests. */
const FOREIGN: readonly string[] = ['CAISSON_MODEL_DIR', 'CAISSON_CONFIG'];

export interface Assignment {
  readonly path: readonly string[];
  readonly value: unknown;
  /** What the origin shows: `env CAISSON_MODEL`. */
  readonly origin: string;
}

/** Everything that the environment says. Text not of its kind stays text, for the schema to refuse. An empty variable says nothing. */
export function assignmentsOf(env: NodeJS.ProcessEnv): readonly Assignment[] {
  const plain = Object.entries(VARIABLES).flatMap(([name, { path, kind }]) => {
    const text = env[name];
    return text === undefined || text === '' ? [] : [{ path, value: valueOf(text, kind), origin: `env ${name}` }];
  });
  return [...plain, ...endpointOf(env), ...clientKeyOf(env)];
}

/** Words about variables of ours that do not exist. */
export function strangeVariables(env: NodeJS.ProcessEnv): readonly string[] {
  const known = [...Object.keys(VARIABLES), ...SECRET_VARIABLES, ENDPOINT_VARIABLE, ...FOREIGN];
  return Object.keys(env)
    .filter((name) => name.startsWith('CAISSON_') && !known.includes(name))
    .filter((name) => !SECRET_VARIABLES.includes(name.replace(/_FILE$/, '')))
    .flatMap((name) => {
      const meant = closestWord(name, known);
      return meant === undefined ? [] : [`there is no variable ${name}; did you mean ${meant}?`];
    });
}

function valueOf(text: string, kind: Kind): unknown {
  if (kind === 'whole') return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  if (kind === 'list') return text.split(',').map((item) => item.trim());
  if (kind === 'text') return text;
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : text;
}

function endpointOf(env: NodeJS.ProcessEnv): readonly Assignment[] {
  const url = env[ENDPOINT_VARIABLE];
  if (url === undefined || url === '') return [];
  const key = isGiven('CAISSON_ENDPOINT_KEY', env) ? { key: '${CAISSON_ENDPOINT_KEY}' } : {};
  return [
    {
      path: ['backends'],
      value: [{ name: 'endpoint', type: 'openai', url, ...key }],
      origin: `env ${ENDPOINT_VARIABLE}`,
    },
  ];
}

function clientKeyOf(env: NodeJS.ProcessEnv): readonly Assignment[] {
  if (!isGiven('CAISSON_KEY', env)) return [];
  return [{ path: ['client', 'key'], value: '${CAISSON_KEY}', origin: 'env CAISSON_KEY' }];
}

function isGiven(name: string, env: NodeJS.ProcessEnv): boolean {
  return (env[name] ?? '') !== '' || (env[`${name}_FILE`] ?? '') !== '';
}
