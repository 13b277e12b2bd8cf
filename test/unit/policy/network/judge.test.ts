// Owns the proof of what the policy lets through on the network of a sandbox. Knows no proxy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EgressGrant, EgressJudge } from '../../../../src/contracts/egress.ts';
import { compileNetwork } from '../../../../src/policy/network/judge.ts';
import { networkRules, opensNetwork } from '../../../../src/policy/network/rules.ts';
import { loadPolicy } from '../../../../src/policy/load.ts';
import { decideWith, egress, policyOf, seeded } from '../scene.ts';

const RULES = `version: 1
rules:
  - { id: api, effect: egress, match: { host: api.example.com, scheme: https, method: [GET, POST], path_prefix: /v1 }, verdict: allow,
      reason: r, advice: a, examples: { match: ["https://api.example.com/v1/x"] } }
  - { id: no-admin, effect: egress, match: { host: api.example.com, path: "/v1/*/admin" }, verdict: deny,
      reason: r, advice: a, examples: { match: ["https://api.example.com/v1/x/admin"] } }
  - { id: ask-docs, effect: egress, match: { host: "*.docs.example.com" }, verdict: ask,
      reason: r, advice: a, examples: { match: ["https://a.docs.example.com/"] } }
  - { id: files, effect: egress, match: { host: files.example.com }, verdict: allow, tls: pass, addresses: [10.2.0.0/16],
      max_response_bytes: 1000, requests_per_minute: 60, reason: r, advice: a, examples: { match: ["https://files.example.com/"] } }
`;
const policy = loadPolicy(RULES, 'policy.yaml');
const rules = networkRules(policy);

function clockAt(now: number) {
  const clock = { time: now, now: () => clock.time };
  return clock;
}

const judgeOf = (grants: readonly EgressGrant[] = [], clock = clockAt(0)): EgressJudge =>
  compileNetwork(rules, grants, clock);
const seen = (judge: EgressJudge, url: string, method = 'GET') => {
  const { verdict, rule, grant } = judge.request(egress(url, method));
  return [verdict, grant?.id ?? rule?.id ?? 'default:egress'];
};
const tunnel = (judge: EgressJudge, host: string) => {
  const { verdict, rule, grant, tls } = judge.host(host, 443);
  return [verdict, grant?.id ?? rule?.id ?? 'default:egress', tls];
};

test('a rule of a file becomes a rule of the network with all it says', () => {
  assert.deepEqual(rules[3], {
    id: 'files',
    verdict: 'allow',
    reason: 'r',
    advice: 'a',
    hosts: ['files.example.com'],
    tls: 'pass',
    addresses: ['10.2.0.0/16'],
    caps: { responseBytes: 1000, requestsPerMinute: 60 },
  });
  assert.deepEqual(
    [opensNetwork(rules), opensNetwork([]), opensNetwork(rules.filter(({ verdict }) => verdict === 'deny'))],
    [true, false, false],
  );
});

test('the strictest rule decides, and what no rule covers is denied', () => {
  const judge = judgeOf();
  const told = [
    seen(judge, 'https://api.example.com/v1/x'),
    seen(judge, 'https://api.example.com/v1/x/admin'),
    seen(judge, 'https://api.example.com/v1', 'POST'),
    seen(judge, 'https://api.example.com/v1', 'DELETE'),
    seen(judge, 'https://api.example.com/v10'),
    seen(judge, 'http://api.example.com/v1/x'),
    seen(judge, 'https://a.docs.example.com/'),
    seen(judge, 'https://docs.example.com/'),
    seen(judge, 'https://example.net/'),
  ];
  assert.deepEqual(told, [
    ['allow', 'api'],
    ['deny', 'no-admin'],
    ['allow', 'api'],
    ['deny', 'default:egress'],
    ['deny', 'default:egress'],
    ['deny', 'default:egress'],
    ['ask', 'ask-docs'],
    ['deny', 'default:egress'],
    ['deny', 'default:egress'],
  ]);
});

test('a method in other letters is not one that is allowed, and is one that is denied', () => {
  const judge = compileNetwork(
    networkRules(
      policyOf(
        { id: 'all', effect: 'egress', match: { host: 'a.org' }, verdict: 'allow', example: 'https://a.org/' },
        {
          id: 'get',
          effect: 'egress',
          match: { host: 'b.org', method: 'GET' },
          verdict: 'allow',
          example: 'https://b.org/',
        },
        { id: 'no', effect: 'egress', match: { method: 'POST' }, verdict: 'deny', example: 'POST https://b.org/' },
      ),
    ),
    [],
    clockAt(0),
  );
  const told = [
    seen(judge, 'https://a.org/', 'post'),
    seen(judge, 'https://b.org/', 'get'),
    seen(judge, 'https://b.org/'),
  ];
  assert.deepEqual(told, [
    ['deny', 'no'],
    ['deny', 'default:egress'],
    ['allow', 'get'],
  ]);
});

