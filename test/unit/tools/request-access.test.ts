// Owns tests of asking for the network, and of what a call tells of it. The executor's records are made up; they are the proxy's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noFaults } from '../../../src/base/faults.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { lineOf } from '../../../src/cli/lines.ts';
import type { Decision, Grant, Verdict } from '../../../src/contracts/decisions.ts';
import type { EgressGrant, EgressRecord } from '../../../src/contracts/egress.ts';
import type { ExecOutcome } from '../../../src/contracts/executor.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import type { EmitEvent } from '../../../src/contracts/ports.ts';
import { eventBodySchema, type RunEvent } from '../../../src/contracts/run-events.ts';
import { accessMatch } from '../../../src/runs/network.ts';
import { egressEvents, withNetworkNote } from '../../../src/tools/network-note.ts';
import { TOOLS } from '../../../src/tools/registry.ts';
import { requestAccessTool } from '../../../src/tools/request-access.ts';
import { createRunTool } from '../../../src/tools/run-tool.ts';
import { airlock, type Says } from './airlock.ts';

const ASKED = { host: 'a.org', method: 'GET', path: '/x', why: 'the build needs it' };
const EFFECT = { type: 'egress', host: 'a.org', port: 443, scheme: 'https', method: 'GET', path: '/x' } as const;
const RECORD: EgressRecord = {
  at: 1,
  outcome: 'denied',
  rule: 'default:egress',
  host: 'a.org',
  port: 443,
  scheme: 'https',
  method: 'GET',
  path: '/x',
  said: 'GET https://a.org/x is allowed by no rule; request_access with host a.org, method GET and path /x asks a person for it.',
  ask: EFFECT,
  sentBytes: 10,
  receivedBytes: 20,
};

function decision(verdict: Verdict, rule: string): Decision {
  return { verdict, rule, reason: `because ${rule}`, advice: `advice of ${rule}`, policy: 'p', lost: [] };
}

interface Wishes {
  readonly egress: Decision;
  readonly says?: readonly Says[];
  readonly network?: boolean;
  readonly records?: readonly EgressRecord[];
}

function bench({ egress, says = [], network = true, records = [] }: Wishes) {
  const desk = airlock(says);
  const events: EmitEvent[] = [];
  const permitted: Grant[] = [];
  const output = { head: 'hi\n', tail: '', bytes: 3, lines: 1, cutBytes: 0, cutLines: 0 };
  const outcome: ExecOutcome = { end: 'exited', exitCode: 0, output, ms: 1, restarted: false, egress: records };
  const runTool = createRunTool({
    run: 'run_1',
    tools: TOOLS,
    decide: (effect: Effect) => (effect.type === 'egress' ? egress : decision('allow', `default:${effect.type}`)),
    approvals: desk.approvals,
    exec: async () => ({ ok: true, value: outcome }),
    emit: async (batch) => void events.push(...batch),
    ...(network ? { permit } : {}),
    workPath: '/work',
    policyHash: 'p',
    limits: LIMITS,
    clock: { now: () => 0, monotonic: () => 0 },
    faults: noFaults,
    newId: (prefix) => `${prefix}_1`,
  });
  async function permit(grant: Grant): Promise<EgressGrant> {
    permitted.push(grant);
    return { id: grant.id, match: accessMatch(EFFECT), uses: 3, expiresAt: 0 };
  }
  const call = async (name: string, value: unknown) => {
    const signal = new AbortController().signal;
    return (await runTool({ id: 'call_1', name, arguments: JSON.stringify(value) }, 3, signal)).result;
  };
  return { call, desk, permitted, types: () => events.map(({ body }) => body.type), events };
}

test('what is asked for is read as an effect: host with port and scheme, method, path without query', () => {
  const read = (value: object) => {
    const parsed = requestAccessTool.parse({ why: 'w', ...value });
    return parsed.ok ? parsed.value.effect : parsed.message.split('.  ')[0]?.split('. Example')[0];
  };
  assert.deepEqual(read({ host: 'A.org', path: '/x' }), EFFECT);
  assert.deepEqual(read({ host: 'http://127.0.0.1:4873', method: 'post', path: '/a/../b/**?q=1' }), {
    ...EFFECT,
    host: '127.0.0.1',
    port: 4873,
    scheme: 'http',
    method: 'POST',
    path: '/b/**',
  });
  const badHost = '"host" must be a name such as index.example.org, with :port or http:// where it needs them';
  for (const host of ['*.org', 'u@a.org', 'a.org/x', 'ftp://a.org', 'a b'])
    assert.equal(read({ host, path: '/' }), badHost);
  assert.equal(
    read({ host: 'a.org', path: 'x' }),
    '"path" must begin with / and may end with /** for all below; no blanks',
  );
  assert.equal(read({ host: 'a.org', path: '/x', method: 'G T' }), '"method" must be a word such as GET');
  assert.equal(read({ host: 'a.org' }), '"path" is missing');
});

