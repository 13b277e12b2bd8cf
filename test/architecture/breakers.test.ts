// Owns the test of the test: each law is broken in a copy of src/ in memory, and that law alone speaks. Knows no disk but src/.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkSource } from './checks.ts';
import { checkTop, checkTraces, TOP } from './repository.ts';
import { formatProblem, readFiles, type SourceFile, sourceFile } from './source.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SOURCE = readFiles(ROOT, 'src', (path) => path.endsWith('.ts'));
const PACKAGES = ['zod', 'openai', 'fastify'];
const BEFORE = new Set(checkSource(SOURCE, PACKAGES).map(formatProblem));
const OPENING = '// Owns a wrong that a test has put here. Knows nothing.\n';

/** What the checks say of src/ with these files added, beside what they say of src/ as it is. */
function broken(...added: readonly SourceFile[]): string[] {
  return checkSource([...SOURCE, ...added], PACKAGES)
    .map(formatProblem)
    .filter((problem) => !BEFORE.has(problem));
}

function file(path: string, ...lines: readonly string[]): SourceFile {
  return sourceFile(path, `${OPENING}${lines.join('\n')}\n`);
}

describe('a forbidden import is found', () => {
  const cases: readonly (readonly [name: string, path: string, line: string, message: string])[] = [
    [
      'a leaf that imports a room',
      'src/policy/new.ts',
      "import { x } from '../approvals/approvals.ts';",
      'policy → approvals',
    ],
    ['a type from another room', 'src/agent/new.ts', "import type { X } from '../tools/registry.ts';", 'agent → tools'],
    ['a re-export', 'src/store/new.ts', "export { x } from '../journal/journal.ts';", 'store → journal'],
    ['an import for its effect', 'src/gateway/new.ts', "import '../policy/decide.ts';", 'gateway → policy'],
    [
      'the gateway in the sandbox',
      'src/gateway/new.ts',
      "import { x } from '../sandbox/executor.ts';",
      'gateway → sandbox',
    ],
    [
      'base that knows a contract',
      'src/base/new.ts',
      "import type { X } from '../contracts/tools.ts';",
      'base → contracts',
    ],
    ['a room that imports a root', 'src/runs/new.ts', "import { x } from '../main.ts';", 'runs → root'],
    ['a command that starts the service by itself', 'src/cli/new.ts', "import { x } from '../main.ts';", 'cli → root'],
  ];
  for (const [name, path, line, message] of cases) {
    test(name, () => {
      const target = /'\.\.\/(.*)'/.exec(line)?.[1] ?? '';
      const [from, to] = message.split(' → ');
      const stand = SOURCE.some((known) => known.path === `src/${target}`) ? [] : [file(`src/${target}`, 'export {};')];
      assert.deepEqual(broken(file(path, line), ...stand), [
        `${path}:2: ${from} must not import ${to} (src/${target}) [import-law]`,
      ]);
    });
  }

  test('an import over several lines, with a comment and a string in its way', () => {
    const added = file('src/policy/new.ts', 'import {', "  x, // from 'nowhere'", "} from '../store/open.ts';");
    assert.match(broken(added)[0] ?? '', /^src\/policy\/new\.ts:2: (policy must not import store|.*is not a file)/);
  });

  test('a file that is not there, and a package that nobody declared', () => {
    assert.deepEqual(
      broken(file('src/policy/new.ts', "import { x } from './gone.ts';", "import y from '@scope/left-pad/deep';")),
      [
        'src/policy/new.ts:2: ./gone.ts is not a file of src [import-law]',
        'src/policy/new.ts:3: @scope/left-pad is not a dependency in package.json [package]',
      ],
    );
  });

  test('a room nobody planned', () => {
    assert.deepEqual(broken(file('src/plugins/new.ts', 'export {};')), [
      'src/plugins/new.ts: there is no room named plugins [room]',
    ]);
  });

  test('an import inside a function, outside of the listed places', () => {
    assert.deepEqual(broken(file('src/agent/new.ts', "export const load = () => import('node:fs');")), [
      'src/agent/new.ts:2: only roots and listed files import while running [dynamic-import]',
    ]);
  });

  test('a dynamic import that computes its module, even in a root', () => {
    assert.deepEqual(broken(file('src/new.ts', 'export const load = (name: string) => import(name);')), [
      'src/new.ts:2: a dynamic import names its module in a plain string [dynamic-import]',
    ]);
  });

  test('positive control: allowed imports, and imports that are only text, are no problem', () => {
    assert.deepEqual(
      broken(
        file(
          'src/accounts/new.ts',
          "import type { JsonObject } from '../base/json.ts';",
          "import { readFile } from 'node:fs/promises';",
          "import * as z from 'zod';",
          "export const text = `import { x } from '../runs/life.ts' ${readFile.name}`;",
          "// import { x } from '../runs/life.ts';",
          "export const pattern = /import '..\\/runs\\/life.ts'/;",
          'export type Both = [JsonObject, typeof z];',
        ),
      ),
      [],
    );
  });
});

