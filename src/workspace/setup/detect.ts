// Owns the guess of how the dependencies of a repository are fetched, and which of its files have a part in that. Reads the tree only;
// runs nothing.
import type { BytePath } from '../byte-path.ts';
import { readTreeFile, type SizedEntry, type TreeAt } from '../tree.ts';
import type { NamedFiles } from './box.ts';

interface Kind {
  /** At the top of the tree, one of these asks for the command. */
  readonly locks: readonly string[];
  readonly command: string;
  /** A command that sees no more than `files`. */
  readonly isCommand: RegExp;
  /** Files that have a part in it, wherever they lie. */
  readonly files: RegExp;
  /** Files that must be there, whatever they hold. */
  readonly empty?: RegExp;
}

export interface Detected {
  readonly commands: readonly string[];
  /** The lock files that ask for them. */
  readonly locks: readonly string[];
}

type Listed = TreeAt & { readonly entries: readonly SizedEntry[] };

/** Of the paths with these names, wherever they lie. */
const named = (...names: readonly string[]) => new RegExp(String.raw`(?:^|/)(?:${names.join('|')})$`);
const NODE_FILES = named(
  String.raw`package(?:-lock)?\.json`,
  String.raw`npm-shrinkwrap\.json`,
  String.raw`pnpm-(?:lock|workspace)\.yaml`,
  String.raw`yarn\.lock`,
  String.raw`\.(?:npmrc|yarnrc|yarnrc\.yml|nvmrc|node-version)`,
  String.raw`\.yarn/(?:releases|plugins)/.*`,
);
const PYTHON_FILES =
  /(?:^|\/)(?:[\w.-]*(?:requirements|constraints)[\w.-]*\.(?:txt|in)|pyproject\.toml|uv\.lock|uv\.toml|pip\.conf|\.python-version)$/;
const END = String.raw`(?:\s+[\w@%+=:,./"'$~-]+)*\s*$`;
const command = (start: string) => new RegExp(`^${start}${END}`);

/** Of those for Node the first whose lock file is there; of the others each. */
const NODE: readonly Kind[] = [
  {
    locks: ['pnpm-lock.yaml'],
    command: 'pnpm install --frozen-lockfile',
    isCommand: command('pnpm (?:install|i|fetch)'),
    files: NODE_FILES,
  },
  {
    locks: ['yarn.lock'],
    command: 'yarn install --frozen-lockfile',
    isCommand: command('yarn(?: install)?(?! \\w)'),
    files: NODE_FILES,
  },
  {
    locks: ['package-lock.json', 'npm-shrinkwrap.json'],
    command: 'npm ci --no-audit --no-fund',
    isCommand: command('npm (?:ci|install|i)'),
    files: NODE_FILES,
  },
];
const OTHERS: readonly Kind[] = [
  {
    locks: ['uv.lock'],
    command: 'uv sync --frozen --no-install-workspace',
    isCommand: command('uv (?:sync(?=.* --no-install-(?:project|workspace))|pip (?:install|sync)(?=.* -r ))'),
    files: PYTHON_FILES,
  },
  {
    locks: ['requirements.txt'],
    command:
      'PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --user --disable-pip-version-check -r requirements.txt',
    isCommand: command('(?:PIP_\\w+=1 )?(?:python3? -m )?pip3? install(?=.* -r )'),
    files: PYTHON_FILES,
  },
  {
    locks: ['Cargo.lock'],
    command: 'cargo fetch --locked',
    isCommand: command('cargo fetch'),
    files: /(?:^|\/)(?:Cargo\.(?:toml|lock)|rust-toolchain(?:\.toml)?|\.cargo\/config(?:\.toml)?)$/,
    empty: /\.rs$/,
  },
  {
    locks: ['go.sum'],
    command: 'go mod download',
    isCommand: command('go mod download'),
    files: /(?:^|\/)go\.(?:mod|sum|work|work\.sum)$/,
  },
  {
    locks: ['pom.xml'],
    command: 'mvn -B -q -Dmaven.repo.local="$HOME/.m2/repository" dependency:go-offline',
    isCommand: command('mvn(?=.* dependency:)'),
    files: /(?:^|\/)pom\.xml$|(?:^|\/)\.mvn\//,
  },
];
const MOST_READ = 50;
const READ_BYTES = 1024 * 1024;
/** They run files that no list names. */
const HOOKS = ['preinstall', 'install', 'postinstall', 'prepare'] as const;
/** Of a list for pip: a part of the repository itself. */
const LOCAL_PYTHON = /^\s*(?:-e\b|--editable\b|\.|file:|[\w.-]+ @ file:)/m;

