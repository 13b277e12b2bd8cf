// Shows that a path has one reading: its canonical form is stable, and no way in which a careless origin reads it leads elsewhere.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalTarget } from '../../../src/egress/path.ts';
import { seeded } from '../policy/scene.ts';

function pathOf(text: string): string {
  const target = canonicalTarget(text);
  return 'fault' in target ? `refused: ${target.fault}` : target.path;
}

describe('The canonical form of a path', () => {
  const forms: readonly (readonly [given: string, canonical: string])[] = [
    ['/', '/'],
    ['/a', '/a'],
    ['/a/', '/a/'],
    ['//a///b', '/a/b'],
    ['/a/./b/.', '/a/b/'],
    ['/a/b/..', '/a/'],
    ['/a/b/../c', '/a/c'],
    ['/a/%2e%2E/c', '/c'],
    ['/a%2Fb', '/a/b'],
    ['/@types%2fnode', '/@types/node'],
    ['/%41%7e%2d', '/A~-'],
    ['/a%20b', '/a%20b'],
    ['/a%3fb%23', '/a%3Fb%23'],
    ['/%c3%a9', '/%C3%A9'],
    ['/100%25', '/100%25'],
    ['/100%25.txt', '/100%25.txt'],
    ['/libstdc++-%2b%2B', '/libstdc++-%2B%2B'],
    ['/a"<>^`{|}', '/a%22%3C%3E%5E%60%7B%7C%7D'],
    ["/!$&'()*,=:@", "/!$&'()*,=:@"],
    ['/...a/..b/a..', '/...a/..b/a..'],
    ['/.well-known/x', '/.well-known/x'],
  ];
  test('resolves dots and repeated slashes and undoes escapes that are needed for nothing', () => {
    assert.deepEqual(
      forms.map(([given]) => [given, pathOf(given)]),
      forms,
    );
  });

  test('keeps the query as it came', () => {
    assert.deepEqual(canonicalTarget('/a/../b?c=%2e%2e/&d=?#'.slice(0, -1)), { path: '/b', query: 'c=%2e%2e/&d=?' });
    assert.deepEqual(canonicalTarget('/?'), { path: '/', query: '' });
  });

  const refused: readonly (readonly [given: string, why: RegExp])[] = [
    ['', /does not begin with a slash/],
    ['*', /does not begin with a slash/],
    ['a/b', /does not begin with a slash/],
    ['?a', /does not begin with a slash/],
    ['/a#b', /fragment/],
    ['/a?b#c', /fragment/],
    ['/..', /climbs above/],
    ['/a/%2e%2e/%2e%2e', /climbs above/],
    ['/a\\b', /backslash/],
    ['/a%5Cb', /backslash/],
    ['/a;b', /semicolon/],
    ['/a%3Bb', /semicolon/],
    ['/%', /begins no escape/],
    ['/%2', /begins no escape/],
    ['/%g0', /begins no escape/],
    ['/%u0041', /begins no escape/],
    ['/%252e', /escaped once more/],
    ['/%2541', /escaped once more/],
    ['/%25u0041', /escaped once more/],
    ['/%00', /control character/],
    ['/%0d%0a', /control character/],
    ['/%7f', /control character/],
    ['/%c2%85', /control character/],
    ['/%c0%ae', /no UTF-8/],
    ['/%e9', /no UTF-8/],
    ['/%ed%a0%80', /no UTF-8/],
    ['/%ef%bc%8f', /may be taken for a slash/],
    ['/%ef%bc%8e%ef%bc%8e/a', /may be taken for a slash, a dot/],
    ['/%e2%80%a5/a', /may be taken for a slash, a dot/],
    ['/...', /only dots and blanks/],
    ['/a/.%20/b', /only dots and blanks/],
    [`/${'a'.repeat(9000)}`, /longer than 8192/],
  ];
  test('is refused where two origins could read it differently', () => {
    for (const [given, why] of refused) assert.match(pathOf(given), why, given);
  });
});

const PIECES = [
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2E',
  '%2f',
  '%2F',
  '%5c',
  '%25',
  '%',
  ';',
  'a',
  'B',
  '%61',
  '%20',
  '+',
  '%2b',
  '%c3%a9',
  '?',
  '#',
  '\\',
];

/** As an origin that decodes first and resolves then, and one that resolves first. */
const readings: readonly ((path: string) => string)[] = [
  (path) => new URL(path, 'http://a').pathname,
  (path) => new URL(`http://a${path.replaceAll(/%2f/gi, '/').replaceAll(/%2e/gi, '.')}`).pathname,
  (path) => new URL(`http://a${path.replaceAll(/\/{2,}/g, '/')}`).pathname,
];

test('of thousands of random paths each accepted one is its own canonical form, and every origin reads it as itself', () => {
  const pick = seeded(7);
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const text = `/${Array.from({ length: pick(12) }, () => PIECES[pick(PIECES.length)]).join('')}`;
    const target = canonicalTarget(text);
    if ('fault' in target) continue;
    accepted += 1;
    assert.deepEqual(canonicalTarget(target.path), { path: target.path, query: '' }, text);
    for (const read of readings) assert.equal(read(target.path), target.path, text);
    assert.doesNotMatch(target.path, /\/\.{1,2}(?:\/|$)|\/\/|[\\;#?]|%2[ef]|%5c|%[0-9A-F]?[a-f]/, text);
  }
  assert.ok(accepted > 2000, `${accepted} were accepted: the test shows nothing`);
});
