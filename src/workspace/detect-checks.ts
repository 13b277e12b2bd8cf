// Owns the guess of how a repository is tested, where it declares nothing. Reads the tree only; runs nothing.
import type { Check } from '../contracts/runs.ts';
import { readTreeFile, topNames, type TreeAt } from './tree.ts';

interface Root {
  has(name: string): boolean;
  /** '' if there is no such file. */
  read(name: string): Promise<string>;
}

const MAX_BYTES = 256 * 1024;

/** In this order; the first that gives a command counts. */
const SIGNS: readonly ((root: Root) => Promise<string | undefined>)[] = [
  npmTest,
  makeTest,
  compilerTest,
  pythonTest,
  scriptTest,
];

/** The first sign counts; [] if there is none. */
export async function detectChecks(of: TreeAt): Promise<readonly Check[]> {
  const root = await rootOf(of);
  for (const sign of SIGNS) {
    const run = await sign(root);
    if (run !== undefined) return [{ name: 'tests', run }];
  }
  return [];
}

async function rootOf(of: TreeAt): Promise<Root> {
  const names = await topNames(of);
  const read = async (path: string) => (await readTreeFile({ ...of, path, maxBytes: MAX_BYTES }))?.text ?? '';
  return { has: (name) => names.has(name), read: async (name) => (names.has(name) ? await read(name) : '') };
}

/** A plain Node command is taken as it is: npm itself may be missing where the checks run. */
async function npmTest(root: Root): Promise<string | undefined> {
  try {
    const manifest = JSON.parse(await root.read('package.json')) as { scripts?: { test?: unknown } } | null;
    const test = manifest?.scripts?.test;
    if (typeof test !== 'string' || test.trim() === '' || test.includes('no test specified')) return undefined;
    return /^node [-\w./ *=]+$/.test(test) ? test : 'npm test --silent';
  } catch {
    return undefined;
  }
}

async function makeTest(root: Root): Promise<string | undefined> {
  const name = ['GNUmakefile', 'makefile', 'Makefile'].find((file) => root.has(file));
  const targets = name === undefined ? '' : await root.read(name);
  return ['test', 'check']
    .filter((target) => new RegExp(`^${target}\\s*::?(?!=)`, 'm').test(targets))
    .map((target) => `make ${target}`)[0];
}

function compilerTest(root: Root): Promise<string | undefined> {
  if (root.has('Cargo.toml')) return Promise.resolve('cargo test --offline');
  return Promise.resolve(root.has('go.mod') ? 'go test ./...' : undefined);
}

async function pythonTest(root: Root): Promise<string | undefined> {
  if (root.has('pytest.ini') || root.has('conftest.py')) return 'python3 -m pytest -q';
  for (const name of ['tox.ini', 'setup.cfg', 'pyproject.toml'])
    if (/pytest/.test(await root.read(name))) return 'python3 -m pytest -q';
  return undefined;
}

async function scriptTest(root: Root): Promise<string | undefined> {
  for (const name of ['test.sh', 'run-tests.sh', 'test']) {
    const [shell] = /(?<=^#!.*\b)(?:bash|sh)\b/.exec(await root.read(name)) ?? [];
    if (shell !== undefined) return `${shell} ${name}`;
  }
  return root.has('test.sh') ? 'sh test.sh' : undefined;
}
