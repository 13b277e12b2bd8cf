// Owns the installing of locked packages into a cache folder beside our own dependencies. Knows no SDK and no client.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from './service.ts';

const CACHE = join(ROOT, 'node_modules', '.cache', 'caisson-sdk');
const INSTALL_MS = 240_000;

/** The folder they lie in, or why they cannot be installed on this machine. */
export type Installed = { readonly ok: true; readonly folder: string } | { readonly ok: false; readonly why: string };

/**
 * `source`: a folder with package.json and package-lock.json. No install script runs. `install` in place of `ci` is for packages whose
 * builds for other platforms a registry may lack: what is locked is installed as locked all the same.
 */
export function installNode(
  name: string,
  source: string,
  verb: 'ci' | 'install' = 'ci',
  settings = join(ROOT, '.npmrc'),
): Promise<Installed> {
  const npm = process.env['npm_execpath'];
  const isNpm = npm !== undefined && basename(npm) === 'npm-cli.js';
  const install = [verb, '--ignore-scripts', '--loglevel=error'];
  const files = ['package.json', 'package-lock.json'].map((file) => join(source, file));
  return installOnce(name, [...files, settings], [isNpm ? [process.execPath, npm, ...install] : ['npm', ...install]]);
}

/** `requirements`: a file with exact versions and hashes; they go into an environment of their own. */
export function installPython(name: string, requirements: string): Promise<Installed> {
  const wanted = ['--quiet', '--require-hashes', '--only-binary=:all:', '-r', basename(requirements)];
  return installOnce(
    name,
    [requirements],
    [
      ['python3', '-m', 'venv', 'venv'],
      [join('venv', 'bin', 'python'), '-m', 'pip', 'install', ...wanted],
    ],
  );
}

/** Commands run one after the other in the folder, where `files` lie as well; what was installed from the same files is kept. */
export async function installOnce(
  name: string,
  files: readonly string[],
  commands: readonly (readonly string[])[],
): Promise<Installed> {
  const folder = join(CACHE, name);
  const stamp = join(folder, '.installed');
  const print = fingerprint(files);
  if (readOr(stamp) === print) return { ok: true, folder };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of files) cpSync(file, join(folder, basename(file)));
  for (const [command = '', ...words] of commands) {
    const why = await failureOf(command, words, folder);
    if (why !== undefined) return { ok: false, why: `${name}: ${[command, ...words].join(' ')}: ${why}` };
  }
  writeFileSync(stamp, print);
  return { ok: true, folder };
}

function failureOf(command: string, words: readonly string[], cwd: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let errors = '';
    const program = command.includes('/') && !command.startsWith('/') ? join(cwd, command) : command;
    const child = spawn(program, words, { cwd, stdio: ['ignore', 'ignore', 'pipe'], timeout: INSTALL_MS });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      const last = errors.trim().split('\n').slice(-3).join(' ');
      resolve(code === 0 ? undefined : `it ended with ${code ?? signal}: ${last}`);
    });
  });
}

function fingerprint(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return `${hash.digest('hex')} ${process.platform} ${process.arch}\n`;
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