/** Cheap: only names are looked at. */
export function hasLockFile(entries: readonly SizedEntry[]): boolean {
  const locks = new Set([...NODE, ...OTHERS].flatMap((kind) => kind.locks));
  return entries.some(({ path }) => locks.has(path));
}

/** No commands if there is no lock file at the top of the tree. */
export function detectSetup(entries: readonly SizedEntry[]): Detected {
  const names = new Set(entries.map(({ path }) => path));
  const locksOf = (kind: Kind) => kind.locks.filter((lock) => names.has(lock));
  const node = NODE.find((kind) => locksOf(kind).length > 0);
  const kinds = [...(node === undefined ? [] : [node]), ...OTHERS.filter((kind) => locksOf(kind).length > 0)];
  return {
    commands: kinds.map((kind) => (isNewYarn(kind, names) ? 'yarn install --immutable' : kind.command)),
    locks: kinds.flatMap(locksOf),
  };
}

function isNewYarn({ locks }: Kind, names: ReadonlySet<string>): boolean {
  return locks.includes('yarn.lock') && names.has('.yarnrc.yml');
}

/**
 * The files that have a part in what these commands make. Undefined: any file may have, because a command is none that is known here, or
 * because a manifest names more than packages (scripts that run at the installation, patches, parts of the repository).
 */
export async function filesOf(commands: readonly string[], of: Listed): Promise<NamedFiles | undefined> {
  const kinds = commands.map((text) => [...NODE, ...OTHERS].find(({ isCommand }) => isCommand.test(text.trim())));
  const known = kinds.filter((kind) => kind !== undefined);
  if (known.length < kinds.length || known.length === 0) return undefined;
  const named = of.entries.filter(({ path }) => known.some(({ files }) => files.test(path)));
  const local = await localPaths(named, of);
  if (local === undefined) return undefined;
  const isLocal = (path: BytePath) => local.some((one) => path === one || path.startsWith(`${one}/`));
  const whole = of.entries.filter((entry) => named.includes(entry) || isLocal(entry.path));
  const isEmpty = (entry: SizedEntry) =>
    !whole.includes(entry) && known.some(({ empty }) => empty?.test(entry.path) === true);
  return { whole, empty: of.entries.filter(isEmpty).map(({ path }) => path) };
}

/** What the manifests name of the repository itself; undefined if that cannot be told. */
async function localPaths(named: readonly SizedEntry[], of: Listed): Promise<readonly BytePath[] | undefined> {
  const read = named.filter(({ path }) => /package\.json$|\.(?:txt|in)$/.test(path));
  if (read.length > MOST_READ) return undefined;
  const paths: BytePath[] = [];
  for (const { path } of read) {
    const text = (await readTreeFile({ ...of, path, maxBytes: READ_BYTES }))?.text ?? '';
    const found = path.endsWith('package.json') ? localPackages(text, path) : LOCAL_PYTHON.test(text) ? undefined : [];
    if (found === undefined) return undefined;
    paths.push(...found);
  }
  return paths;
}

const DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides', 'resolutions'] as const;

function localPackages(text: string, path: BytePath): readonly BytePath[] | undefined {
  const manifest = parsed(text);
  const scripts = section(manifest, 'scripts');
  if (HOOKS.some((hook) => hook in scripts)) return undefined;
  const wanted = DEPENDENCIES.flatMap((name) => Object.values(section(manifest, name)));
  const texts = wanted.filter((value) => typeof value === 'string');
  if (wanted.length > texts.length || texts.some((value) => /^(?:link|portal|patch):/.test(value))) return undefined;
  const folder = path.slice(0, -'package.json'.length);
  return texts.filter((value) => value.startsWith('file:')).map((value) => folder + plainPath(value));
}

function plainPath(value: string): string {
  return value.slice('file:'.length).replace(/^\.\//, '').replace(/\/+$/, '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function section(of: unknown, name: string): Readonly<Record<string, unknown>> {
  const value = typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
