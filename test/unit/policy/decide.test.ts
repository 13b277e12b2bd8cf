// Which rule binds, what is said of the others, and what holds where no rule matches.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import type { Verdict } from '../../../src/contracts/decisions.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import { createDecide } from '../../../src/policy/decide.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import {
  decideWith,
  egress,
  exec,
  FILE,
  policyOf,
  policyText,
  publish,
  type RuleWords,
  seeded,
  unparsed,
} from './scene.ts';

const EMPTY = policyOf();
const ALL: readonly Effect[] = [
  exec(['ls']),
  { type: 'write', path: 'a' },
  egress('https://example.com/'),
  publish('refs/heads/x'),
  { type: 'secret', name: 'TOKEN' },
  { type: 'external', tool: 'browser' },
];

const inside = { reason: 'It stays inside the sandbox and no rule says otherwise.', advice: '' };
const outside = {
  reason: 'It leaves the sandbox and no rule covers it.',
  advice:
    'This leaves the workspace and is not permitted here. Do the task without it, or finish and say what is needed.',
};

test('without a rule, what stays inside is allowed and what leaves is denied', () => {
  const rest = { policy: EMPTY.hash, lost: [] };
  assert.deepEqual(
    ALL.map((effect) => decideWith(EMPTY, effect)),
    [
      { verdict: 'allow', rule: 'default:exec', ...inside, ...rest },
      { verdict: 'allow', rule: 'default:write', ...inside, ...rest },
      { verdict: 'deny', rule: 'default:egress', ...outside, ...rest },
      { verdict: 'deny', rule: 'default:publish', ...outside, ...rest },
      { verdict: 'deny', rule: 'default:secret', ...outside, ...rest },
      { verdict: 'deny', rule: 'default:external', ...outside, ...rest },
    ],
  );
});

test('a decision carries the words of its rule and the hash of the text of the policy', () => {
  const text = policyText([
    { id: 'no-rm', effect: 'exec', match: { program: 'rm' }, verdict: 'deny', example: 'rm x' },
  ]);
  const policy = loadPolicy(text, FILE);
  assert.equal(policy.hash, sha256(text));
  assert.deepEqual(decideWith(policy, exec(['rm', 'x'])), {
    verdict: 'deny',
    rule: 'no-rm',
    reason: 'reason of no-rm',
    advice: 'advice of no-rm',
    policy: sha256(text),
    lost: [],
  });
});

test('a space more in the file is another policy', () => {
  assert.notEqual(loadPolicy(`${policyText([])} `, FILE).hash, EMPTY.hash);
});

const any = (id: string, verdict: Verdict): RuleWords => ({ id, effect: 'exec', verdict, example: 'ls' });

test('deny wins over ask and ask over allow, wherever they stand in the file, and the losers are told', () => {
  const orders = [
    ['allow', 'ask', 'deny'],
    ['deny', 'allow', 'ask'],
    ['ask', 'deny', 'allow'],
  ] as const;
  for (const order of orders) {
    const decision = decideWith(policyOf(...order.map((verdict) => any(`is-${verdict}`, verdict))), exec(['ls']));
    assert.deepEqual(
      [decision.verdict, decision.rule, decision.lost],
      [
        'deny',
        'is-deny',
        [
          { rule: 'is-ask', verdict: 'ask' },
          { rule: 'is-allow', verdict: 'allow' },
        ],
      ],
    );
  }
});

test('of two rules that are equally strict the first in the file binds', () => {
  const decision = decideWith(policyOf(any('first', 'ask'), any('second', 'ask')), exec(['ls']));
  assert.deepEqual([decision.rule, decision.lost], ['first', [{ rule: 'second', verdict: 'ask' }]]);
});

test('a rule for one type of effect says nothing of the others', () => {
  const policy = policyOf({ id: 'no-commands', effect: 'exec', verdict: 'deny', example: 'ls' });
  assert.deepEqual(
    ALL.map((effect) => decideWith(policy, effect).rule),
    ['no-commands', 'default:write', 'default:egress', 'default:publish', 'default:secret', 'default:external'],
  );
});

