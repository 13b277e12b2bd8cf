// Owns the proof that effects and run requests are parsed strictly. Knows no policy.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Effect, effectSchema, INSIDE_EFFECTS } from '../../../src/contracts/effects.ts';
import { checkSchema, runRequestSchema } from '../../../src/contracts/runs.ts';

const EFFECTS: readonly Effect[] = [
  { type: 'exec', command: 'npm test', argvs: [['npm', 'test']], parsed: true },
  { type: 'write', path: 'src/a.ts' },
  { type: 'egress', host: 'example.com', port: 443, scheme: 'https', method: 'GET', path: '/' },
  { type: 'publish', ref: 'refs/heads/fix', remote: '', patch: 'sha256:0', base: 'abc', sensitivePaths: [] },
  { type: 'secret', name: 'token' },
  { type: 'external', tool: 'search' },
];

describe('effects', () => {
  test('every kind comes back from JSON as it was', () => {
    assert.deepEqual(
      EFFECTS.map((effect) => effectSchema().parse(JSON.parse(JSON.stringify(effect)))),
      EFFECTS,
    );
  });

  test('exactly exec and write stay inside the sandbox', () => {
    const outside = EFFECTS.map(({ type }) => type).filter((type) => !INSIDE_EFFECTS.includes(type));
    assert.deepEqual(outside, ['egress', 'publish', 'secret', 'external']);
  });

  test('a member too many or too few, a wrong type or an unknown kind is refused', () => {
    for (const effect of EFFECTS) {
      assert.equal(effectSchema().safeParse({ ...effect, extra: 1 }).success, false, `${effect.type} with more`);
      for (const key of Object.keys(effect)) {
        const less = Object.fromEntries(Object.entries(effect).filter(([name]) => name !== key));
        assert.equal(effectSchema().safeParse(less).success, false, `${effect.type} without ${key}`);
        assert.equal(effectSchema().safeParse({ ...effect, [key]: {} }).success, false, `${effect.type}, wrong ${key}`);
      }
    }
    assert.equal(effectSchema().safeParse({ type: 'reboot' }).success, false);
  });
});

describe('a run request', () => {
  const origin = { head: 'a', branch: 'main', headTree: 'b', tree: 'c' };
  const request = { task: 'make the tests pass', model: 'm', origin };

  test('needs a task, a model (empty for whichever is served) and an origin; checks default to none', () => {
    assert.deepEqual(runRequestSchema().parse(request), { ...request, checks: [] });
    assert.equal(runRequestSchema().parse({ ...request, model: '' }).model, '');
    for (const wrong of [
      { ...request, task: '' },
      { task: 'x', origin },
      { task: 'x', model: 'm' },
    ])
      assert.equal(runRequestSchema().safeParse(wrong).success, false);
  });

  test('publishes to a whole branch name only', () => {
    const allowed = (ref: string) => runRequestSchema().safeParse({ ...request, publish: { ref, remote: '' } }).success;
    assert.deepEqual(
      ['refs/heads/fix', 'refs/heads/caisson/fix-1'].filter((ref) => !allowed(ref)),
      [],
    );
    const wrong = [
      'fix',
      'refs/tags/v1',
      'refs/heads/',
      'refs/heads/a b',
      'refs/heads/a^',
      'refs/heads/a~1',
      'refs/heads/a:b',
    ];
    assert.deepEqual(wrong.filter(allowed), []);
  });

  test('a check has a short name and a command, and there are twenty at most', () => {
    const check = { name: 'tests', run: 'npm test' };
    assert.deepEqual(checkSchema().parse(check), check);
    for (const wrong of [
      { name: '', run: 'x' },
      { name: 'x', run: '' },
      { name: 'x'.repeat(81), run: 'x' },
      { ...check, on: 'patch' },
    ])
      assert.equal(checkSchema().safeParse(wrong).success, false);
    const many = (count: number) => ({ ...request, checks: Array.from({ length: count }, () => check) });
    assert.deepEqual(
      [20, 21].map((count) => runRequestSchema().safeParse(many(count)).success),
      [true, false],
    );
  });
});
