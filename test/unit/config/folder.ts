// A folder with configuration files for one test, and sources that read nothing else of this machine.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import type { ConfigSources } from '../../../src/config/sources.ts';

export interface Folder {
  readonly path: string;
  write(name: string, text: string): Promise<string>;
  /** Sources whose system, user and project files lie in this folder. */
  sources(changes?: Partial<ConfigSources>): ConfigSources;
}

export async function makeFolder(context: TestContext): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'caisson-config-'));
  context.after(() => rm(path, { recursive: true, force: true }));
  return {
    path,
    write: async (name, text) => {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), text);
      return join(path, name);
    },
    sources: (changes = {}) => ({
      flags: [],
      env: {},
      home: join(path, 'home'),
      cwd: join(path, 'cwd'),
      isRoot: false,
      systemFile: join(path, 'system.yaml'),
      userFile: join(path, 'user.yaml'),
      projectDir: join(path, 'repo'),
      ...changes,
    }),
  };
}

/** The coded error that the work rejects with. */
export async function refusalOf(work: Promise<unknown>): Promise<CaissonError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CaissonError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
