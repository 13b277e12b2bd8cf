// Owns tests of quoting and of where a path lies. Knows nothing beside.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { placePath, shellQuote, showPath } from '../../../src/tools/quote.ts';
import { pick, seeded, upTo } from './seeded.ts';

test('a quoted text is one word that the shell gives back unchanged', () => {
  const random = seeded(7);
  const pieces = [
    "'",
    '"',
    '\\',
    '$x',
    '`id`',
    ' ',
    '\n',
    '!',
    '*',
    '~',
    '-',
    'é',
    '\t',
    ';',
    '(',
    '#',
    '=',
    'a',
    '\r',
    '{a,b}',
  ] as const;
  const texts = Array.from({ length: 300 }, () =>
    Array.from({ length: upTo(random, 8) }, () => pick(random, pieces)).join(''),
  );
  for (const shell of ['bash', 'sh']) {
    const script = `printf '%s\\0' ${texts.map(shellQuote).join(' ')}`;
    const printed = execFileSync(shell, ['-c', script], { encoding: 'utf8' });
    assert.deepEqual(printed.split('\0').slice(0, -1), texts);
  }
});

test('a path is placed from the work tree and shown relative to it', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['a.js', '/box/work/a.js', 'a.js'],
    ['./x/../a b/', '/box/work/a b', 'a b'],
    ['.', '/box/work', '.'],
    ['/box/work/src', '/box/work/src', 'src'],
    ['/box/works', '/box/works', '/box/works'],
    ['..', '/box', '/box'],
    ['..a', '/box/work/..a', '..a'],
    ['/etc//passwd', '/etc/passwd', '/etc/passwd'],
    ['../../../../../etc', '/etc', '/etc'],
  ];
  assert.deepEqual(
    cases.map(([path]) => [path, placePath('/box/work', path), showPath('/box/work', path)]),
    cases,
  );
});
