// Owns the reading of model files: those that come with Caisson and those of the site. A file with a mistake harms no other.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { parseYaml } from '../base/yaml.ts';
import { type Build, buildsOf } from './build.ts';
import { type ModelFile, modelSchema } from './schema.ts';

export interface Catalogue {
  readonly files: readonly ModelFile[];
  readonly builds: readonly Build[];
  /** One for each file or folder that could not be read. */
  readonly problems: readonly CaissonError[];
}

const SHIPPED = join(import.meta.dirname, '..', '..', 'model-configs');

/** A file of the site takes the place of the shipped one with the same `model.name`. Never rejects. */
export async function readCatalogue(site?: string, shipped = SHIPPED): Promise<Catalogue> {
  const own = site === undefined ? EMPTY : await readFolder(site);
  const rest = await readFolder(shipped);
  const replaced = new Set(own.read.map(({ values }) => values.model.name));
  const all = [...own.read, ...rest.read.filter(({ values }) => !replaced.has(values.model.name))];
  const files: ModelFile[] = [];
  const problems = [...own.problems, ...rest.problems];
  const taken = new Map<string, string>();
  for (const one of all) {
    const problem = takenName(one, taken);
    if (problem === undefined) files.push(one.values);
    else problems.push(problem);
  }
  return { files, builds: files.flatMap(buildsOf), problems };
}

interface ReadFile {
  readonly file: string;
  readonly values: ModelFile;
  readonly placeOf: ReturnType<typeof parseYaml>['placeOf'];
}

interface ReadFolder {
  readonly read: readonly ReadFile[];
  readonly problems: readonly CaissonError[];
}

const EMPTY: ReadFolder = { read: [], problems: [] };

async function readFolder(folder: string): Promise<ReadFolder> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => unreadable(folder, 'folder', cause));
  if (names instanceof CaissonError) return { read: [], problems: [names] };
  const paths = names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
  const results = await Promise.all(paths.map(readModelFile));
  return {
    read: results.filter((one): one is ReadFile => !(one instanceof CaissonError)),
    problems: results.filter((one) => one instanceof CaissonError),
  };
}

async function readModelFile(file: string): Promise<ReadFile | CaissonError> {
  try {
    const stats = await stat(file);
    if (!stats.isFile()) return unreadable(file, 'file', { message: 'it is not a regular file' });
    if (stats.size > LIMITS.configBytes)
      return unreadable(file, 'file', { message: `it has more than ${LIMITS.configBytes} bytes` });
    const { value, placeOf } = parseYaml(await readFile(file, 'utf8'), file, modelSchema, 'model_file_invalid');
    return { file, values: value, placeOf };
  } catch (error) {
    return error instanceof CaissonError ? error : unreadable(file, 'file', error as NodeJS.ErrnoException);
  }
}

/** Remembers the names of the file if they are free. */
function takenName({ file, values, placeOf }: ReadFile, taken: Map<string, string>): CaissonError | undefined {
  const names = [
    { name: `model ${values.model.name}`, path: ['model', 'name'] },
    ...(values.builds ?? []).map(({ name }, index) => ({ name: `build ${name}`, path: ['builds', index, 'name'] })),
  ];
  const double = names.find(({ name }) => taken.has(name));
  if (double === undefined) for (const { name } of names) taken.set(name, file);
  return double === undefined
    ? undefined
    : new CaissonError('model_file_invalid', `the ${double.name} stands in ${taken.get(double.name)} already`, {
        place: placeOf(double.path),
      });
}

function unreadable(
  path: string,
  kind: string,
  cause: Pick<Error, 'message'> & { readonly code?: string | undefined },
): CaissonError {
  const why = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read: ${cause.message}`;
  return new CaissonError('config_unreadable', `the model ${kind} ${path} ${why}`, { place: { file: path } });
}