test('a grant overrules a rule that asks and the default, never one that denies', () => {
  const grant = { id: 'grant_1', match: { hosts: ['a.docs.example.com', 'example.net', 'api.example.com'] } };
  const judge = judgeOf([grant]);
  const urls = ['https://a.docs.example.com/', 'https://example.net/x', 'https://api.example.com/v1/x/admin'];
  assert.deepEqual(
    urls.map((url) => seen(judge, url)),
    [
      ['allow', 'grant_1'],
      ['allow', 'grant_1'],
      ['deny', 'no-admin'],
    ],
  );
});

test('a grant covers its own method and path, its number of uses and its time', () => {
  const clock = clockAt(1000);
  const match = {
    hosts: ['example.net'],
    ports: [443],
    schemes: ['https' as const],
    methods: ['GET'],
    paths: ['/a/*'],
  };
  const judge = judgeOf([], clock);
  assert.deepEqual(seen(judge, 'https://example.net/a/1'), ['deny', 'default:egress']);
  const grant = { id: 'g', match, uses: 2, expiresAt: 2000 };
  judge.permit(grant);
  const others = [seen(judge, 'https://example.net/a/1', 'POST'), seen(judge, 'https://example.net/a/1/2')];
  assert.deepEqual(others, [
    ['deny', 'default:egress'],
    ['deny', 'default:egress'],
  ]);
  assert.deepEqual([judge.use(grant), seen(judge, 'https://example.net/a/1')], [true, ['allow', 'g']]);
  assert.deepEqual([judge.use(grant), judge.use(grant)], [true, false]);
  assert.deepEqual(seen(judge, 'https://example.net/a/1'), ['deny', 'default:egress']);
  judge.permit({ ...grant, uses: 3 });
  assert.deepEqual(seen(judge, 'https://example.net/a/1'), ['allow', 'g']);
  clock.time = 2000;
  assert.deepEqual([seen(judge, 'https://example.net/a/1'), judge.use(grant)], [['deny', 'default:egress'], false]);
});

test('a grant that comes again with its time over is gone', () => {
  const judge = judgeOf([{ id: 'g', match: { hosts: ['example.net'] } }], clockAt(1000));
  assert.deepEqual(seen(judge, 'https://example.net/'), ['allow', 'g']);
  judge.permit({ id: 'g', match: { hosts: ['example.net'] }, expiresAt: 0 });
  assert.deepEqual(seen(judge, 'https://example.net/'), ['deny', 'default:egress']);
});

test('before TLS a host is denied only if nothing on it could be allowed, and its bytes pass only by a rule that says so', () => {
  const judge = judgeOf();
  const told = ['api.example.com', 'files.example.com', 'a.docs.example.com', 'example.net'].map((host) =>
    tunnel(judge, host),
  );
  assert.deepEqual(told, [
    ['allow', 'api', 'end'],
    ['allow', 'files', 'pass'],
    ['ask', 'ask-docs', 'end'],
    ['deny', 'default:egress', 'end'],
  ]);
  judge.permit({ id: 'g', match: { hosts: ['example.net'], methods: ['GET'], paths: ['/a'] } });
  assert.deepEqual(tunnel(judge, 'example.net'), ['allow', 'g', 'end']);
});

test('where another rule on the host needs method or path, or denies all of it, its bytes do not pass', () => {
  const pass = { id: 'pass', verdict: 'allow', reason: 'r', advice: 'a', hosts: ['h.org'], tls: 'pass' } as const;
  const deny = { id: 'deny', verdict: 'deny', reason: 'r', advice: 'a', hosts: ['h.org'] } as const;
  const told = [
    [pass],
    [pass, { ...deny, methods: ['POST'] }],
    [pass, deny],
    [pass, { ...deny, id: 'ask', verdict: 'ask' as const }],
    [pass, { ...deny, schemes: ['http' as const] }],
  ].map((some) => tunnel(compileNetwork(some, [], clockAt(0)), 'h.org'));
  assert.deepEqual(told, [
    ['allow', 'pass', 'pass'],
    ['allow', 'pass', 'end'],
    ['deny', 'deny', 'pass'],
    ['ask', 'ask', 'end'],
    ['allow', 'pass', 'pass'],
  ]);
});

test('the network and the decisions on calls agree on a thousand requests made by chance', () => {
  const below = seeded(7);
  const judge = judgeOf();
  const hosts = ['api.example.com', 'a.docs.example.com', 'files.example.com', 'example.net'];
  const paths = ['/', '/v1', '/v1/x', '/v1/x/admin', '/v10', '/v1/../admin'];
  const told = { allow: 0, ask: 0, deny: 0 };
  for (let round = 0; round < 1000; round += 1) {
    const url = `${below(2) === 0 ? 'http' : 'https'}://${hosts[below(4)] ?? ''}${paths[below(6)] ?? ''}`;
    const effect = egress(url, ['GET', 'POST', 'PUT'][below(3)] ?? 'GET');
    const { verdict, rule } = judge.request(effect);
    const decision = decideWith(policy, effect);
    assert.deepEqual([url, verdict, rule?.id ?? 'default:egress'], [url, decision.verdict, decision.rule]);
    told[verdict] += 1;
  }
  assert.ok(
    Object.values(told).every((count) => count > 20),
    JSON.stringify(told),
  );
});
