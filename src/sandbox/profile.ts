// Owns the firejail profile of this host: the shipped one, and a line for everything this host has beside it. Knows no process.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SHIPPED = new URL('../../deploy/profiles/agent.profile', import.meta.url);
const USUAL = new Set([
  'bin',
  'sbin',
  'usr',
  'etc',
  'proc',
  'dev',
  'tmp',
  'var',
  'run',
  'home',
  'root',
  'opt',
  'srv',
  'mnt',
  'media',
  'sys',
]);
/** Firejail reads `${…}`, and a newline would begin another rule. */
const UNSAFE = /[\n\r$]/;

export interface ProfileFile {
  readonly path: string;
  dispose(): void;
}

/** The text of the profile. A path that a profile line cannot hold is refused by leaving it to `--blacklist`'s caller: it throws. */
export function profileText(hidden: readonly string[], topLevel: readonly string[] = readdirSync('/')): string {
  const strange = topLevel
    .filter((name) => !USUAL.has(name) && !/^lib(?:32|64|x32)?$/.test(name))
    .map((name) => `/${name}`);
  const lines = [...strange, ...hidden].map((path) => {
    if (UNSAFE.test(path))
      throw new Error(`a path with a line break or a dollar sign cannot be hidden: ${JSON.stringify(path)}`);
    return `blacklist ${path}`;
  });
  return `${readFileSync(SHIPPED, 'utf8')}\n# This host\n${lines.join('\n')}\n`;
}

/** Writes it where no sandbox can reach it: each one has a /tmp of its own. */
export function writeProfile(hidden: readonly string[]): ProfileFile {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-profile-'));
  chmodSync(folder, 0o755);
  const path = join(folder, 'agent.profile');
  writeFileSync(path, profileText(hidden), { mode: 0o644 });
  return { path, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}
