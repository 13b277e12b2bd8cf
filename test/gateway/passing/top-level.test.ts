// Shows that members are found in bytes exactly as a parser finds them, and that whatever makes one unsure is left to the parser.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readList, readMembers, readTopLevel, valueAt } from '../../../src/gateway/passing/top-level.ts';

/** A small generator that repeats itself for the same seed. */
function seeded(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

const TEXTS = ['', 'a', '"', '\\', '\\"', 'ä{[', '}]', '\n', '"messages":[', 'tab\t', '\u2028', '😀'];

function anyValue(pick: (most: number) => number, depth: number): unknown {
  const kind = pick(depth === 0 ? 4 : 6);
  if (kind === 0) return pick(1000) / 8;
  if (kind === 1) return [true, false, null][pick(3)];
  if (kind < 4) return Array.from({ length: pick(4) }, () => TEXTS[pick(TEXTS.length)]).join('');
  if (kind === 4) return Array.from({ length: pick(4) }, () => anyValue(pick, depth - 1));
  return Object.fromEntries(Array.from({ length: pick(4) }, (_, at) => [`k${at}`, anyValue(pick, depth - 1)]));
}

test('random objects, tightly and loosely printed, have the members that a parser gives', () => {
  for (let seed = 0; seed < 2000; seed += 1) {
    const pick = seeded(seed);
    const value = Object.fromEntries(Array.from({ length: pick(6) }, (_, at) => [`key${at}`, anyValue(pick, 4)]));
    for (const text of [JSON.stringify(value), `\n ${JSON.stringify(value, undefined, pick(3) + 1)}\r\n\t`]) {
      const bytes = Buffer.from(text);
      const members = readTopLevel(bytes);
      assert.ok(members !== undefined, text);
      const read = Object.fromEntries(
        [...members].map(([key, span]) => [key, JSON.parse(bytes.toString('utf8', span.start, span.end)) as unknown]),
      );
      assert.deepEqual(read, value, text);
    }
  }
});

test('a text that is cut anywhere has no members', () => {
  const text = '{"model":"m","messages":[{"role":"user","content":"a \\"b\\" \\\\"}],"n":1}';
  for (let at = 0; at < text.length; at += 1) assert.equal(readTopLevel(Buffer.from(text.slice(0, at))), undefined);
  assert.ok(readTopLevel(Buffer.from(text)) !== undefined);
});

describe('one is unsure of', () => {
  const unsure: Readonly<Record<string, string>> = {
    'a key that is there twice': '{"model":"a","model":"b"}',
    'a key with an escape': '{"mod\\u0065l":"a"}',
    'brackets that do not fit': '{"a":[}]}',
    'a list': '[1]',
    'a text': '"a"',
    nothing: '',
    'two values': '{} {}',
    'a comma at the end': '{"a":1,}',
    'no value': '{"a":}',
    'no colon': '{"a" 1}',
    'deep nesting': `{"a":${'['.repeat(65)}${']'.repeat(65)}}`,
    'nesting without end': `{"a":${'['.repeat(100_000)}`,
  };
  for (const [name, text] of Object.entries(unsure))
    test(name, () => assert.equal(readTopLevel(Buffer.from(text)), undefined));
});

test('the items of a list are found, and a list that is broken has none', () => {
  const bytes = Buffer.from(' [ {"a":[1]} , "x,]" ,null]');
  const items = readList(bytes, { start: 1, end: bytes.length });
  assert.deepEqual(
    items?.map((item) => bytes.toString('utf8', item.start, item.end)),
    ['{"a":[1]}', '"x,]"', 'null'],
  );
  const broken = Buffer.from('[1,]');
  assert.equal(readList(broken, { start: 0, end: broken.length }), undefined);
});

test('a value is parsed where it stands: null counts as absent, and no JSON as a value nobody expects', () => {
  const bytes = Buffer.from('{"a":"ä","b":null,"c":nul}');
  const members = readTopLevel(bytes);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => valueAt(bytes, members?.get(key))),
    ['ä', undefined, Number.NaN, undefined],
  );
});

test('a list that is looked into on the way has the items and members that it has when it is read for itself', () => {
  for (let seed = 0; seed < 1000; seed += 1) {
    const pick = seeded(seed);
    const messages = Array.from({ length: pick(5) }, () => anyValue(pick, 4));
    const bytes = Buffer.from(JSON.stringify({ model: 'm', messages, n: { messages: [1] } }, undefined, pick(2)));
    const span = readTopLevel(bytes, 'messages')?.get('messages');
    assert.ok(span?.items !== undefined);
    assert.equal(span.items.length, messages.length);
    const alone = readList(bytes, { start: span.start, end: span.end }) ?? [];
    for (const [at, item] of (readList(bytes, span) ?? []).entries()) {
      const { start, end, members } = item;
      assert.deepEqual([start, end], [alone[at]?.start, alone[at]?.end]);
      assert.deepEqual(members, readMembers(bytes, { start, end }));
    }
    assert.deepEqual(readList(bytes, span, 2)?.length, Math.min(2, messages.length));
  }
});

test('what is looked into makes one unsure of the same', () => {
  const unsure = [
    '{"messages":[{"a":1]}',
    '{"messages":[}',
    '{"messages":["a]}',
    `{"messages":[${'['.repeat(63)}${']'.repeat(63)}]}`,
  ];
  for (const text of unsure)
    assert.deepEqual(
      [readTopLevel(Buffer.from(text)), readTopLevel(Buffer.from(text), 'messages')],
      [undefined, undefined],
    );
  const deep = Buffer.from(`{"messages":[${'['.repeat(62)}${']'.repeat(62)}]}`);
  assert.ok(readTopLevel(deep) !== undefined && readTopLevel(deep, 'messages') !== undefined);
  const broken = Buffer.from('{"messages":[1,]}');
  const list = readTopLevel(broken, 'messages')?.get('messages');
  assert.ok(list !== undefined);
  assert.equal(readList(broken, list), undefined);
  // A member that is there twice makes one unsure of its object alone.
  const twice = Buffer.from('{"messages":[{"a":1,"a":2},{"b":3}]}');
  const members = readTopLevel(twice, 'messages')
    ?.get('messages')
    ?.items?.map((item) => readMembers(twice, item)?.size);
  assert.deepEqual(members, [undefined, 1]);
});

test('a text ends at its own quote, wherever quotes and backslashes stand in it', () => {
  for (let length = 0; length < 140; length += 1)
    for (const tail of ['', '"', '\\', '\\"', '\\\\', '"'.repeat(70), '\\'.repeat(70)]) {
      const bytes = Buffer.from(JSON.stringify({ ['x'.repeat(length % 7)]: `${'a'.repeat(length)}${tail}`, n: 1 }));
      assert.deepEqual(valueAt(bytes, readTopLevel(bytes)?.get('n')), 1, bytes.toString());
    }
});
