// Owns the real vLLM that the tests run: where it lies, how it gets there, and what is missing where it cannot. Knows no model.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installOnce } from '../../sdk/install.ts';

export interface Installation {
  /** Of the environment it lies in. */
  readonly python: string;
  readonly environment: string;
}

export type Found = { readonly ok: true; readonly value: Installation } | { readonly ok: false; readonly why: string };

const SOURCES = join(import.meta.dirname, 'python');
const FILES = ['uv.txt', 'requirements.txt', 'stub_cuda.py'].map((file) => join(SOURCES, file));
const PYTHON = join('venv', 'bin', 'python');
const PYTHONS = ['python3.11', 'python3.12', 'python3'];
const PACKAGES: Readonly<Record<string, readonly string[]>> = { gcc: ['gcc', 'libc6-dev'], readelf: ['binutils'] };
const LOCKED = ['--quiet', '--no-deps', '--require-hashes', '--only-binary', ':all:'];

/** Installs where that needs no question. Takes minutes and 3 GB the first time. `named`: a Python in place of those on the path. */
export async function findVllm(named?: string): Promise<Found> {
  if (process.arch !== 'x64' || process.platform !== 'linux')
    return { ok: false, why: 'the vLLM of the tests is built for Linux on x86-64' };
  const base = (named === undefined ? PYTHONS : [named]).find((name) => minorOf(name) !== undefined);
  if (base === undefined)
    return { ok: false, why: `${named ?? 'python3'} is no Python 3.11 or 3.12 with its module venv` };
  const lacking = installTools();
  if (lacking !== undefined) return { ok: false, why: lacking };
  const installed = await installOnce(`vllm-${minorOf(base)}`, FILES, commands(base));
  if (!installed.ok) return installed;
  const environment = join(installed.folder, 'venv');
  return { ok: true, value: { environment, python: join(installed.folder, PYTHON) } };
}

function commands(base: string): readonly (readonly string[])[] {
  const pip = [PYTHON, '-m', 'pip', 'install', ...LOCKED];
  const uv = [PYTHON, '-m', 'uv', 'pip', 'install', '--python', PYTHON, ...LOCKED];
  // uv downloads side by side. Where only pip knows the registry, pip does it, in more time.
  const either = [uv, [...pip, '--no-compile']].map((words) => `${words.join(' ')} -r requirements.txt`).join(' || ');
  return [
    [base, '-m', 'venv', 'venv'],
    [...pip, '-r', 'uv.txt'],
    ['sh', '-c', either],
    [PYTHON, 'stub_cuda.py', join('venv', 'lib', `python${minorOf(base)}`, 'site-packages')],
  ];
}

/** `3.11` or `3.12`; undefined: another, or one that cannot make environments. */
function minorOf(python: string): string | undefined {
  const say = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  const { status, stdout } = spawnSync(python, ['-c', say], { encoding: 'utf8' });
  const minor = status === 0 ? stdout.trim() : '';
  return minor === '3.11' || minor === '3.12' ? minor : undefined;
}

/** What is to be typed where this may not install; undefined: all is there. */
function installTools(): string | undefined {
  const lacking = () => Object.keys(PACKAGES).filter((tool) => spawnSync(tool, ['--version']).status !== 0);
  const names = lacking().flatMap((tool) => PACKAGES[tool] ?? []);
  if (names.length === 0) return undefined;
  const words = ['apt-get', 'install', '-y', '--no-install-recommends', ...names];
  if (process.getuid?.() !== 0) return `type: sudo ${words.join(' ')}`;
  for (const [command = '', ...rest] of [['apt-get', 'update'], words]) spawnSync(command, rest, { stdio: 'ignore' });
  return lacking().length === 0 ? undefined : `type: ${words.join(' ')}`;
}
