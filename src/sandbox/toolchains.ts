// Owns which toolchains of the host a sandbox may be shown, and the lines of a profile that show them read-only. Knows no process.
import { realpathSync, statSync } from 'node:fs';
import { CaissonError } from '../base/errors.ts';

export interface ShownToolchains {
  readonly lines: readonly string[];
  /** Names at the root of the host that must not be hidden as a whole. */
  readonly topLevel: ReadonlySet<string>;
}

/** Every sandbox sees these anyway. */
const SEEN = new Set(['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']);
/** Nobody’s tools, or the sandbox has its own in their place, or nothing in them could be executed. */
const NEVER = new Set([
  'boot',
  'dev',
  'etc',
  'home',
  'media',
  'mnt',
  'proc',
  'root',
  'run',
  'srv',
  'sys',
  'tmp',
  'var',
]);
/** What a line of a profile holds as it is. */
const PLAIN = /^(?:\/[\w.+@-]+)+$/;
const FIELD = 'sandbox.toolchains';

/** `hidden`: what no sandbox may see. Throws `config_invalid` for what is no folder, or what may not be shown. */
export function showToolchains(paths: readonly string[], hidden: readonly string[]): ShownToolchains {
  const lines: string[] = [];
  const topLevel = new Set<string>();
  for (const path of paths) {
    const [, first = ''] = path.split('/');
    requireToolchain(path, first, hidden);
    if (SEEN.has(first)) continue;
    topLevel.add(first);
    if (path !== `/${first}`) lines.push(`whitelist ${path}`);
    lines.push(`read-only ${path}`);
  }
  return { lines, topLevel };
}

function requireToolchain(path: string, first: string, hidden: readonly string[]): void {
  if (!PLAIN.test(path)) throw refusal(path, 'is no plain absolute path', 'Give one such as /opt/go.');
  if (path === '/opt' || NEVER.has(first))
    throw refusal(
      path,
      'can be shown to no sandbox',
      'Put the toolchain below /opt, /usr/local or a folder of its own.',
    );
  if (!isFolder(path))
    throw refusal(path, 'is no folder', 'Name the folder of a toolchain by its own path, not by a link.');
  const near = hidden.find((one) => isIn(one, path) || isIn(path, one));
  if (near !== undefined)
    throw refusal(path, `and ${near}, which is hidden from every sandbox, lie in one another`, 'Move one of them.');
}

function isFolder(path: string): boolean {
  try {
    return realpathSync(path) === path && statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function refusal(path: string, what: string, hint: string): CaissonError {
  return new CaissonError('config_invalid', `the toolchain ${JSON.stringify(path)} ${what}`, {
    place: { field: FIELD },
    hint,
  });
}
