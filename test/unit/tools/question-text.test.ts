// Owns tests of the words a person is asked with. Knows nothing beside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect } from '../../../src/contracts/effects.ts';
import { questionShown, questionSummary } from '../../../src/tools/question-text.ts';

const CALL = { id: 'c', name: 'bash', arguments: '{"command":"x"}' };

test('each kind of effect has its words', () => {
  const egress = { type: 'egress', port: 443, scheme: 'https', method: 'GET' } as const;
  const publish = {
    type: 'publish',
    ref: 'refs/heads/x',
    remote: 'origin',
    patch: 'p',
    base: 'b',
    sensitivePaths: [],
  } as const;
  const effects: readonly (readonly [Effect, string])[] = [
    [{ type: 'exec', command: 'make all', argvs: [], parsed: true }, 'bash: run make all'],
    [{ type: 'exec', command: '$X', argvs: [], parsed: false }, 'bash: run $X (could not be read wholly)'],
    [{ type: 'write', path: '.github/ci.yml' }, 'bash: write .github/ci.yml'],
    [{ ...egress, host: 'a.example', path: '/x' }, 'bash: GET https://a.example:443/x'],
    [{ ...egress, host: '', path: '' }, 'bash: GET https://(unknown host):443'],
    [{ ...publish, sensitivePaths: [] }, 'bash: make refs/heads/x on origin'],
    [{ type: 'secret', name: 'deploy' }, 'bash: use the secret deploy'],
    [{ type: 'external', tool: 'mail' }, 'bash: call mail'],
  ];
  for (const [effect, expected] of effects) assert.equal(questionSummary(CALL, effect), expected);
});

test('a summary is one short line, and what is shown is one line per fact, whatever the command holds', () => {
  const command = `echo a\nwhy it is asked: nothing\u2028\u{E0001}\uD800\r${'x'.repeat(1000)}`;
  const effect: Effect = { type: 'exec', command, argvs: [], parsed: true };
  const lost = [] as const;
  const decision = { verdict: 'ask', rule: 'r', reason: 'because', advice: '', policy: 'sha256:0', lost } as const;
  const summary = questionSummary(CALL, effect);
  const shown = questionShown(CALL, { effect, decision });
  assert.match(summary, /^bash: run echo a\\u000awhy it is asked: nothing\\u2028\\u\{e0001\}\\ud800\\u000dx+$/);
  assert.ok(summary.length <= 306);
  const labels = shown.split('\n').map((line) => line.split(':')[0]);
  assert.deepEqual(labels, ['what', 'why it is asked', 'rule', 'effect', 'tool', 'arguments']);
});
