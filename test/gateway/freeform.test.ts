// Shows how the text of a freeform tool is taken out of the JSON it comes in, wherever the JSON is cut into pieces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFreeformText } from '../../src/gateway/freeform.ts';

/** What was told piece by piece, and the text in the end. */
function read(pieces: readonly string[]): { readonly told: readonly string[]; readonly text: string } {
  const input = createFreeformText();
  const told = [...pieces.map((piece) => input.take(piece)), input.end()];
  return { told, text: input.text };
}

const TEXTS: readonly string[] = [
  '',
  'plain',
  'a "quoted" \\ back\nnew\r\n\ttab \b\f /',
  'ö 😀 \u2028 \u0000',
  '{"input": "inner"}',
  '*** Begin Patch\n*** Update File: a.ts\n@@\n-x\n+y\n*** End Patch',
];

test('a text comes out as it was put in, cut in two and in three anywhere', () => {
  for (const text of TEXTS)
    for (const json of [JSON.stringify({ input: text }), ` { "input" :\n ${JSON.stringify(text)} } `, escaped(text)])
      for (let first = 0; first <= json.length; first += 1)
        for (let second = first; second <= json.length; second += 3) {
          const pieces = [json.slice(0, first), json.slice(first, second), json.slice(second)];
          const { told, text: whole } = read(pieces);
          assert.equal(whole, text, JSON.stringify(pieces));
          assert.equal(told.join(''), text);
          assert.ok(told.every((piece) => piece.isWellFormed()));
        }
});

/** Every character as its code. */
function escaped(text: string): string {
  const codes = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at).toString(16).padStart(4, '0'));
  return `{"input":"${codes.map((code) => `\\u${code}`).join('')}"}`;
}

test('a text is told while it comes', () => {
  assert.deepEqual(read(['{"inp', 'ut":"a', 'b\\', 'nc', '"}']).told, ['', 'a', 'b', '\nc', '', '']);
});

test('a model that puts the text elsewhere is understood at the end, as well as it can be', () => {
  const cases: readonly (readonly [json: string, text: string])[] = [
    ['{"why":"so","input":"a"}', 'a'],
    ['{"patch":"a"}', 'a'],
    ['"a"', 'a'],
    ['{"input":5}', '{"input":5}'],
    ['{"a":"b","c":"d"}', '{"a":"b","c":"d"}'],
    ['5', '5'],
    ['null', 'null'],
    ['*** Begin', '*** Begin'],
    ['', ''],
    [`${' '.repeat(300)}{"input":"a"}`, 'a'],
  ];
  for (const [json, text] of cases) assert.deepEqual([json, read(json.split('')).text], [json, text]);
});

test('what follows the end of the text is not part of it', () => {
  assert.equal(read(['{"input":"a","', 'input":"b"}', 'c']).text, 'a');
});

test('a text of a megabyte in small pieces is read in time that grows with its length', () => {
  const json = JSON.stringify({ input: 'line of text "x"\n'.repeat(60_000) });
  const pieces = json.match(/[^]{1,8}/g) ?? [];
  const { text } = read(pieces);
  assert.equal(text.length, 60_000 * 17);
});
