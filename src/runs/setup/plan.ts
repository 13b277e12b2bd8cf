// Owns what is made ready for a run and from which files: as it was asked for, or as lock files say. Knows no sandbox.
import { CaissonError } from '../../base/errors.ts';
import type { RunRequest, SetupWish } from '../../contracts/runs.ts';
import { toBytePath } from '../../workspace/byte-path.ts';
import { type NamedFiles, namedTree } from '../../workspace/setup/box.ts';
import { detectSetup, filesOf } from '../../workspace/setup/detect.ts';
import type { SizedEntry } from '../../workspace/tree.ts';
import type { ListedTree } from './port.ts';

export interface SetupPlan extends SetupWish {
  /** Lock files that ask for it; none where a person or the repository does. */
  readonly locks: readonly string[];
}

/** Undefined: there is nothing to do. What nobody asked for never ends a run. */
export function planSetup(
  { setup }: Pick<RunRequest, 'setup'>,
  entries: readonly SizedEntry[],
  detect: boolean,
): SetupPlan | undefined {
  if (setup !== undefined) return setup.run.length === 0 ? undefined : { ...setup, locks: [] };
  if (!detect) return undefined;
  const { commands, locks } = detectSetup(entries);
  return commands.length === 0 ? undefined : { run: [...commands], failure: 'go_on', locks };
}

/** The tree of what the commands see. Throws `setup_failed` for a path that names nothing. */
export async function seenTree(
  { run, files }: SetupPlan,
  of: ListedTree,
): Promise<{ readonly tree: string; readonly seen: number }> {
  const named = files === undefined ? await filesOf(run, of) : pathsIn(files, of.entries);
  if (named === undefined) return { tree: of.tree, seen: of.entries.length };
  const seen = named.whole.length + named.empty.length;
  return { tree: await namedTree(of.git, named), seen };
}

function pathsIn(paths: readonly string[], entries: readonly SizedEntry[]): NamedFiles | undefined {
  const wanted = paths.map((path) =>
    toBytePath(path)
      .replace(/^(?:\.\/)+/, '')
      .replace(/\/+$/, ''),
  );
  if (wanted.includes('.')) return undefined;
  const isIn = (entry: SizedEntry, path: string) => entry.path === path || entry.path.startsWith(`${path}/`);
  for (const [at, path] of wanted.entries())
    if (!entries.some((entry) => isIn(entry, path)))
      throw new CaissonError('setup_failed', `setup.files: nothing in the repository has the path ${paths[at] ?? ''}`);
  return { whole: entries.filter((entry) => wanted.some((path) => isIn(entry, path))), empty: [] };
}
