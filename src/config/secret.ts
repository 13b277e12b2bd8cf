// Owns references to secrets: where one lies, and how it is read when it is needed. Keeps no value that was read, prints none.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { CaissonError } from '../base/errors.ts';

const MOST_CHARACTERS = 16_384;

interface SecretPlace {
  /** What may be shown: `${NAME}`, `file: PATH` or `given by --key`. */
  readonly source: string;
  readonly isSet: () => boolean;
  /** Undefined if nothing is there. */
  readonly read: () => Promise<string | undefined>;
}

/** A secret that can be named but not printed: as text, as JSON and in a log it is its source. */
export class SecretRef {
  readonly source: string;
  readonly #place: SecretPlace;

  constructor(place: SecretPlace) {
    this.source = place.source;
    this.#place = place;
  }

  /** True if something is there now; it is not read. */
  isSet(): boolean {
    return this.#place.isSet();
  }

  read(): Promise<string | undefined> {
    return this.#place.read();
  }

  toString(): string {
    return this.source;
  }

  toJSON(): string {
    return this.source;
  }

  [inspect.custom](): string {
    return `SecretRef(${this.source})`;
  }
}

/** The secret itself, without the line end of a file. Throws `secret_unresolved` if it is not there, empty or no single line. */
export async function resolveSecret(ref: SecretRef): Promise<string> {
  const value = (await ref.read())?.trim();
  const refuse = (problem: string) => new CaissonError('secret_unresolved', `the secret ${ref.source} ${problem}`);
  if (value === undefined) throw refuse('is not set');
  if (value === '') throw refuse('is empty');
  if (value.length > MOST_CHARACTERS) throw refuse(`has more than ${MOST_CHARACTERS} characters`);
  if (/[^\x20-\x7e]/.test(value)) throw refuse('holds a line break or a character that no key has');
  return value;
}

/** `${NAME}`: the variable, or else the file that the variable `NAME_FILE` names. */
export function secretFromEnvironment(name: string, env: NodeJS.ProcessEnv): SecretRef {
  const file = env[`${name}_FILE`];
  return new SecretRef({
    source: `\${${name}}`,
    isSet: () => env[name] !== undefined || (file !== undefined && existsSync(file)),
    read: async () => env[name] ?? (file === undefined ? undefined : readSecretFile(file)),
  });
}

export function secretFromFile(file: string): SecretRef {
  return new SecretRef({ source: `file:${file}`, isSet: () => existsSync(file), read: () => readSecretFile(file) });
}

/** A secret that a person typed; `by` says where. */
export function secretGiven(value: string, by: string): SecretRef {
  return new SecretRef({ source: `given by ${by}`, isSet: () => true, read: async () => value });
}

async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT') return undefined;
    throw new CaissonError('secret_unresolved', `the secret file ${file} cannot be read (${code})`, { cause });
  }
}
