// Shows what is remembered of the network, and in which sentences it is said.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import type { EgressRecord } from '../../../src/contracts/egress.ts';
import type { EgressEffect } from '../../../src/contracts/effects.ts';
import { createRecords } from '../../../src/egress/records.ts';
import { byFailure, byPolicy, byRate, bySize, describe as sentence } from '../../../src/egress/refusal.ts';

const EFFECT: EgressEffect = { type: 'egress', host: 'a.test', port: 443, scheme: 'https', method: 'GET', path: '/x' };

function record(more: Partial<EgressRecord> = {}): EgressRecord {
  const { type: _, ...of } = EFFECT;
  return {
    ...of,
    at: 1,
    outcome: 'denied',
    rule: 'default:egress',
    said: 'No.',
    sentBytes: 1,
    receivedBytes: 2,
    ...more,
  };
}

describe('Records', () => {
  test('that are alike in a row are one with the first’s time, others are not', () => {
    const records = createRecords();
    const all = [
      record(),
      record({ at: 2 }),
      record({ at: 3 }),
      record({ path: '/y' }),
      record({ secrets: ['a'] }),
      record(),
    ];
    for (const one of all) records.add(one);
    assert.deepEqual(records.take(), [
      record({ times: 3, sentBytes: 3, receivedBytes: 6 }),
      record({ path: '/y' }),
      record({ secrets: ['a'] }),
      record(),
    ]);
    assert.deepEqual(records.take(), []);
  });

  test('are never more than their ceiling, and keep their count', () => {
    const records = createRecords();
    const total = LIMITS.egressRecords * 3;
    for (let index = 0; index < total; index += 1)
      records.add(record({ host: `${index % 250}.test`, path: `/${index}` }));
    const taken = records.take();
    assert.equal(taken.length, LIMITS.egressRecords);
    assert.ok(taken.reduce((sum, one) => sum + (one.times ?? 1), 0) >= 2 * LIMITS.egressRecords);
  });
});

describe('A refusal', () => {
  const rule = { id: 'r', verdict: 'deny' as const, reason: 'It is closed.', advice: 'Use b.test.' };

  test('says in one sentence what, by which rule, why, and what to ask for where something can be asked for', () => {
    assert.deepEqual(byPolicy(EFFECT, { ...rule, rule }), {
      outcome: 'denied',
      status: 403,
      rule: 'r',
      said: 'GET https://a.test/x is refused by the rule r: It is closed. Use b.test.',
    });
    assert.deepEqual(
      byPolicy(EFFECT, { verdict: 'ask', rule: { ...rule, verdict: 'ask' }, reason: rule.reason, advice: '' }),
      {
        outcome: 'denied',
        status: 403,
        rule: 'r',
        said:
          'GET https://a.test/x needs a person’s yes by the rule r (It is closed); ' +
          'request_access with host a.test, method GET and path /x asks a person for it.',
        ask: EFFECT,
      },
    );
    assert.deepEqual(
      byPolicy(
        { ...EFFECT, method: 'CONNECT', path: '' },
        { verdict: 'deny', rule: undefined, reason: '', advice: '' },
      ),
      {
        outcome: 'denied',
        status: 403,
        rule: 'default:egress',
        said:
          'HTTPS to a.test:443 is allowed by no rule; ' +
          'request_access with host a.test, and the method and path it needs, asks a person for it.',
        ask: { ...EFFECT, method: 'CONNECT', path: '' },
      },
    );
    assert.deepEqual(
      [
        byRate(EFFECT, 'r', 5),
        bySize(EFFECT, 'r', 'body', 9),
        bySize(EFFECT, 'r', 'answer', 9),
        byFailure(EFFECT, 'r', 'x'),
      ].map(({ status, outcome }) => [status, outcome]),
      [
        [429, 'denied'],
        [413, 'denied'],
        [502, 'denied'],
        [502, 'failed'],
      ],
    );
  });

  test('shows a host, a port and a path as they stand in a URL, and not more than a line of it', () => {
    assert.deepEqual(
      [
        sentence({ ...EFFECT, port: 8443 }),
        sentence({ ...EFFECT, scheme: 'http' }),
        sentence({ ...EFFECT, host: '::1', scheme: 'http', port: 80 }),
      ],
      ['GET https://a.test:8443/x', 'GET http://a.test:443/x', 'GET http://[::1]/x'],
    );
    assert.equal(sentence({ ...EFFECT, path: `/${'a'.repeat(5000)}` }).length, 219);
  });
});
