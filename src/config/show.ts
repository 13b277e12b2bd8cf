// Owns the printing of a configuration, as YAML lines with the origin of each value. Never prints a secret.
import { snakeCase } from './schema.ts';
import { SecretRef } from './secret.ts';
import type { LoadedConfig } from './settings.ts';

interface Line {
  readonly text: string;
  /** Where the value is written; undefined for a line that only opens a section. */
  readonly origin?: string;
  readonly secret?: SecretRef;
}

/** Their keys are names that others gave, not ours. */
const FOREIGN_KEYS: readonly string[] = [
  'models.aliases',
  'secrets',
  'auth.oidc.roles.values',
  'auth.oidc.team.values',
];
const MOST_COLUMN = 72;

/** YAML lines of the whole configuration; with `origin`, each value says where it is written. A secret is `set` or `not set`. */
export function showConfig(loaded: LoadedConfig, options: { readonly origin: boolean }): string {
  const { origins } = loaded;
  const lines = Object.entries(asWritten(loaded)).flatMap(([name, value]) => linesOf(name, value, '', '', origins));
  const column = Math.min(MOST_COLUMN, Math.max(...lines.map(({ text }) => text.length)) + 2);
  return `${lines.map((line) => printLine(line, column, options.origin)).join('\n')}\n`;
}

/** The settings under the names that a file gives them. */
function asWritten(loaded: LoadedConfig): Readonly<Record<string, unknown>> {
  const { dataDir, server, client, backends, queue, model, models, policyFile, executor, limits, sandbox, checks } =
    loaded;
  return {
    data_dir: dataDir,
    server,
    client,
    auth: loaded.auth,
    backends,
    queue,
    responses: loaded.responses,
    model: model === '' ? undefined : model,
    models,
    policy: policyFile,
    secrets: loaded.secrets,
    egress: loaded.egress,
    executor,
    checks,
    setup: loaded.setup,
    workspace: loaded.workspace,
    journal: { key_file: loaded.journalKeyFile },
    log: { level: loaded.logLevel },
    sandbox: { ...sandbox, ...loaded.confinement },
    limits,
  };
}

function linesOf(
  name: string,
  value: unknown,
  indent: string,
  path: string,
  origins: LoadedConfig['origins'],
): readonly Line[] {
  if (value === undefined) return [];
  const field = path === '' ? name : `${path}.${name}`;
  const origin = origins.get(field) ?? 'default';
  const start = `${indent}${FOREIGN_KEYS.includes(path) ? scalar(name) : name}:`;
  if (value instanceof SecretRef) return [{ text: `${start} ${secretText(value)}`, origin, secret: value }];
  if (Array.isArray(value)) return listLines(start, value, indent, field, origins);
  if (typeof value !== 'object' || value === null) return [{ text: `${start} ${scalar(value)}`, origin }];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    linesOf(FOREIGN_KEYS.includes(field) ? key : snakeCase(key), item, `${indent}  `, field, origins),
  );
  return inner.length === 0 ? [] : [{ text: start }, ...inner];
}

function listLines(
  start: string,
  items: readonly unknown[],
  indent: string,
  field: string,
  origins: LoadedConfig['origins'],
): readonly Line[] {
  const origin = origins.get(field) ?? origins.get(`${field}[0]`) ?? 'default';
  if (items.every((item) => typeof item !== 'object'))
    return [{ text: `${start} [${items.map(scalar).join(', ')}]`, origin }];
  const inner = items.flatMap((item, index) => {
    const lines = Object.entries(item as object).flatMap(([key, part]) =>
      linesOf(snakeCase(key), part, `${indent}    `, `${field}[${index}]`, origins),
    );
    return lines.map((line, at) => (at === 0 ? { ...line, text: `${indent}  - ${line.text.trimStart()}` } : line));
  });
  return [{ text: start }, ...inner];
}

function printLine({ text, origin, secret }: Line, column: number, withOrigin: boolean): string {
  const remarks = [
    ...(secret === undefined ? [] : [secret.isSet() ? 'set' : 'not set']),
    ...(withOrigin && origin !== undefined ? [origin] : []),
  ];
  return remarks.length === 0 ? text : `${text.padEnd(column - 2)}  # ${remarks.join(', ')}`;
}

function secretText(secret: SecretRef): string {
  return secret.source.startsWith('given') ? '""' : scalar(secret.source);
}

/** Plain where YAML reads it back as the same text, else quoted. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  const plain = /^(?:[A-Za-z/~.][\w/~.@+-]*|\$\{\w+\}|[a-z]+:\/?[\w/.@:+-]*)$/.test(value);
  const isWord = /^(?:true|false|null|yes|no|on|off|~|\.inf|\.nan)$/i.test(value);
  return plain && !isWord ? value : JSON.stringify(value);
}
