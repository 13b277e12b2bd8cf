// Owns the reading of one configuration file from disk. Knows no schema. Loads the YAML reader only when there is a file.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CaissonError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { YamlText } from '../base/yaml.ts';

export interface FileWish {
  readonly file: string;
  /** A person named it: its absence is a mistake. */
  readonly required: boolean;
  /** It lies in a repository: a symbolic link is not followed. */
  readonly untrusted: boolean;
}

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);
const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  ELOOP: 'is a symbolic link, which is not followed in a repository',
};

/** Undefined if it is absent and need not be there. Throws `config_unreadable` for anything that is no readable file of a sane size. */
export async function readConfigFile(wish: FileWish): Promise<YamlText | undefined> {
  const text = await readText(wish);
  if (text === undefined) return undefined;
  const { readYaml } = await import('../base/yaml.ts');
  return readYaml(text, wish.file);
}

async function readText({ file, required, untrusted }: FileWish): Promise<string | undefined> {
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, a named pipe at this place would hold the start up for ever.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | (untrusted ? constants.O_NOFOLLOW : 0));
    const stats = await handle.stat();
    if (!stats.isFile()) throw unreadable(file, 'is not a regular file');
    if (stats.size > LIMITS.configBytes) throw unreadable(file, `has more than ${LIMITS.configBytes} bytes`);
    return await handle.readFile('utf8');
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    if (!required && ABSENT.has(code)) return undefined;
    throw unreadable(file, PROBLEMS[code] ?? `cannot be read (${code})`, cause);
  } finally {
    await handle?.close();
  }
}

function unreadable(file: string, problem: string, cause?: unknown): CaissonError {
  return new CaissonError('config_unreadable', `the configuration file ${file} ${problem}`, {
    place: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}