test('a person is asked where no rule covers it or a rule asks, and a yes opens the network for just that', async () => {
  for (const egress of [decision('deny', 'default:egress'), decision('ask', 'docs')]) {
    const { call, desk, permitted, types } = bench({ egress, says: ['approve'] });
    const output = 'ok\na person allowed it for 3 requests and until 1970-01-01T00:00:00.000Z: try again now';
    assert.deepEqual(await call('request_access', ASKED), { status: 'ok', output });
    assert.deepEqual(
      [desk.opened.map(({ effect }) => effect), permitted.map(({ effect }) => effect)],
      [[EFFECT], [EFFECT]],
    );
    assert.deepEqual(types(), ['decided', 'asked', 'answered', 'grant_used', 'tool_started', 'tool_finished']);
  }
  assert.deepEqual(accessMatch(EFFECT), {
    hosts: ['a.org'],
    ports: [443],
    schemes: ['https'],
    methods: ['GET'],
    paths: ['/x'],
  });
});

test('a rule that denies is not put before a person, a no opens nothing, and what is allowed needs no question', async () => {
  const denied = bench({ egress: decision('deny', 'no-network') });
  const refusal = { status: 'denied', rule: 'no-network', output: 'denied by no-network: advice of no-network' };
  assert.deepEqual(await denied.call('request_access', ASKED), refusal);
  const refused = bench({ egress: decision('ask', 'docs'), says: ['deny'] });
  assert.equal((await refused.call('request_access', ASKED)).status, 'denied');
  const open = bench({ egress: decision('allow', 'api') });
  assert.deepEqual(await open.call('request_access', ASKED), {
    status: 'ok',
    output: 'ok\na rule allows it already: try it',
  });
  assert.deepEqual(
    [denied, refused, open].map(({ desk, permitted }) => [desk.opened.length, permitted.length]),
    [
      [0, 0],
      [1, 0],
      [0, 0],
    ],
  );
});

test('a run without a network has no such tool, and what a command may mean is judged there before it runs', async () => {
  const offline = bench({ egress: decision('deny', 'no-network'), network: false });
  assert.match(
    (await offline.call('request_access', ASKED)).output,
    /^invalid call: there is no tool "request_access"/,
  );
  assert.equal((await offline.call('bash', { command: 'curl https://a.org/' })).status, 'denied');
  const online = bench({ egress: decision('deny', 'no-network') });
  assert.equal((await online.call('bash', { command: 'curl https://a.org/' })).status, 'ok');
});

test('what a command asked of the network is told to the model in a sentence, and kept as events before its result', async () => {
  const allowed = {
    ...RECORD,
    outcome: 'allowed' as const,
    rule: 'api',
    grant: 'grant_1',
    path: '/y',
    secrets: ['TOKEN'],
  };
  const { call, events } = bench({
    egress: decision('allow', 'api'),
    records: [RECORD, allowed, { ...RECORD, times: 2 }],
  });
  const { output } = await call('bash', { command: 'npm install' });
  assert.equal(output, `exit status: 0\n\nhi\n\nnetwork:\n- ${RECORD.said}`);
  const told = events.map(({ body }) => body).filter(({ type }) => type.startsWith('egress'));
  const what = { call: 'call_1', host: 'a.org', port: 443, scheme: 'https', method: 'GET' };
  assert.deepEqual(
    told.map((body) => eventBodySchema().parse(body)),
    told,
  );
  assert.deepEqual(told, [
    {
      type: 'egress_denied',
      ...what,
      rule: 'default:egress',
      path: '/x',
      times: 3,
      outcome: 'denied',
      said: RECORD.said,
    },
    {
      type: 'egress_allowed',
      ...what,
      rule: 'api',
      grant: 'grant_1',
      path: '/y',
      times: 1,
      sentBytes: 10,
      receivedBytes: 20,
      secrets: ['TOKEN'],
    },
  ]);
  assert.equal(events.at(-1)?.body.type, 'tool_finished');
});

test('a person who watches reads one line of each', async () => {
  const [denied] = egressEvents('c', [{ ...RECORD, said: 'No.', times: 2 }]);
  const [allowed] = egressEvents('c', [{ ...RECORD, outcome: 'allowed', rule: 'api' }]);
  const lines = [denied, allowed].map((event) => lineOf({ step: 3, body: event?.body } as RunEvent, async () => ''));
  assert.deepEqual(await Promise.all(lines), [
    'step 3  network GET https://a.org:443/x (2 times): denied by default:egress: No.',
    'step 3  network GET https://a.org:443/x: allowed by api, 20 bytes',
  ]);
});

test('many refusals are told within the room of a result: five sentences and how many more, the output cut for them', () => {
  const records = Array.from({ length: 80 }, (_, at) => ({ ...RECORD, path: `/${at}`, said: `No ${at}.` }));
  const { output } = withNetworkNote({ status: 'ok', output: 'x'.repeat(500) }, records, 200);
  const note = 'network:\n- No 0.\n- No 1.\n- No 2.\n- No 3.\n- No 4.\n- and 75 more like these';
  assert.deepEqual([output.endsWith(`x\n\n${note}`), Buffer.byteLength(output)], [true, 200]);
  const [event, ...others] = egressEvents('c', records);
  const { times, path } = event?.body.type === 'egress_denied' ? event.body : { times: 0, path: '?' };
  assert.deepEqual([times, path, others], [80, '', []]);
});
