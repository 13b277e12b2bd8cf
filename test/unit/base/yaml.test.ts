// Shows that YAML is read with the place of everything in it, and that every mistake of a file is told by line and column.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { CaissonError } from '../../../src/base/errors.ts';
import { parseYaml, readYaml } from '../../../src/base/yaml.ts';

const FILE = 'thing.yaml';
const shape = z.strictObject({
  name: z.string().min(2),
  parts: z
    .array(
      z.union([
        z.strictObject({ kind: z.literal('wheel'), inches: z.int().max(30).optional() }),
        z.strictObject({ kind: z.literal('door'), colour: z.enum(['red', 'green']).nullable() }),
      ]),
    )
    .optional(),
  size: z.strictObject({ height: z.number() }).optional(),
});

/** `line:column field: words` of each mistake. */
function mistakes(text: string): readonly string[] {
  try {
    parseYaml(text, FILE, () => shape, 'config_invalid');
  } catch (error) {
    assert.ok(error instanceof CaissonError);
    const { code, place, message } = error;
    assert.deepEqual({ code, file: place?.file }, { code: 'config_invalid', file: FILE });
    const [first = '', ...others] = message.split(`\n  ${FILE}:`);
    const field = place?.field === undefined ? '' : ` ${place.field}`;
    return [`${place?.line}:${place?.column}${field}: ${first}`, ...others];
  }
  return [];
}

describe('a value that the schema takes', () => {
  const text = 'name: car\nparts:\n  - kind: wheel\n    inches: 17\n  - &d {kind: door, colour: null}\n  - *d\n';
  const { value, placeOf } = parseYaml(text, FILE, () => shape, 'config_invalid');

  test('is given as the schema makes it, aliases resolved', () => {
    const door = { kind: 'door', colour: null };
    assert.deepEqual(value, { name: 'car', parts: [{ kind: 'wheel', inches: 17 }, door, door] });
  });

  test('has a place for each value and for each key', () => {
    const paths = [['name'], ['parts'], ['parts', 0], ['parts', 0, 'inches'], ['parts', 1, 'colour']] as const;
    const places = paths.map((path) => [placeOf(path), placeOf(path, true)].map((at) => `${at.line}:${at.column}`));
    assert.deepEqual(places, [
      ['1:7', '1:1'],
      ['3:3', '2:1'],
      ['3:5', '3:3'],
      ['4:13', '4:5'],
      ['5:29', '5:21'],
    ]);
  });

  test('gives what is not there the place of what is around it', () => {
    const places = [['parts', 0, 'none'], ['parts', 9], ['none', 'of', 'it'], []] as const;
    assert.deepEqual(
      places.map((path) => placeOf(path)),
      [
        { file: FILE, line: 3, column: 5, field: 'parts[0].none' },
        { file: FILE, line: 3, column: 3, field: 'parts[9]' },
        { file: FILE, line: 1, column: 1, field: 'none.of.it' },
        { file: FILE, line: 1, column: 1 },
      ],
    );
  });

  test('has a place behind an alias: where the anchor is', () => {
    const { line, column } = placeOf(['parts', 2, 'kind']);
    assert.deepEqual({ line, column }, { line: 5, column: 15 });
  });
});

