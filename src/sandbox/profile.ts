// Owns the firejail profile of this host: the shipped one, and a line for everything this host has beside it. Knows no process.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { makeOwnFolder } from './own-folder.ts';
import { showToolchains } from './toolchains.ts';

const SHIPPED = new URL('../../deploy/profiles/agent.profile', import.meta.url);
const NAME = 'agent.profile';
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
/** Firejail reads `${…}` and patterns, trims lines, and a line break begins another rule: all else would hide something else. */
const SAFE = /^\/[^\n\r$*?[\]\\]*[^\s$*?[\]\\]$/;
/** What firejail reads otherwise or refuses in a name. As `?` it stands for itself, and for any other character. */
const STRANGE = /[^\w.\-+:@=\s\u0080-\uffff]|[\n\r\t]|\s$/g;

export interface ProfileFile {
  /** Its path; written anew if something that clears temporary files took it away. */
  readonly path: string;
  /** The executor's own folder, which holds it. */
  readonly folder: string;
  dispose(): void;
}

/**
 * The text of the profile. Throws `sandbox_unavailable` for a path that a line of a profile cannot hold, `config_invalid` for a toolchain
 * that may not be shown.
 */
export function profileText(
  hidden: readonly string[],
  topLevel: readonly string[] = readdirSync('/'),
  toolchains: readonly string[] = [],
): string {
  const shown = showToolchains(toolchains, hidden);
  const strange = topLevel
    .filter((name) => !USUAL.has(name) && !/^lib(?:32|64|x32)?$/.test(name) && !shown.topLevel.has(name))
    .map((name) => `blacklist /${name.replaceAll(STRANGE, '?')}\n`);
  const named = hidden.map((path) => {
    if (SAFE.test(path)) return `blacklist ${path}\n`;
    const message = `the profile of the sandbox cannot hide the path ${JSON.stringify(path)}`;
    throw new CaissonError('sandbox_unavailable', message, { hint: 'Give it a plain absolute path.' });
  });
  const lines = [...strange, ...shown.lines.map((line) => `${line}\n`), ...named];
  return `${readFileSync(SHIPPED, 'utf8')}\n# This host\n${lines.join('')}`;
}

/** Writes it where no sandbox can reach it: each one has a /tmp of its own. */
export function writeProfile(hidden: readonly string[], toolchains: readonly string[] = []): ProfileFile {
  const text = profileText(hidden, readdirSync('/'), toolchains);
  let folder = writeInNewFolder(text);
  const there = () => {
    if (!existsSync(join(folder, NAME))) folder = writeInNewFolder(text);
    return folder;
  };
  return {
    get path() {
      return join(there(), NAME);
    },
    get folder() {
      return there();
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function writeInNewFolder(text: string): string {
  const folder = makeOwnFolder();
  writeFileSync(join(folder, NAME), text, { mode: 0o644 });
  return folder;
}
