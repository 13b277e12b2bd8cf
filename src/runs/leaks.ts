// Owns what a run tells of secrets in its repository and its patch: where and of what kind, never the value. Looks for none itself.
import { canonicalJson } from '../base/json.ts';
import { sha256 } from '../base/hash.ts';
import type { Emit } from '../contracts/ports.ts';
import type { SecretPlace } from '../contracts/workspace.ts';
import { secretsOfTree } from '../workspace/leaks/of-tree.ts';
import { listTree } from '../workspace/tree.ts';
import type { RunsPorts } from './ports.ts';

export async function reportLeaks(
  where: 'import' | 'patch',
  places: readonly SecretPlace[],
  emit: Emit,
): Promise<void> {
  if (places.length === 0) return;
  const text = canonicalJson(places.map((place) => ({ ...place })));
  const body = { type: 'secrets_found', where, found: places.length, placesHash: sha256(text) } as const;
  await emit([{ body, contents: [text] }]);
}

/** Looks through what was brought in, while the run works. Never rejects for what is in it. */
export async function scanImport(
  of: { readonly run: string; readonly git: string; readonly tree: string; readonly signal: AbortSignal },
  { limits, logger }: Pick<RunsPorts, 'limits' | 'logger'>,
  emit: Emit,
): Promise<void> {
  try {
    const entries = await listTree(of.git, of.tree);
    const { places } = await secretsOfTree({ git: of.git, entries, limits, signal: of.signal });
    await reportLeaks('import', places, emit);
  } catch (error) {
    logger.warn('a repository could not be looked through for secrets', { run: of.run, message: String(error) });
  }
}
