// Patterns: what each wildcard stands for, against a second opinion, and that no pattern can be made slow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGlob, compilePathGlob } from '../../../src/policy/glob.ts';
import { seeded } from './scene.ts';

const PATHS: readonly (readonly [pattern: string, matching: readonly string[], other: readonly string[]])[] = [
  ['src/app.js', ['src/app.js'], ['src/app.jsx', 'src/app', '/src/app.js', '']],
  ['*.js', ['a.js', '.js'], ['src/a.js', 'a.json', 'a.js/']],
  ['src/*', ['src/a', 'src/'], ['src/a/b', 'src', 'lib/a']],
  ['src/**', ['src/a', 'src/a/b/c', 'src/'], ['src', 'srcs/a']],
  ['**', ['', 'a', 'a/b', '/'], []],
  ['**/x', ['x', 'a/x', 'a/b/x'], ['yx', 'a/yx', 'x/a', 'ax/x/']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/xb', 'a/b/c', 'xa/b']],
  ['**/a/**/b', ['a/b', 'x/a/y/b', 'a/a/b/b'], ['b', 'a', 'x/b']],
  ['.github/**', ['.github/workflows/ci.yml'], ['x/.github/a', 'github/a']],
  ['a**b', ['ab', 'a/b', 'axx/yb'], ['a', 'b', 'abc']],
  ['?', ['a', 'é', '𝒳'], ['', '/', 'ab']],
  ['a?c', ['abc', 'a c'], ['ac', 'a/c', 'abbc']],
  ['a*b*c', ['abc', 'axbyc', 'aabbcc'], ['acb', 'a/bc', 'abcx']],
  ['refs/heads/caisson/*', ['refs/heads/caisson/fix'], ['refs/heads/caisson/a/b', 'refs/heads/main']],
  ['a+b(c)[d]{e}^$|.\\', ['a+b(c)[d]{e}^$|.\\'], ['aab(c)[d]{e}^$|.\\']],
  ['a+(*)', ['a+(x)', 'a+()'], ['aa(x)']],
];

const WORDS: readonly (readonly [pattern: string, matching: readonly string[], other: readonly string[]])[] = [
  ['push', ['push'], ['pushed', 'Push']],
  ['*', ['', 'a', 'http://host/path', 'a\nb'], []],
  ['--force*', ['--force', '--force-with-lease=a/b'], ['-force']],
  ['https://*/x', ['https://host/a/x'], ['https://host/y', 'http://host/x']],
  ['**', ['', 'a/b'], []],
  ['?', ['a', '/'], ['', 'ab']],
];

function checkTable(table: typeof PATHS, compile: typeof compileGlob): void {
  for (const [pattern, matching, other] of table) {
    const matches = compile(pattern);
    assert.deepEqual([pattern, matching.filter((text) => !matches(text))], [pattern, []]);
    assert.deepEqual([pattern, other.filter((text) => matches(text))], [pattern, []]);
  }
}

test('in a path, one star stays in its folder, two stars cross folders, and a folder of two stars stands also for none', () => {
  checkTable(PATHS, compilePathGlob);
});

test('in a word, a slash is a character like any other', () => {
  checkTable(WORDS, compileGlob);
});

/** The same pattern as a regular expression: slow, but somebody else's work. */
function secondOpinion(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/(^|\/)\*\*\//g, '$1§')
    .replaceAll(/(^|[/§])\*\*\//g, '$1§')
    .replaceAll('**', '¶')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('§', '(?:[^/]*/)*')
    .replaceAll('¶', '.*');
  return new RegExp(`^${source}$`, 's');
}

test('four thousand patterns and texts made by chance are judged as a regular expression judges them', () => {
  const below = seeded(7);
  const pick = (alphabet: string, most: number) =>
    Array.from({ length: below(most) }, () => alphabet.charAt(below(alphabet.length))).join('');
  const wrong: string[] = [];
  let matched = 0;
  for (let round = 0; round < 4000; round += 1) {
    const pattern = pick('ab/*?*', 8).replaceAll(/\*{3,}/g, '**');
    const text = pick('ab/', 8);
    const expected = secondOpinion(pattern).test(text);
    matched += expected ? 1 : 0;
    if (compilePathGlob(pattern)(text) !== expected) wrong.push(`${pattern} on ${text}: expected ${expected}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(matched > 200, `only ${matched} of the texts match: the test looks at nothing`);
});

test('a pattern that would take a backtracking matcher for ever is answered', () => {
  const pattern = `${'*a'.repeat(99)}*b`;
  const text = 'a'.repeat(20_000);
  assert.equal(compilePathGlob(pattern)(text), false);
  assert.equal(compilePathGlob(pattern)(`${text}b`), true);
  assert.equal(compilePathGlob(`${'**/a/'.repeat(39)}b`)(`${'a/'.repeat(5000)}b`), true);
});