describe('a circle of imports is found', () => {
  test('between two files of one room', () => {
    const problems = broken(
      file('src/policy/one.ts', "import { two } from './two.ts';", 'export const one = () => two;'),
      file('src/policy/two.ts', "import type { one } from './one.ts';", 'export const two = (): typeof one | 2 => 2;'),
    );
    assert.deepEqual(problems, [
      'src/policy/one.ts: imports itself: src/policy/one.ts → src/policy/two.ts → src/policy/one.ts [cycle]',
    ]);
  });

  test('through three files, while a diamond is none', () => {
    const chain = (path: string, ...to: readonly string[]) =>
      file(`src/policy/${path}.ts`, ...to.map((name) => `import './${name}.ts';`));
    assert.deepEqual(broken(chain('a', 'b', 'c'), chain('b', 'd'), chain('c', 'd'), chain('d')), []);
    assert.deepEqual(broken(chain('a', 'b'), chain('b', 'c'), chain('c', 'a')), [
      'src/policy/a.ts: imports itself: src/policy/a.ts → src/policy/b.ts → src/policy/c.ts → src/policy/a.ts [cycle]',
    ]);
  });
});

describe('a size over its ceiling is found', () => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `export const x${index} = ${index};`);

  test('a file of 401 lines, not one of 400', () => {
    assert.deepEqual(broken(file('src/policy/new.ts', ...lines(399))), []);
    assert.deepEqual(broken(file('src/policy/new.ts', ...lines(400))), [
      'src/policy/new.ts: 401 lines; at most 400 [file-size]',
    ]);
  });

  test('a composition root of 201 lines', () => {
    assert.deepEqual(broken(file('src/new.ts', ...lines(200))), ['src/new.ts: 201 lines; at most 200 [file-size]']);
  });

  test('a line of 141 characters, not one of 140', () => {
    assert.deepEqual(broken(file('src/policy/new.ts', `//${'x'.repeat(138)}`)), []);
    assert.deepEqual(broken(file('src/policy/new.ts', `//${'x'.repeat(139)}`)), [
      'src/policy/new.ts:2: 141 characters; at most 140 [line-width]',
    ]);
  });

  const heads: readonly (readonly [name: string, head: string])[] = [
    ['a declaration', 'export function long(a: number): number {'],
    ['a declaration with an object as its return type', 'export function long(): { a: number } | undefined {'],
    ['an arrow', 'export const long = (a: number): { b: number } => {'],
    ['a callback', "['x'].map((item) => {"],
    ['a method', 'async long({ a }: { a: () => void }): Promise<Map<string, { b: number }>> {'],
  ];
  for (const [name, head] of heads) {
    test(`${name} of 61 lines, not one of 60`, () => {
      const close = head.startsWith('[') ? '});' : '}';
      const body = (count: number) => [head, ...lines(count - 2).map((line) => line.replace('export ', '  ')), close];
      const wrap = (inner: readonly string[]) => (name === 'a method' ? ['export class X {', ...inner, '}'] : inner);
      const first = name === 'a method' ? 3 : 2;
      assert.deepEqual(broken(file('src/policy/new.ts', ...wrap(body(60)))), []);
      assert.deepEqual(broken(file('src/policy/new.ts', ...wrap(body(61)))), [
        `src/policy/new.ts:${first}: a function of 61 lines; at most 60 [function-size]`,
      ]);
    });
  }

  test('positive control: a long table, a long block and a long class are no functions', () => {
    const inner = lines(70).map((line) => line.replace('export const ', '').replace(' =', ':').replace(';', ','));
    assert.deepEqual(broken(file('src/policy/new.ts', 'export const table = {', ...inner, '};')), []);
    const blocks = ['if (1 > 0) {', ...lines(70).map((line) => line.replace('export ', '  ')), '}'];
    assert.deepEqual(broken(file('src/policy/new.ts', ...blocks)), []);
  });
});

