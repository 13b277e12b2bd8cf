// Owns the law of directions between the rooms of src/. Knows nothing inside a room.
import { importsOf, targetOf, type Import } from './imports.ts';
import type { Problem, SourceFile } from './source.ts';

/** What each room may import beside itself, base and contracts. A room that is not named here does not exist. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  contracts: [],
  policy: [],
  prompting: [],
  secrets: [],
  sandbox: [],
  egress: [],
  workspace: [],
  config: [],
  store: [],
  agent: [],
  console: [],
  accounts: ['store'],
  approvals: ['store'],
  journal: ['store'],
  telemetry: ['store'],
  backends: ['prompting'],
  models: [],
  publish: ['workspace'],
  tools: ['workspace', 'approvals'],
  runs: ['agent', 'tools', 'workspace', 'journal', 'publish'],
  gateway: ['backends', 'accounts', 'approvals', 'runs', 'journal', 'telemetry'],
  cli: ['config', 'workspace'],
};

/** Composition roots that a room may import; every other root is imported by roots only. */
const DOORS: Readonly<Record<string, readonly string[]>> = { cli: ['src/offline.ts'] };

/** Files beside the roots that may import while running: the YAML parser is loaded only where a file is there to be read. */
const LAZY: readonly string[] = ['src/config/config-file.ts'];

/** The room a file lies in; `root` for the composition roots directly in src/. Undefined outside of src/. */
export function roomOf(path: string): string | undefined {
  const parts = path.split('/');
  if (parts[0] !== 'src') return undefined;
  return parts.length === 2 ? 'root' : parts[1];
}

/** `files`: all of src/. `packages`: names that package.json declares as dependencies. */
export function checkImportLaw(files: readonly SourceFile[], packages: readonly string[]): Problem[] {
  const known = new Set(files.map((file) => file.path));
  return files.flatMap((file) => [
    ...checkRoom(file),
    ...importsOf(file).flatMap((found) => [
      ...checkDynamic(file, found),
      ...(found.specifier.startsWith('.') ? checkTarget(file, found, known) : checkPackage(file, found, packages)),
    ]),
  ]);
}

function checkRoom(file: SourceFile): Problem[] {
  const room = roomOf(file.path);
  if (room === 'root' || (room !== undefined && Object.hasOwn(ROOMS, room))) return [];
  return [{ rule: 'room', path: file.path, line: 0, message: `there is no room named ${room ?? '(outside of src)'}` }];
}

function checkDynamic(file: SourceFile, found: Import): Problem[] {
  if (!found.dynamic) return [];
  const lazy = roomOf(file.path) === 'root' || LAZY.includes(file.path);
  const [path, line] = [file.path, found.line];
  if (!lazy)
    return [{ rule: 'dynamic-import', path, line, message: 'only roots and listed files import while running' }];
  if (found.specifier !== '') return [];
  return [{ rule: 'dynamic-import', path, line, message: 'a dynamic import names its module in a plain string' }];
}

function checkTarget(file: SourceFile, found: Import, known: ReadonlySet<string>): Problem[] {
  const target = targetOf(file, found) ?? '';
  const complain = (message: string) => [{ rule: 'import-law', path: file.path, line: found.line, message }];
  if (!known.has(target)) return complain(`${found.specifier} is not a file of src`);
  const [from, to] = [roomOf(file.path) ?? '', roomOf(target) ?? ''];
  return mayImport(from, to) || DOORS[from]?.includes(target)
    ? []
    : complain(`${from} must not import ${to} (${target})`);
}

function mayImport(from: string, to: string): boolean {
  if (from === to || from === 'root' || to === 'base') return true;
  if (to === 'contracts') return from !== 'base';
  return ROOMS[from]?.includes(to) ?? false;
}

function checkPackage(file: SourceFile, found: Import, packages: readonly string[]): Problem[] {
  const { specifier, line } = found;
  if (specifier === '' || specifier.startsWith('node:')) return [];
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (packages.includes(name)) return [];
  return [{ rule: 'package', path: file.path, line, message: `${name} is not a dependency in package.json` }];
}
