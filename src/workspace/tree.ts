// Owns the reading of files from a tree of the trusted git directory. Never looks at a work tree.
import { git, gitBytes } from './git.ts';

export interface TreeFile {
  /** At most `maxBytes` of it, cut at a character. */
  readonly text: string;
  readonly bytes: number;
}

/** Undefined if there is no regular file of that path. A symbolic link is not followed. */
export async function readTreeFile(options: {
  readonly git: string;
  readonly tree: string;
  readonly path: string;
  readonly maxBytes: number;
}): Promise<TreeFile | undefined> {
  const { tree, path } = options;
  const call = { gitDir: options.git };
  const { stdout } = await git(['ls-tree', '-z', '--long', tree, '--', path], call);
  const [, object, bytes] = /^100(?:644|755) blob ([0-9a-f]+) +(\d+)\t/.exec(stdout) ?? [];
  if (object === undefined) return undefined;
  const content = await gitBytes(['cat-file', 'blob', object], call);
  const text = new TextDecoder().decode(content.stdout.subarray(0, options.maxBytes), { stream: true });
  return { text, bytes: Number(bytes) };
}
