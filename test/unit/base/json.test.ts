// Owns the proof of JSON at the rim: ceilings hold, and one value has one canonical text. Knows no schema.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { canonicalJson, parseJson } from '../../../src/base/json.ts';

describe('parsing', () => {
  test('a value within the ceiling is parsed; the ceiling counts bytes, not characters', () => {
    assert.deepEqual(parseJson('{"a":[1,null,"ä"]}', 'the body', 19), { a: [1, null, 'ä'] });
    assert.throws(() => parseJson('{"a":[1,null,"ä"]}', 'the body', 18), {
      name: 'CaissonError',
      code: 'too_large',
      message: 'the body has 19 bytes; at most 18 are accepted',
    });
  });

  test('text that is no JSON is named, with the parser’s own words and error beneath', () => {
    assert.throws(
      () => parseJson('{"a":', 'the body', 100),
      (error: unknown) =>
        error instanceof CaissonError &&
        error.code === 'invalid_json' &&
        error.message.startsWith('the body is not valid JSON: ') &&
        error.cause instanceof SyntaxError,
    );
  });

  test('a member named __proto__ stays a member and changes no prototype', () => {
    const parsed = parseJson('{"__proto__":{"admin":true}}', 'the body', 100);
    assert.deepEqual(Object.keys(Object(parsed)), ['__proto__']);
    assert.equal(Reflect.get({}, 'admin'), undefined);
  });
});

describe('the canonical text', () => {
  test('does not depend on the order in which members were set, at any depth', () => {
    const one = { b: [{ y: 1, x: 2 }], a: { d: null, c: true } };
    const two = { a: { c: true, d: null }, b: [{ x: 2, y: 1 }] };
    assert.equal(canonicalJson(one), '{"a":{"c":true,"d":null},"b":[{"x":2,"y":1}]}');
    assert.equal(canonicalJson(two), canonicalJson(one));
  });

  test('sorts keys by code unit, not by locale', () => {
    assert.equal(canonicalJson({ ä: 1, z: 1, Z: 1, '10': 1, '9': 1 }), '{"10":1,"9":1,"Z":1,"z":1,"ä":1}');
  });

  test('leaves out members without a value, and keeps the places of a list', () => {
    assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}');
    assert.equal(canonicalJson([undefined, 1]), '[null,1]');
    assert.equal(canonicalJson(undefined), 'null');
  });

  test('is JSON again, and the same value', () => {
    const value = { text: 'quote " slash \\ newline \n nul \u0000 lone \ud800', list: [-0.5, 1e21, true, null, {}] };
    assert.deepEqual(JSON.parse(canonicalJson(value)), value);
  });

  test('refuses numbers that JSON would turn into null', () => {
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      assert.throws(() => canonicalJson({ a: [number] }), {
        code: 'internal',
        message: 'a number that JSON cannot hold',
      });
  });
});