describe('the mistakes of a file', () => {
  test('are all told, in its order, and the first is the place of the error', () => {
    assert.deepEqual(mistakes('size:\n  hieght: 3\nnmae: x\n'), [
      '1:1 name: this is missing: expected text',
      '2:3 size.height: this is missing: expected a number',
      '2:3 size.hieght: there is no "hieght" in size; did you mean "height"?',
      '3:1 nmae: there is no "nmae"; did you mean "name"?',
    ]);
  });

  test('of syntax hide those of meaning', () => {
    assert.deepEqual(mistakes('nmae: "x\n'), [
      '2:1: a character is missing here: a quote, a comma, a bracket or a colon',
    ]);
    assert.deepEqual(mistakes('name: [a\nnmae: x\n'), ['2:1: a bracket that was opened is not closed before this']);
  });

  test('may be a key given twice, beside which the rest is not judged', () => {
    assert.deepEqual(mistakes('name: ab\nname: cd\nnmae: x\n'), ['2:1 name: the key "name" is given twice']);
  });

  test('may be an unknown key of one form among several: the keys of every form are known', () => {
    const known = z.strictObject({
      parts: z.array(z.discriminatedUnion('kind', [one('wheel', 'inches'), one('door', 'colour')])),
    });
    assert.throws(() => parseYaml('parts: [{kind: door, colur: red}]', FILE, () => known, 'policy_invalid'), {
      code: 'policy_invalid',
      message: 'there is no "colur" in parts[0]; did you mean "colour"?',
      place: { file: FILE, line: 1, column: 22, field: 'parts[0].colur' },
    });
  });

  test('that only follow from an unknown key beside them are not told', () => {
    const rule = z.strictObject({ a: z.string().optional() }).refine((value) => value.a !== undefined, 'a is needed');
    const told = (text: string) => {
      try {
        parseYaml(text, FILE, () => z.strictObject({ in: rule }), 'config_invalid');
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    assert.deepEqual(
      [told('in: {aa: x}'), told('in: {}')],
      ['there is no "aa" in in; did you mean "a"?', 'a is needed'],
    );
  });

  test('of an empty file and of one of comments are those of an empty map', () => {
    for (const text of ['', '# nothing\n', 'null'])
      assert.deepEqual([text, mistakes(text)], [text, ['1:1 name: this is missing: expected text']]);
  });

  test('never show the text of a value', () => {
    const texts = ['name: {a: hunter2}', 'name: [hunter2', 'size: hunter2', 'name: a\nsize: {height: "hunter2"}'];
    for (const text of texts) {
      const told = mistakes(text);
      assert.ok(told.length > 0);
      assert.doesNotMatch(told.join('\n'), /hunter2/);
    }
  });

  test('are counted where there are very many', () => {
    const text = `name: ab\n${Array.from({ length: 60 }, (_, index) => `k${index}: 1\n`).join('')}`;
    const lines = mistakes(text);
    assert.deepEqual([lines.length, lines.at(-1)?.split('\n').at(-1)], [51, '  and 9 more']);
  });
});

describe('aliases', () => {
  test('are each a mistake where they are refused', () => {
    const { problems } = readYaml('a: &x 1\nb: *x\nc: [*x]\n', FILE, 'refused');
    const text = 'expected a value, found an alias';
    assert.deepEqual(problems, [
      { place: { file: FILE, line: 2, column: 4 }, text },
      { place: { file: FILE, line: 3, column: 5 }, text },
    ]);
  });

  test('that grow without end are refused, not resolved', () => {
    const rows = Array.from({ length: 12 }, (_, row) => `a${row + 1}: &a${row + 1} [${`*a${row},`.repeat(9)}]`);
    const { value, problems } = readYaml(['a0: &a0 [x]', ...rows].join('\n'), FILE);
    const text = 'the aliases (*name) of this file do not resolve, or there are too many';
    assert.deepEqual({ value, problems }, { value: undefined, problems: [{ place: at(1, 1), text }] });
  });

  test('to nothing are a mistake', () => {
    assert.equal(readYaml('a: *nowhere\n', FILE).problems.length, 1);
  });
});

test('a key that is named as what every object has is a key like any other', () => {
  for (const key of ['__proto__', 'constructor', 'toString'])
    assert.deepEqual(mistakes(`name: ab\n${key}: {}`), [`2:1 ${key}: there is no "${key}"; known: name, parts, size`]);
});

function one(kind: string, key: string) {
  return z.strictObject({ kind: z.literal(kind), [key]: z.string().optional() });
}

function at(line: number, column: number) {
  return { file: FILE, line, column };
}
