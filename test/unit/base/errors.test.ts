// Owns the proof that mistakes keep their code, place and hint across processes and terminals. Knows no room.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CATALOGUE, CaissonError, errorFrom, formatError, isErrorCode, reportOf } from '../../../src/base/errors.ts';

describe('the catalogue', () => {
  test('has a status of HTTP and a hint in whole sentences for every code', () => {
    for (const [code, { status, hint }] of Object.entries(CATALOGUE)) {
      assert.match(code, /^[a-z][a-z0-9_]*$/);
      assert.ok(Number.isInteger(status) && status >= 400 && status < 600, code);
      assert.match(hint, /^[A-Z].{10,}/, code);
    }
  });

  test('knows its own codes and nothing that objects inherit', () => {
    assert.deepEqual(['not_found', 'nonsense', 'toString', '__proto__'].map(isErrorCode), [true, false, false, false]);
  });
});

describe('a mistake', () => {
  const place = { file: 'caisson.yaml', line: 3, column: 7, field: 'limits.runSteps' };

  test('carries code, status, hint, place and cause', () => {
    const cause = new Error('beneath');
    const error = new CaissonError('config_invalid', 'expected a number', { place, cause });
    const { code, status, hint, message, name } = error;
    assert.deepEqual(
      { code, status, hint, message, name, place: error.place, cause: error.cause },
      {
        code: 'config_invalid',
        status: 500,
        hint: CATALOGUE.config_invalid.hint,
        message: 'expected a number',
        name: 'CaissonError',
        place,
        cause,
      },
    );
  });

  test('without a cause it has no cause at all', () => {
    assert.equal(Object.hasOwn(new CaissonError('usage', 'x'), 'cause'), false);
  });

  test('survives a socket with all that a person needs', () => {
    const error = new CaissonError('repo_empty', 'no commit', { place: { field: 'repo' }, hint: 'commit first' });
    const crossed = errorFrom(JSON.parse(JSON.stringify(reportOf(error))));
    assert.deepEqual(reportOf(crossed), {
      code: 'repo_empty',
      message: 'no commit',
      hint: 'commit first',
      place: { field: 'repo' },
    });
    assert.equal(crossed.status, 400);
  });

  test('has no place in its report when it has none', () => {
    assert.deepEqual(Object.keys(reportOf(errorFrom(reportOf(new CaissonError('usage', 'x'))))), [
      'code',
      'message',
      'hint',
    ]);
  });
});

test('what is not from the catalogue is reported as internal, with its words kept', () => {
  const { hint } = CATALOGUE.internal;
  assert.deepEqual(
    [new TypeError('x is not a function'), 'just text', undefined, { code: 'not_found' }].map(reportOf),
    ['x is not a function', 'just text', 'undefined', '[object Object]'].map((message) => ({
      code: 'internal',
      message,
      hint,
    })),
  );
});

test('on a terminal the place comes first and the hint on its own line', () => {
  const format = (place: object) => formatError(new CaissonError('usage', 'wrong', { place, hint: 'do it' }));
  assert.deepEqual(
    [
      {},
      { file: 'a.yaml' },
      { file: 'a.yaml', line: 2, column: 5 },
      { field: 'x.y' },
      { file: 'a', line: 1, field: 'x' },
    ].map(format),
    [
      'wrong\n  → do it',
      'a.yaml: wrong\n  → do it',
      'a.yaml:2:5: wrong\n  → do it',
      'x.y: wrong\n  → do it',
      'a:1 x: wrong\n  → do it',
    ],
  );
});
