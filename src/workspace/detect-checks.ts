// Owns the guess of how a repository is tested, where it declares nothing. Reads the tree only; runs nothing.
import type { Check } from '../contracts/runs.ts';
import { git } from './git.ts';
import { readTreeFile } from './tree.ts';

interface Tree {
  readonly git: string;
  readonly tree: string;
}

const MAX_BYTES = 256 * 1024;

/** The first sign counts; [] if there is none. */
export async function detectChecks(of: Tree): Promise<readonly Check[]> {
  const names = new Set((await git(['ls-tree', '-z', '--name-only', of.tree], { gitDir: of.git })).stdout.split('\0'));
  const run = (await commandOf(names, of)) ?? '';
  return run === '' ? [] : [{ name: 'tests', run }];
}

async function commandOf(names: ReadonlySet<string>, of: Tree): Promise<string | undefined> {
  const read = async (path: string) =>
    names.has(path) ? ((await readTreeFile({ ...of, path, maxBytes: MAX_BYTES }))?.text ?? '') : '';
  const npm = npmTest(await read('package.json'));
  if (npm !== undefined) return npm;
  if (/^(?:test|check)\s*:/m.test(await read('Makefile')))
    return /^test\s*:/m.test(await read('Makefile')) ? 'make test' : 'make check';
  if (names.has('Cargo.toml')) return 'cargo test --offline';
  if (names.has('go.mod')) return 'go test ./...';
  const python = ['pytest.ini', 'tox.ini', 'setup.cfg', 'pyproject.toml'];
  for (const path of python)
    if (path === 'pytest.ini' ? names.has(path) : /pytest/.test(await read(path))) return 'python3 -m pytest -q';
  if (names.has('test.sh')) return 'sh test.sh';
  return undefined;
}

/** A plain Node command is taken as it is: npm itself may be missing where the checks run. */
function npmTest(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    const { scripts } = JSON.parse(text) as { scripts?: { test?: unknown } };
    const test = scripts?.test;
    if (typeof test !== 'string' || test.includes('no test specified')) return undefined;
    return /^node [-\w./ *]+$/.test(test) ? test : 'npm test --silent';
  } catch {
    return undefined;
  }
}
