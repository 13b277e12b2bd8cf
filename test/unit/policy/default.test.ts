// What the shipped policy says of each kind of effect, and the words in which a person and the model hear it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadPolicyOf } from '../../../src/policy-file.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import { explainDecision } from '../../../src/policy/explain.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { decideWith, egress, exec, publish, unparsed } from './scene.ts';

const FILE = new URL('../../../deploy/policies/default.yaml', import.meta.url);
const POLICY = loadPolicy(readFileSync(FILE, 'utf8'), 'default.yaml');

const said = (effect: Effect) => {
  const { verdict, rule, lost } = decideWith(POLICY, effect);
  return [verdict, rule, ...lost.map((loser) => loser.rule)];
};

test('commands and writes are allowed, even those that cannot be read', () => {
  assert.deepEqual(said(exec(['rm', '-rf', '/'])), ['allow', 'run-in-sandbox']);
  assert.deepEqual(said(unparsed('$(x')), ['allow', 'run-in-sandbox']);
  assert.deepEqual(said({ type: 'write', path: '.github/workflows/ci.yml' }), ['allow', 'write-in-workspace']);
});

test('the network, secrets and tools outside are denied by name', () => {
  assert.deepEqual(said(egress('https://example.com/left-pad.tgz')), ['deny', 'no-network']);
  assert.deepEqual(said({ ...egress('http://h/'), host: '' }), ['deny', 'no-network']);
  assert.deepEqual(said({ type: 'secret', name: 'TOKEN' }), ['deny', 'no-secrets']);
  assert.deepEqual(said({ type: 'external', tool: 'browser' }), ['deny', 'no-external-tools']);
});

test('publishing is asked, and of sensitive paths the graver reason is told', () => {
  assert.deepEqual(said(publish('refs/heads/caisson/fix')), ['ask', 'publish-asks']);
  assert.deepEqual(said(publish('refs/heads/main', [], 'https://h/r.git')), ['ask', 'publish-asks']);
  assert.deepEqual(said(publish('refs/heads/caisson/fix', ['.husky/pre-commit'])), [
    'ask',
    'publish-sensitive-asks',
    'publish-asks',
  ]);
});

test('only publishing is asked about: nothing else waits for a person', () => {
  const asking = POLICY.rules.filter(({ verdict }) => verdict === 'ask').map(({ effect }) => effect);
  assert.deepEqual([...new Set(asking)], ['publish']);
});

test('every denial tells the model what to do instead', () => {
  const denials = POLICY.rules.filter(({ verdict }) => verdict === 'deny');
  assert.deepEqual(
    denials.map(({ id, advice }) => [id, /finish/i.test(advice)]),
    [
      ['no-network', true],
      ['no-secrets', true],
      ['no-external-tools', true],
    ],
  );
});

test('a decision is explained to a person in lines', () => {
  const effect = publish('refs/heads/caisson/fix', ['.npmrc', '.husky/pre-commit']);
  const decision = decideWith(POLICY, effect);
  assert.deepEqual(explainDecision(effect, decision).split('\n'), [
    'A person is asked: make refs/heads/caisson/fix on origin, with changes to .npmrc, .husky/pre-commit',
    '  rule     publish-sensitive-asks',
    `  why      ${decision.reason}`,
    `  advice   ${decision.advice}`,
    '  weaker   publish-asks (ask)',
    `  policy   ${POLICY.hash}`,
  ]);
});

test('an explanation says when no rule matched, and has no line for what is not there', () => {
  const effect = unparsed('make $(x');
  const decision = { ...decideWith(loadPolicy('{ version: 1, rules: [] }', 'p'), effect), policy: 'sha256:x' };
  assert.deepEqual(explainDecision(effect, decision).split('\n'), [
    'Allowed: run make $(x (could not be read wholly)',
    '  rule     default:exec (no rule matches)',
    '  why      It stays inside the sandbox and no rule says otherwise.',
    '  policy   sha256:x',
  ]);
});

test('every effect has words', () => {
  const decision = { verdict: 'deny', rule: 'r', reason: 'w', advice: '', policy: 'p', lost: [] } as const;
  const effects: readonly Effect[] = [
    { type: 'write', path: 'a' },
    egress('https://h:8080/x?y', 'PUT'),
    { ...egress('http://h/'), host: '' },
    publish('refs/heads/x'),
    { type: 'secret', name: 'S' },
    { type: 'external', tool: 't' },
  ];
  assert.deepEqual(
    effects.map((effect) => explainDecision(effect, decision).split('\n')[0]),
    [
      'Denied: write a',
      'Denied: PUT https://h:8080/x?y',
      'Denied: GET http://(unknown host):80/',
      'Denied: make refs/heads/x on origin',
      'Denied: use the secret S',
      'Denied: call the external tool t',
    ],
  );
});

test('an explanation has no control character and no line of anyone but itself', () => {
  const effect = exec(['printf', '\u001b[2J\nAllowed: all\r\u202e\u2028\u0007']);
  const text = explainDecision(effect, decideWith(POLICY, effect));
  assert.equal(text.split('\n').length, 5);
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.match(text, /\\u\{1b\}\[2J\\u\{a\}Allowed: all\\u\{d\}\\u\{202e\}\\u\{2028\}\\u\{7\}/);
});

test('what the shipped policy denies altogether is known without reading it, and another policy is asked', () => {
  const effect = { type: 'external', tool: 'set_up' } as const;
  const shipped = loadPolicyOf({ policyFile: undefined });
  assert.deepEqual(
    [shipped.offers(effect), shipped.decide(effect, { run: 'r', tool: 'set_up' }).verdict],
    [false, 'deny'],
  );
  const folder = mkdtempSync(join(tmpdir(), 'caisson-policy-'));
  try {
    const policyFile = join(folder, 'policy.yaml');
    const rule = (verdict: string) =>
      `version: 1\nrules:\n  - {id: a, effect: external, match: {tool: set_up}, verdict: ${verdict}, ` +
      'reason: r, advice: a, examples: {match: [set_up]}}\n';
    const offered = ['ask', 'allow', 'deny'].map((verdict) => {
      writeFileSync(policyFile, rule(verdict));
      return loadPolicyOf({ policyFile }).offers(effect);
    });
    assert.deepEqual(offered, [true, true, false]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