test('a command that could not be read wholly is asked about by every rule that asks, and allowed by none', () => {
  const hidden = unparsed('eval "$(base64 -d <<< …)"');
  const policy = policyOf(
    { id: 'ask-git', effect: 'exec', match: { argv: ['git', 'push'] }, verdict: 'ask', example: 'git push' },
    { id: 'allow-all', effect: 'exec', match: {}, verdict: 'allow', example: 'ls' },
    { id: 'deny-rm', effect: 'exec', match: { program: 'rm' }, verdict: 'deny', example: 'rm x' },
  );
  const decision = decideWith(policy, hidden);
  assert.deepEqual([decision.verdict, decision.rule, decision.lost], ['ask', 'ask-git', []]);
  const seen = decideWith(policy, unparsed('rm x; eval …', ['rm', 'x']));
  assert.deepEqual([seen.verdict, seen.rule, seen.lost], ['deny', 'deny-rm', [{ rule: 'ask-git', verdict: 'ask' }]]);
});

test('deciding changes nothing: the same effect, frozen, is decided the same every time', () => {
  const decide = createDecide(policyOf(any('first', 'ask'), any('second', 'deny')));
  const effect = Object.freeze(exec(['ls']));
  const decisions = Array.from({ length: 3 }, () => decide(effect, { run: 'r', tool: 't' }));
  assert.deepEqual(decisions[1], decisions[0]);
  assert.deepEqual(decisions[2], decisions[0]);
});

test('the verdict of three hundred policies made by chance is the strictest of the rules that match', () => {
  const below = seeded(11);
  const verdicts = ['allow', 'ask', 'deny'] as const;
  const programs = ['ls', 'rm', 'git', '*'];
  const seen = new Set<string>();
  for (let round = 0; round < 300; round += 1) {
    const rules = Array.from({ length: below(5) }, (_, index) => {
      const program = programs[below(programs.length)] ?? '*';
      const verdict = verdicts[below(3)] ?? 'deny';
      return { id: `r${index}`, effect: 'exec', match: { program }, verdict, example: program } as const;
    });
    const name = programs[below(3)] ?? 'ls';
    const matching = rules.filter(({ match }) => match.program === '*' || match.program === name);
    const strictest = verdicts.findLast((verdict) => matching.some((rule) => rule.verdict === verdict));
    const decision = decideWith(policyOf(...rules), exec([name]));
    assert.equal(decision.verdict, strictest ?? 'allow');
    assert.equal(decision.lost.length, Math.max(0, matching.length - 1));
    seen.add(decision.verdict);
  }
  assert.equal(seen.size, 3);
});

test('whatever is asked of it, a decision is never an exception', () => {
  const policy = policyOf(
    { id: 'a', effect: 'egress', match: { path_prefix: '/api' }, verdict: 'ask', example: 'https://h/api' },
    { id: 'b', effect: 'write', match: { path: '**/x' }, verdict: 'ask', example: 'x' },
    { id: 'c', effect: 'exec', match: { argv: ['a', 'b'] }, verdict: 'ask', example: 'a b' },
  );
  const strange = ['', '\0', '\ud800', '//', '///..', '%', '%zz', '\\', '[', '@:', 'a'.repeat(100_000)];
  for (const text of strange) {
    const effects: readonly Effect[] = [
      { ...egress('https://h/'), path: text, host: text, method: text, port: Number.NaN },
      { type: 'write', path: text },
      exec([], [text], [text, text, text]),
      { type: 'exec', command: text, argvs: [], parsed: false },
      publish(text, [text], text),
      { type: 'secret', name: text },
      { type: 'external', tool: text },
    ];
    for (const effect of effects) assert.ok(['allow', 'ask', 'deny'].includes(decideWith(policy, effect).verdict));
  }
});
