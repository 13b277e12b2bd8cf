// A value inside of other text, in every form an origin may echo it in, whole and cut at every place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Substitution } from '../../../src/secrets/substitution.ts';
import { createFinder, createScanner, type Scanner } from '../../../src/secrets/scanner.ts';

const TOKEN: Substitution = {
  value: 'ghp_a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ',
  placeholder: 'ghp_ZyXwVuTsRqPoNmLk0J9i8H7g6F5e4D3c2B1a',
};
const SIGNS: Substitution = { value: `pA5s?~>&<'"9%+/=_- \\q;2z`, placeholder: `xB0t?~>&<'"7%+/=_- \\r;1y` };

const FORMS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'percent-encoded as a part of an address': encodeURIComponent,
  'percent-encoded twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'percent-encoded to the last character, in small letters': (text) => everyByte(text, '%'),
  'percent-encoded to the last character, in large letters': (text) =>
    everyByte(text, '%').replaceAll(/%[0-9a-f]{2}/g, (byte) => byte.toUpperCase()),
  'percent-encoded as a form': (text) => new URLSearchParams({ text }).toString(),
  'as JSON': (text) => JSON.stringify(text),
  'as JSON in JSON': (text) => JSON.stringify({ inner: JSON.stringify({ text }) }),
  'as JSON with every character escaped': (text) => everyByte(text, '\\u00'),
  'with every byte escaped as in C': (text) => everyByte(text, '\\x'),
  'in HTML': (text) => text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`),
  'in HTML with names': (text) =>
    text.replaceAll(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? '&quot;'),
  'as UTF-16': (text) => Buffer.from(text, 'utf16le').toString('latin1'),
  'in hex': (text) => Buffer.from(text, 'latin1').toString('hex'),
  'in hex with blanks between': (text) => everyByte(text, ' '),
  'in hex with colons between': (text) => everyByte(text, ':'),
  'in base64': (text) => Buffer.from(text, 'latin1').toString('base64'),
  'in base64 without padding': (text) => Buffer.from(text, 'latin1').toString('base64').replace(/=+$/, ''),
  'in base64 for addresses': (text) => Buffer.from(text, 'latin1').toString('base64url'),
  'in base64, percent-encoded': (text) => encodeURIComponent(Buffer.from(text, 'latin1').toString('base64')),
  'in base64 with lines of 20': (text) => lines(text, '\r\n'),
  'in base64 with lines of 20 in JSON': (text) => JSON.stringify(lines(text, '\n')),
};

for (const [name, form] of Object.entries(FORMS))
  for (const [kind, one] of Object.entries({ token: TOKEN, 'value with signs': SIGNS }))
    test(`a ${kind} ${name} is shown as its placeholder in the same form, at every alignment and cut at every place`, () => {
      const scanner = createScanner([one]);
      for (const around of ['', 'u:', 'me:', 'abc', 'x\u00ff=']) {
        const [sent, expected] = [one.value, one.placeholder].map((text) => form(`${around}${text}${around}`));
        same(scanner.substitute(sent ?? '', true).passed, expected);
        for (let cut = 1; cut < (sent ?? '').length; cut += 1)
          same(inPieces(scanner, [sent?.slice(0, cut) ?? '', sent?.slice(cut) ?? '']), expected, `cut ${cut}`);
        same(inPieces(scanner, Array.from(sent ?? '')), expected, 'one character after the other');
      }
    });

test('a value in large or small letters alone is known too', () => {
  const scanner = createScanner([TOKEN]);
  assert.equal(scanner.substitute(TOKEN.value.toUpperCase(), true).passed.includes('A1B2C3D4'), false);
  assert.equal(scanner.substitute(TOKEN.value.toLowerCase(), true).passed.includes('a1b2c3d4'), false);
});

test('of two values of which one holds the other, the longer one is found', () => {
  const short: Substitution = { value: 'abcdef012345', placeholder: 'zyxwvu987654' };
  const long: Substitution = { value: 'abcdef012345-fedcba543210', placeholder: 'qqqqqq111111-rrrrrr222222' };
  const text = `${long.value} ${short.value}`;
  assert.equal(createScanner([short, long]).substitute(text, true).passed, `${long.placeholder} ${short.placeholder}`);
});

test('text without a value passes as it is, and nothing of an ended line is held', () => {
  const scanner = createScanner([TOKEN]);
  const texts = [
    'data: {"text":"ghost"}\n\n',
    '--\n',
    'ghp_ and ghp_a1B2 are beginnings alone.\n',
    '\0\x01\xff%zz\\u\n',
  ];
  assert.deepEqual(
    texts.map((text) => scanner.substitute(text, false)),
    texts.map((passed) => ({ passed, held: '' })),
  );
});

test('what may be the beginning of a value is held until it is known, and then passes', () => {
  const scanner = createScanner([TOKEN]);
  assert.deepEqual(scanner.substitute('it is ghp_a1B2', false), { passed: 'it is ', held: 'ghp_a1B2' });
  assert.deepEqual(scanner.substitute('ghp_a1B2 alone.', false), { passed: 'ghp_a1B2 alone.', held: '' });
  assert.deepEqual(scanner.substitute('it is ghp_a1B2', true), { passed: 'it is ghp_a1B2', held: '' });
});

test('a value of 4096 characters is found in base64 of a longer text', () => {
  const value = 'aB3dE6gH'.repeat(512);
  const placeholder = 'Zy1xWv0u'.repeat(512);
  const scanner = createScanner([{ value, placeholder }]);
  const [sent, expected] = [value, placeholder].map((text) => Buffer.from(`Bearer ${text}.`).toString('base64'));
  same(inPieces(scanner, (sent ?? '').match(/.{1,1000}/g) ?? []), expected);
});

test('random text with values at random places, cut at random places, is the same text with placeholders', () => {
  const scanner = createScanner([TOKEN, SIGNS]);
  const forms = Object.values(FORMS);
  for (let round = 0; round < 300; round += 1) {
    const plan = Array.from({ length: 4 }, () => ({ form: pick(forms), one: pick([TOKEN, SIGNS]), filler: filler() }));
    const [sent, expected] = (['value', 'placeholder'] as const).map((side) =>
      plan.map(({ form, one, filler: text }) => `${text}{${form(one[side])}}`).join(''),
    );
    same(inPieces(scanner, (sent ?? '').match(/[^]{1,17}/g) ?? []), expected);
  }
});

test('among hundreds of values the finder knows each, in every form, behind anything that looks like an escape', () => {
  const crowd = Array.from({ length: 300 }, (_, index) => ({
    value: `crowd-${index}-${'aB3'.repeat(6)}-${index}`,
    placeholder: `c-owd-${index}-${'zY9'.repeat(6)}-${index}`,
  }));
  const find = createFinder([...crowd, TOKEN, SIGNS]);
  for (const form of Object.values(FORMS))
    for (const one of [TOKEN, SIGNS])
      for (const around of ['', '%', '\\', '&#', 'u:', 'me:']) {
        const text = around + form(one.value);
        assert.deepEqual(
          find(text).map(({ substitution }) => substitution),
          [one],
          text,
        );
      }
  assert.deepEqual(find('nothing of them: crowd-7-aB3aB3 and ghp_a1B2c3D4'), []);
});

test('the finder tells where a value stands, with the characters of base64 that share its bits', () => {
  const find = createFinder([TOKEN]);
  const text = `a ${Buffer.from(`x${TOKEN.value}y`).toString('base64')} b ${TOKEN.value}`;
  assert.deepEqual(
    find(text).map(({ start, end, substitution }) => ({ cut: text.slice(0, start) + text.slice(end), substitution })),
    [
      { cut: `a e5 b ${TOKEN.value}`, substitution: TOKEN },
      { cut: `a ${Buffer.from(`x${TOKEN.value}y`).toString('base64')} b `, substitution: TOKEN },
    ],
  );
});

/** A byte without letters does not tell whether large or small ones are meant. */
function same(actual: string, expected: string | undefined, message?: string): void {
  const plain = (text: string) => text.replaceAll(/%[0-9a-fA-F]{2}/g, (byte) => byte.toLowerCase());
  assert.equal(plain(actual), plain(expected ?? ''), message);
}

function inPieces(scanner: Scanner, pieces: readonly string[]): string {
  let [all, rest] = ['', ''];
  for (const piece of pieces) {
    const { passed, held } = scanner.substitute(rest + piece, false);
    all += passed;
    rest = held;
  }
  return all + scanner.substitute(rest, true).passed;
}

function everyByte(text: string, before: string): string {
  return Array.from(text, (char) => before + char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

function lines(text: string, end: string): string {
  return (
    Buffer.from(text, 'latin1')
      .toString('base64')
      .match(/.{1,20}/g) ?? []
  ).join(end);
}

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}

function filler(): string {
  return Array.from({ length: Math.floor(Math.random() * 40) }, () => String.fromCharCode(Math.random() * 256)).join(
    '',
  );
}
