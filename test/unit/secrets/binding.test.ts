// Which secrets a sandbox is given, by whose word, and what is refused before anything runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import type { Decision, Verdict } from '../../../src/contracts/decisions.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import { type NamedSecret, readBindings } from '../../../src/secrets/binding.ts';

const SEED = Buffer.from('a seed of this test');
const HOST = { hosts: ['api.example.com'], schemes: ['https'] } as const;

test('a secret that the policy allows is bound by a placeholder of its shape; others are not, and each decision is told', async () => {
  const bindings = await readBindings(
    [named('NPM_TOKEN', 'npm_abcdefghij0123456789'), named('OTHER', 'abcdefghijkl')],
    SEED,
  );
  const { bound, decided } = bindings.bind('run_1', by({ NPM_TOKEN: 'allow', OTHER: 'deny' }));
  assert.deepEqual(
    bound.map(({ placeholder, ...rest }) => ({ ...rest, isShaped: /^npm_[a-z0-9]{20}$/.test(placeholder) })),
    [{ name: 'NPM_TOKEN', value: 'npm_abcdefghij0123456789', header: 'authorization', match: HOST, isShaped: true }],
  );
  assert.deepEqual(
    decided.map(({ name, decision }) => [name, decision.verdict]),
    [
      ['NPM_TOKEN', 'allow'],
      ['OTHER', 'deny'],
    ],
  );
});

test('one that a person is asked about is bound only if somebody said yes; nobody can say yes to one that is denied', async () => {
  const bindings = await readBindings([named('ASKED', 'abcdefghijkl'), named('DENIED', 'lkjihgfedcba')], SEED);
  const decide = by({ ASKED: 'ask', DENIED: 'deny' });
  const names = (mayUse?: (name: string) => boolean) =>
    bindings.bind('run_1', decide, mayUse).bound.map(({ name }) => name);
  assert.deepEqual([names(), names(() => true)], [[], ['ASKED']]);
});

test('a placeholder stays the same for a run, and is another one for another run or another service', async () => {
  const secrets = [named('NPM_TOKEN', 'npm_abcdefghij0123456789')];
  const placeholder = async (scope: string, seed: string) => {
    const { bound } = (await readBindings(secrets, Buffer.from(seed))).bind(scope, by({ NPM_TOKEN: 'allow' }));
    return bound[0]?.placeholder;
  };
  const [first, ...others] = await Promise.all([
    placeholder('run_1', 'one'),
    placeholder('run_2', 'one'),
    placeholder('run_1', 'two'),
  ]);
  assert.equal(await placeholder('run_1', 'one'), first);
  assert.equal(new Set([first, ...others]).size, 3);
});

test('two secrets of the same shape have placeholders of their own', async () => {
  const bindings = await readBindings([named('ONE', 'abcdefghijkl'), named('TWO', 'lkjihgfedcba')], SEED);
  const { bound } = bindings.bind('run_1', by({ ONE: 'allow', TWO: 'allow' }));
  assert.equal(new Set(bound.map(({ placeholder }) => placeholder)).size, 2);
});

test('a value that could not be masked is refused by its name, and the words say nothing of it', async () => {
  const cases = [
    {
      secrets: [named('PIN', '9876')],
      message: /^the secret PIN is too short to be told from other text/,
      field: 'secrets.PIN.value',
    },
    {
      secrets: [named('ONE', 'abcdefghijkl'), named('TWO', 'ABCDEFGHIJKL')],
      message: /^the secret ONE has the same value as secrets\.TWO: what an origin echoes could not be told apart$/,
      field: 'secrets.ONE.value',
    },
  ];
  for (const { secrets, message, field } of cases)
    await assert.rejects(readBindings(secrets, SEED), (error: CaissonError) => {
      assert.deepEqual([error.code, error.place], ['config_invalid', { field }]);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /9876|abcdefghijkl/i);
      return true;
    });
});

test('a value that is not there is the mistake of whoever reads it', async () => {
  const missing = {
    ...named('GONE', ''),
    value: () => Promise.reject(new CaissonError('secret_unresolved', 'the secret ${GONE} is not set')),
  };
  await assert.rejects(readBindings([missing], SEED), { code: 'secret_unresolved' });
});

function named(name: string, value: string): NamedSecret {
  return { name, value: async () => value, header: 'authorization', match: HOST };
}

function by(verdicts: Readonly<Record<string, Verdict>>): (effect: Effect) => Decision {
  return (effect) => ({
    verdict: verdicts[effect.type === 'secret' ? effect.name : ''] ?? 'deny',
    rule: 'rule-of-test',
    reason: '',
    advice: '',
    policy: '',
    lost: [],
  });
}
