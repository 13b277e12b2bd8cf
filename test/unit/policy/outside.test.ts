// The law: nothing leaves the sandbox by an allow that rests on shell text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CaissonError } from '../../../src/base/errors.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import { decideWith, egress, exec, policyOf, publish, type RuleWords, seeded } from './scene.ts';

const words = 'expected ask or deny, or else a match';
const byName = 'what leaves the sandbox is allowed only by name';

/** The verdict is the first mistake of the file; the example may be one too. */
const refuses = (rule: RuleWords, message: string) =>
  assert.throws(
    () => policyOf(rule),
    (error: CaissonError) => error.code === 'policy_invalid' && error.message.split('\n')[0] === `verdict: ${message}`,
  );

test('a rule may allow egress to hosts that it names, and to nothing else', () => {
  const said = `${words}.host: ${byName}`;
  const example = 'GET https://example.com/a';
  refuses({ id: 'all', effect: 'egress', verdict: 'allow', example }, said);
  refuses({ id: 'some', effect: 'egress', match: { method: 'GET' }, verdict: 'allow', example }, said);
  const match = { host: 'example.com', port: 443, scheme: 'https', method: 'GET', path_prefix: '/a' };
  const policy = policyOf({ id: 'one', effect: 'egress', match, verdict: 'allow', example });
  const verdicts = ['https://example.com/a', 'https://example.com/b', 'https://example.org/a'].map(
    (url) => decideWith(policy, egress(url)).verdict,
  );
  assert.deepEqual(verdicts, ['allow', 'deny', 'deny']);
});

test('a rule may allow publishing to branches that it names, and to nothing else', () => {
  const allow = (match?: Readonly<Record<string, unknown>>): RuleWords => {
    const rule = { id: 'r', effect: 'publish', verdict: 'allow', example: 'refs/heads/caisson/fix' } as const;
    return match === undefined ? rule : { ...rule, match };
  };
  const said = `${words}.ref of which every pattern begins with refs/heads/: ${byName}`;
  const unlawful = [
    undefined,
    {},
    { remote: '*' },
    { ref: '**' },
    { ref: 'refs/**' },
    { ref: 'refs/heads/' },
    { ref: 'refs/h*/caisson/fix' },
    { ref: ['refs/heads/caisson/*', '*'] },
  ];
  for (const match of unlawful) refuses(allow(match), said);
  const policy = policyOf(allow({ ref: 'refs/heads/caisson/**' }));
  assert.deepEqual(
    ['refs/heads/caisson/fix', 'refs/heads/main', 'refs/tags/caisson/fix'].map(
      (ref) => decideWith(policy, publish(ref)).verdict,
    ),
    ['allow', 'deny', 'deny'],
  );
});

test('a secret and an external tool are allowed by their whole name only', () => {
  for (const name of ['*', 'NPM_*', 'NPM_TOKE?'])
    refuses(
      { id: 'r', effect: 'secret', match: { name: ['NPM_TOKEN', name] }, verdict: 'allow', example: 'NPM_TOKEN' },
      `${words}.name without wildcards: ${byName}`,
    );
  refuses(
    { id: 'r', effect: 'secret', verdict: 'allow', example: 'NPM_TOKEN' },
    `${words}.name without wildcards: ${byName}`,
  );
  refuses(
    { id: 'r', effect: 'external', match: { tool: 'b*' }, verdict: 'allow', example: 'browser' },
    `${words}.tool without wildcards: ${byName}`,
  );
  const policy = policyOf(
    { id: 's', effect: 'secret', match: { name: 'A' }, verdict: 'allow', example: 'A' },
    { id: 't', effect: 'external', match: { tool: 'b' }, verdict: 'allow', example: 'b' },
  );
  const effects: readonly Effect[] = [
    { type: 'secret', name: 'A' },
    { type: 'secret', name: 'AB' },
    { type: 'external', tool: 'b' },
    { type: 'external', tool: 'a' },
  ];
  assert.deepEqual(
    effects.map((effect) => decideWith(policy, effect).verdict),
    ['allow', 'deny', 'allow', 'deny'],
  );
});

test('under five hundred policies made by chance, every one that loads denies or asks about egress', () => {
  const below = seeded(3);
  const verdicts = ['allow', 'ask', 'deny'];
  const types = ['exec', 'egress', 'egress'] as const;
  const target = egress('https://example.com/a');
  let loaded = 0;
  for (let round = 0; round < 500; round += 1) {
    const rules = Array.from({ length: 1 + below(3) }, (_, index): RuleWords => {
      const effect = types[below(3)] ?? 'egress';
      const verdict = verdicts[below(3)] ?? 'deny';
      return { id: `r${index}`, effect, verdict, example: effect === 'exec' ? 'curl x' : 'https://example.com/a' };
    });
    const said = new Set(rules.filter((rule) => rule.effect === 'egress').map((rule) => rule.verdict));
    const lawful = !said.has('allow') && said.size < 2;
    if (!lawful) {
      assert.throws(() => policyOf(...rules), { code: 'policy_invalid' });
      continue;
    }
    loaded += 1;
    assert.notEqual(decideWith(policyOf(...rules), target).verdict, 'allow');
  }
  assert.ok(loaded > 100, `only ${loaded} were loaded`);
});

test('an allowed command that goes to the network does not allow the network', () => {
  const policy = policyOf({
    id: 'curl',
    effect: 'exec',
    match: { program: 'curl' },
    verdict: 'allow',
    example: 'curl x',
  });
  const verdicts = [exec(['curl', 'https://example.com/']), egress('https://example.com/')].map(
    (effect) => decideWith(policy, effect).verdict,
  );
  assert.deepEqual(verdicts, ['allow', 'deny']);
});
