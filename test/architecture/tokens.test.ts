// Owns the proof that cutting into tokens is not fooled. Knows no law.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { functionsOf } from './functions.ts';
import { importsOf } from './imports.ts';
import { readFiles, sourceFile } from './source.ts';
import { tokensOf } from './tokens.ts';

const kinds = (text: string) => tokensOf(text).map((token) => `${token.kind} ${token.text}`);

describe('tokens', () => {
  test('comments in strings and strings in comments stay what they are', () => {
    assert.deepEqual(kinds(`a = '// no'; // 'yes'\n/* "b" */ "/* c */"`), [
      'word a',
      'sign =',
      "string '// no'",
      'sign ;',
      "comment // 'yes'",
      'comment /* "b" */',
      'string "/* c */"',
    ]);
  });

  test('templates nest, with braces and templates inside their expressions', () => {
    assert.deepEqual(kinds('`a ${f({ b: `c ${d} }` })} \\` ${e}` + g'), [
      'template `a ${',
      'word f',
      'sign (',
      'sign {',
      'word b',
      'sign :',
      'template `c ${',
      'word d',
      'template } }`',
      'sign }',
      'sign )',
      'template } \\` ${',
      'word e',
      'template }`',
      'sign +',
      'word g',
    ]);
  });

  test('a slash divides or begins a pattern, by what stands before it', () => {
    assert.deepEqual(kinds('x = a / b / c; return /[/"]\\/`/g.test(y)'), [
      'word x',
      'sign =',
      'word a',
      'sign /',
      'word b',
      'sign /',
      'word c',
      'sign ;',
      'word return',
      'pattern /[/"]\\/`/g',
      'sign .',
      'word test',
      'sign (',
      'word y',
      'sign )',
    ]);
  });

  test('lines are counted through comments, strings and templates', () => {
    const lines = tokensOf('/*\n*/ a\n`\n${b}\n` c').map((token) => [token.text, token.line]);
    assert.deepEqual(lines, [
      ['/*\n*/', 1],
      ['a', 2],
      ['`\n${', 3],
      ['b', 4],
      ['}\n`', 4],
      ['c', 5],
    ]);
  });

  test('nothing of a file is lost, for every file of ours', () => {
    const root = join(import.meta.dirname, '..', '..');
    const files = readFiles(root, 'src', (path) => path.endsWith('.ts'));
    for (const { path, text } of files) {
      const joined = tokensOf(text)
        .map((token) => token.text)
        .join('');
      assert.equal(joined.replace(/\s+/g, ''), text.replace(/\s+/g, ''), path);
    }
  });

  test('text that is cut off does not hang or throw', () => {
    for (const text of ['`a ${', "'a", '/* a', '`', '`${`', '/', '\\']) assert.ok(tokensOf(text).length > 0, text);
  });
});

test('imports are found in all their forms, and nothing else is', () => {
  const text = [
    "import a from 'a';",
    "import { b as c, type D } from 'b';",
    "import * as e from 'e'",
    "import type { F } from './f.ts';",
    "import 'g';",
    "export { h } from 'h';",
    "export type { I } from 'i';",
    "export * as j from 'j';",
    "const k = await import('k');",
    "type L = import('l').L;",
    'import.meta.dirname;',
    "export const m = { from: 'm', import: 'n' };",
    'export { a };',
    "const o = a.import('p');",
  ].join('\n');
  assert.deepEqual(
    importsOf(sourceFile('x.ts', text)).map((found) => [found.specifier, found.dynamic, found.line]),
    [
      ['a', false, 1],
      ['b', false, 2],
      ['e', false, 3],
      ['./f.ts', false, 4],
      ['g', false, 5],
      ['h', false, 6],
      ['i', false, 7],
      ['j', false, 8],
      ['k', true, 9],
      ['l', true, 10],
    ],
  );
});

test('functions are found with their first and last line', () => {
  const text = [
    'function a(',
    '  b: number,',
    '): asserts b is 1 {',
    '  if (b) { c(); }',
    '}',
    'const d = (e: { f: 1 }) => { return e; };',
    'class G { get h(): { i: 1 } { return { i: 1 }; } }',
    'declare function j(): { k: 1 };',
    'const l = m ? n() : { o: 1 };',
    'switch (p()) { case q(): { break; } }',
    'const r = async () => [',
    '  s,',
    '];',
  ].join('\n');
  assert.deepEqual(functionsOf(sourceFile('x.ts', text)), [
    { first: 1, last: 5 },
    { first: 6, last: 6 },
    { first: 7, last: 7 },
  ]);
});
