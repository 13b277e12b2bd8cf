// Owns the checking of one configuration file by itself. Reads no environment and no secret.
import { basename, dirname, resolve } from 'node:path';
import { problemsError } from '../base/problems.ts';
import { readConfigFile } from './config-file.ts';
import { fileLayer, PROJECT_FILE } from './layers.ts';

/**
 * Resolves if the file is a good configuration; one named `.caisson.yaml` is held to what a repository may set.
 * Throws `config_invalid` with every mistake, or `config_unreadable`.
 */
export async function validateFile(file: string): Promise<void> {
  const path = resolve(file);
  const wish = { file, required: true, untrusted: basename(path) === PROJECT_FILE };
  const text = await readConfigFile(wish);
  if (text === undefined) return;
  const { problems } = fileLayer(wish, text, dirname(path));
  if (problems.length > 0) throw problemsError('config_invalid', problems);
}
