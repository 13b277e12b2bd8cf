// Owns small stand-in checkouts with the real bin/ in them, and running programs there. Knows no expectation.
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const BIN = join(import.meta.dirname, '..', '..', '..', 'bin');
const require = createRequire(import.meta.url);

/** A part of the bootstrap; the caller says what it exports. */
export function loadPart(name: string): unknown {
  return require(join(BIN, 'parts', `${name}.cjs`)) as unknown;
}

export interface Checkout {
  readonly root: string;
  write(path: string, text: string, mode?: number): Promise<void>;
  remove(): Promise<void>;
}

/** A directory with bin/, an empty lock file, and dependencies that count as installed. */
export async function makeCheckout(): Promise<Checkout> {
  const root = await mkdtemp(join(tmpdir(), 'caisson-bin-'));
  const write = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { mode });
  };
  await cp(BIN, join(root, 'bin'), { recursive: true });
  await write('package.json', '{"type":"module"}');
  await write('package-lock.json', '{}');
  const { fingerprint } = loadPart('dependencies') as { fingerprint: (root: string) => string };
  await write('node_modules/.caisson-installed', fingerprint(root));
  return { root, write, remove: () => rm(root, { recursive: true, force: true }) };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when `text` has stood on stdout. */
  printed(text: string): Promise<void>;
}

/** Nothing of this test's environment goes along but the path. */
export function start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const [command = '', ...rest] = argv;
  const child = spawn(command, rest, { env: { PATH: PATH_WITH_NODE, HOME: tmpdir(), ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const printed = async (text: string) => {
    while (!stdout.includes(text)) await new Promise((resolve) => child.stdout.once('data', resolve));
  };
  return { child, ended, printed };
}

export function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return start(argv, env).ended;
}

const PATH_WITH_NODE = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
/** Preloaded, it makes the running Node say that it is an old one. */
export const PRETEND_OLD = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } });`;
