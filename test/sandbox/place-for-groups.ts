// Owns a control group for the sandboxes of one test, where the kernel lets this process make some.
import { accessSync, constants, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** The tree of version 1 that counts processes, if this process is at its root and may write there. */
export function placeForGroups(
  t: { readonly after: (work: () => void) => void },
  name = `caisson.test-${process.pid}`,
): { readonly name: string; readonly folder: string } | undefined {
  const tree = '/sys/fs/cgroup/pids';
  try {
    if (!/^\d+:pids:\/$/m.test(readFileSync('/proc/self/cgroup', 'utf8'))) return undefined;
    accessSync(tree, constants.W_OK);
    mkdirSync(join(tree, name));
  } catch {
    return undefined;
  }
  const folder = join(tree, name);
  t.after(() => rmdirSync(folder));
  return { name, folder };
}
