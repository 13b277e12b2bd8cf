// What stands for a secret: its shape, and which values have none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeholderOf, valueProblem } from '../../../src/secrets/placeholder.ts';

const SEED = Buffer.from('a seed of this test');

const SHAPES: readonly (readonly [value: string, shape: RegExp])[] = [
  ['ghp_a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ', /^ghp_[A-Za-z0-9]{36}$/],
  ['github_pat_11AAAAAAA0aaaaaaaaaaaa_bbbbbbbbbb', /^github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{10}$/],
  ['glpat-abcDEF123456ghi-78jk', /^glpat-[A-Za-z0-9]{15}-[A-Za-z0-9]{4}$/],
  ['npm_abcdefghij0123456789', /^npm_[a-z0-9]{20}$/],
  ['sk-ant-api03-abcdef_ABCDEF-012', /^sk-ant-[A-Za-z0-9]{5}-[A-Za-z0-9]{6}_[A-Za-z0-9]{6}-[A-Za-z0-9]{3}$/],
  ['sk-abcdefghijklmnop', /^sk-[a-z]{16}$/],
  ['nvapi-ABCDEFGHIJKLMN0', /^nvapi-[A-Z0-9]{15}$/],
  ['0123456789abcdef', /^[0-9a-f]{16}$/],
  ['0123456789ABCDEF', /^[0-9A-F]{16}$/],
  ['01234567890123456', /^[0-9]{17}$/],
  ['6f1e0c52-7a2b-4a11-9d3e-0242ac120002', /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/],
  [
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-DEF_ghi',
    /^eyJ[A-Za-z0-9]{17}\.[A-Za-z0-9]{15}\.[A-Za-z0-9]{3}-[A-Za-z0-9]{3}_[A-Za-z0-9]{3}$/,
  ],
  ['correct horse, battery "staple"!', /^[a-z]{7} [a-z]{5}, [a-z]{7} "[a-z]{6}"!$/],
];

for (const [value, shape] of SHAPES)
  test(`the placeholder of ${value.slice(0, 9)}… has its length, signs, kinds of characters and known beginning`, () => {
    assert.equal(valueProblem(value), undefined);
    const placeholder = placeholderOf(value, SEED, 0);
    assert.match(placeholder, shape);
    assert.equal(placeholder.length, value.length);
    assert.notEqual(placeholder, value);
  });

test('the same seed gives the same placeholder, another seed or another attempt another one', () => {
  const value = 'ghp_a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ';
  const all = [
    placeholderOf(value, SEED, 0),
    placeholderOf(value, Buffer.from('other'), 0),
    placeholderOf(value, SEED, 1),
  ];
  assert.equal(placeholderOf(value, SEED, 0), all[0]);
  assert.equal(new Set(all).size, 3);
});

test('a placeholder says nothing of the letters of its value: another value of the same shape has the same one', () => {
  assert.equal(placeholderOf('npm_abcdefghij0123456789', SEED, 0), placeholderOf('npm_9876543210zyxwvutsrq', SEED, 0));
});

test('every character of the alphabet is about as likely as the others', () => {
  const text = placeholderOf('z1'.repeat(2000), SEED, 0);
  const counts = Array.from('abcdefghijklmnopqrstuvwxyz0123456789', (char) => text.split(char).length - 1);
  assert.ok(Math.min(...counts) > 60 && Math.max(...counts) < 170, `${Math.min(...counts)} to ${Math.max(...counts)}`);
});

test('a value that could not be told from other text is refused, with what it needs', () => {
  const short =
    'is too short to be told from other text: it needs at least 12 characters, 10 of them letters and digits behind its known ' +
    'beginning, or 13 if all are digits';
  const values = ['', 'password1', 'elevenchars', 'ghp_abcdefghi', '----------abcdefghi', '123456789012'];
  assert.deepEqual(
    values.map(valueProblem),
    values.map(() => short),
  );
  assert.deepEqual(['twelvecharsx', 'ghp_abcdefghij', '1234567890123'].map(valueProblem), [
    undefined,
    undefined,
    undefined,
  ]);
});

test('a value that no header takes, or that is too long, is refused', () => {
  assert.deepEqual(['a-line\nanother-line', 'pässwörd-of-some-length', 'a'.repeat(4097)].map(valueProblem), [
    'holds a character that no header takes',
    'holds a character that no header takes',
    'has more than 4096 characters',
  ]);
});