describe('a forbidden word is found', () => {
  const cases: readonly (readonly [line: string, rule: string])[] = [
    ['export const x: any = 1;', 'any'],
    ['export const x: Array<any> = [];', 'any'],
    ['export type X = string | any;', 'any'],
    ['export function f(a: number, ...rest: any[]): void {}', 'any'],
    ['export const x = 1 as any;', 'any'],
    ['export const x = 1 as unknown as string;', 'cast'],
    ['export const x = 1 as\n  unknown as string;', 'cast'],
    ['export default 1;', 'default-export'],
    ['const x = 1; export { x as default };', 'default-export'],
    ['// @ts-expect-error it is wrong', 'suppression'],
    ['/* oxlint-disable */', 'suppression'],
    ['export const home = process.env.HOME;', 'environment'],
    ["export const home = process['env'];", 'environment'],
    ['const { env } = process;', 'environment'],
    ["import { env } from 'node:process';", 'environment'],
    ['let count = 0;', 'module-state'],
    ['export var count = 0;', 'module-state'],
    ['const seen = new Map<string, () => void>();', 'module-state'],
    ['export const seen: Set<string> = new Set();', 'module-state'],
  ];
  for (const [line, rule] of cases) {
    test(`${rule}: ${line.replace('\n', ' ')}`, () => {
      const problems = broken(file('src/policy/new.ts', line));
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', new RegExp(`^src/policy/new\\.ts:2: .* \\[${rule}\\]$`));
    });
  }

  test('positive control: the same words as names, keys, members and text are no problem', () => {
    assert.deepEqual(
      broken(
        file(
          'src/policy/new.ts',
          'export const first = Promise.any([Promise.resolve(1)]);',
          'export const both = AbortSignal.any([]);',
          'const any = (x: number): number => x; export const called = any(1);',
          "export const table = { any: 'as unknown as', value: new Map([[1, 2]]) };",
          '// any as unknown as, export default, process.env',
          'export const text = `any process.env ${first} let any`;',
          'export function f(): number { let any1 = new Map(); any1.set(1, 2); return any1.size; }',
          'export const memory = process.memoryUsage();',
          'export const pattern = /: any|`|process.env/;',
        ),
      ),
      [],
    );
  });

  test('config/ may read the environment', () => {
    assert.deepEqual(broken(file('src/config/new.ts', 'export const home = process.env.HOME;')), []);
  });
});

describe('a bad name or opening is found', () => {
  test('names that name nothing', () => {
    const paths = ['src/base/utils.ts', 'src/policy/rule-helpers.ts', 'src/store/manager/open.ts', 'src/runs/index.ts'];
    assert.deepEqual(
      paths.map((path) => broken(file(path, 'export {};'))),
      [
        ['src/base/utils.ts: `utils` names no noun [name]'],
        ['src/policy/rule-helpers.ts: `helpers` names no noun [name]'],
        ['src/store/manager/open.ts: `manager` names no noun [name]'],
        ['src/runs/index.ts: `index` names no noun [name]'],
      ],
    );
  });

  test('a file that does not say what it owns', () => {
    const wanted = ['src/policy/new.ts:1: the first line is a comment: `// Owns …` [opening]'];
    assert.deepEqual(broken(sourceFile('src/policy/new.ts', 'export {};\n')), wanted);
    assert.deepEqual(broken(sourceFile('src/policy/new.ts', '\n// Owns it all, but late.\n')), wanted);
  });
});

describe('a wrong in the repository is found', () => {
  const whole = TOP.map((name) => sourceFile(name, ''));

  test('a thing at the top that nobody expects, and one that is missing', () => {
    const problems = checkTop([...whole.filter(({ path }) => path !== 'LICENSE'), sourceFile('notes/todo.md', '')]);
    assert.deepEqual(problems.map(formatProblem), [
      'notes: nothing of this name is expected [top]',
      'LICENSE: is missing [top]',
    ]);
    assert.deepEqual(checkTop(whole), []);
  });

  test('paths of the machine, homes of persons and hosts of registries', () => {
    const registry = ['registry', 'npmjs', 'org'].join('.');
    const text = [
      'see /srv/build/caisson/x',
      `see ${['', 'home', 'joe', 'x'].join('/')}`,
      `https://${registry}/zod`,
      '/home/caisson/work',
    ].join('\n');
    assert.deepEqual(checkTraces([sourceFile('README.md', text)], ['/srv/build/caisson']).map(formatProblem), [
      'README.md:1: names a path of this machine: /srv/build/caisson [trace]',
      'README.md:2: names the home directory of a person [trace]',
      'README.md:3: names a package registry [trace]',
    ]);
  });
});
