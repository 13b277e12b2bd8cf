// Shows what is counted, and that the text for Prometheus says the same each time it is read.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import type { EventBody, RunEvent } from '../../../src/contracts/run-events.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { createTally, type Tally } from '../../../src/telemetry/tally.ts';

const HASH = sha256('');
const ANSWERED: EventBody = {
  type: 'model_answered',
  messageHash: HASH,
  finish: 'stop',
  usage: { promptTokens: 100, completionTokens: 20 },
  ms: 1,
};
const OPENED: EventBody = {
  type: 'sandbox_opened',
  purpose: 'agent',
  probeHash: HASH,
  firejail: '0.9.72',
  kernel: '6',
  startMs: 1,
};
const KILLED: EventBody = { type: 'processes_killed', sandbox: 's', ms: 1, survivors: [] };
const ended = (end: string): EventBody => ({
  type: 'run_ended',
  end,
  detail: '',
  endHash: HASH,
  steps: 1,
  promptTokens: 1,
  completionTokens: 1,
});

/** A journal that tells what it is told. */
function makeTally(context: TestContext) {
  const listeners = new Set<(events: readonly RunEvent[]) => void>();
  const tally = createTally({
    journal: {
      subscribe: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  });
  context.after(() => tally.close());
  const hear = (...bodies: readonly EventBody[]) => {
    const events = bodies.map((body, index) => ({
      v: 1,
      id: `e${index}`,
      chain: 'run_secret',
      seq: index + 1,
      step: 0,
      time: 0,
      parent: '',
      body,
      previous: HASH,
      hash: HASH,
    }));
    for (const listener of listeners) listener(events);
  };
  return { tally, hear, listeners };
}

async function linesOf(context: TestContext, tally: Tally, waiting = 0): Promise<readonly string[]> {
  const metrics = createMetrics({
    tally,
    approvals: { list: async () => Array.from({ length: waiting }, () => QUESTION) },
  });
  context.after(() => metrics.close());
  await metrics.text();
  return (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

const QUESTION = {
  id: 'q',
  run: 'r',
  step: 1,
  effect: { type: 'write', path: 'p' },
  decision: { verdict: 'ask', rule: 'r', reason: '', advice: '', policy: '', lost: [] },
  summary: '',
  shown: '',
  askedAt: 0,
  expiresAt: 0,
  state: 'waiting',
} as const;

test('runs, events, tokens, requests, sandboxes and questions are counted, and reading twice counts nothing twice', async (context) => {
  const { tally, hear } = makeTally(context);
  hear(OPENED, ANSWERED, OPENED, KILLED, ended('done'));
  hear(ended('done'), ended('checks_failed'));
  tally.tokens({ promptTokens: 7, completionTokens: 3 });
  tally.request({ method: 'GET', route: '/healthz', status: 200, ms: 250 });
  tally.request({ method: 'GET', route: '/healthz', status: 200, ms: 750 });
  tally.request({ method: 'GET', route: 'none', status: 404, ms: 0 });
  const lines = await linesOf(context, tally, 2);
  assert.deepEqual(
    lines.filter((line) => !/^caisson_(?:event_loop|memory)/.test(line)),
    [
      'caisson_http_requests_total{method="GET",route="/healthz",status="200"} 2',
      'caisson_http_requests_total{method="GET",route="none",status="404"} 1',
      'caisson_http_request_seconds_total{method="GET",route="/healthz",status="200"} 1',
      'caisson_http_request_seconds_total{method="GET",route="none",status="404"} 0',
      'caisson_tokens_total{for="client",kind="prompt"} 7',
      'caisson_tokens_total{for="client",kind="completion"} 3',
      'caisson_tokens_total{for="run",kind="prompt"} 100',
      'caisson_tokens_total{for="run",kind="completion"} 20',
      'caisson_runs_ended_total{end="done"} 2',
      'caisson_runs_ended_total{end="checks_failed"} 1',
      'caisson_journal_events_total{type="sandbox_opened"} 2',
      'caisson_journal_events_total{type="model_answered"} 1',
      'caisson_journal_events_total{type="processes_killed"} 1',
      'caisson_journal_events_total{type="run_ended"} 3',
      'caisson_sandboxes_open 1',
      'caisson_approvals_waiting 2',
    ],
  );
});

test('repairs of answers to clients and in runs are one number for each kind', async (context) => {
  const { tally, hear } = makeTally(context);
  hear({ ...ANSWERED, repairs: { call_in_text: 1, unknown_parameter: 2 } }, ANSWERED);
  for (const kind of ['call_in_text', 'call_cut']) tally.repaired(kind);
  assert.deepEqual(
    (await linesOf(context, tally)).filter((line) => line.startsWith('caisson_repairs')),
    [
      'caisson_repairs_total{kind="call_in_text"} 2',
      'caisson_repairs_total{kind="unknown_parameter"} 2',
      'caisson_repairs_total{kind="call_cut"} 1',
    ],
  );
});

test('the delay of the event loop and the memory are measured', async (context) => {
  const { tally } = makeTally(context);
  const lines = await linesOf(context, tally);
  const value = (name: string) => Number(lines.find((line) => line.startsWith(name))?.split(' ')[1]);
  for (const quantile of ['0.5', '0.99', '1'])
    assert.ok(value(`caisson_event_loop_delay_seconds{quantile="${quantile}"}`) >= 0, quantile);
  assert.ok(value('caisson_memory_resident_bytes') > 1_000_000);
});

test('sandboxes of an earlier service that are killed now do not make the number negative', (context) => {
  const { tally, hear } = makeTally(context);
  hear(KILLED, KILLED, OPENED);
  assert.equal(tally.counts().openSandboxes, 1);
});

test('labels are bounded, however many a mistake would make', (context) => {
  const { tally } = makeTally(context);
  for (let count = 0; count < 3000; count += 1)
    tally.request({ method: 'GET', route: `/${count}`, status: 200, ms: 1 });
  tally.request({ method: 'GET', route: '/0', status: 200, ms: 1 });
  const { requests } = tally.counts();
  assert.ok(requests.size <= 2000, String(requests.size));
  assert.equal(requests.get('GET /0 200')?.count, 2);
});

test('a closed tally hears nothing any more', (context) => {
  const { tally, hear, listeners } = makeTally(context);
  tally.close();
  assert.equal(listeners.size, 0);
  hear(OPENED);
  assert.equal(tally.counts().openSandboxes, 0);
});

test('what engines say of themselves is asked once for each text; who says nothing any more has no line', async (t) => {
  let asked = 0;
  const reports = [
    new Map([
      [
        'one',
        { version: '0.32.0', remarks: [], numbers: { running: 3, waiting: 0, cacheUsed: 0.5, cachedTokens: 640 } },
      ],
      ['two', { remarks: [], numbers: { running: 1 } }],
    ]),
    new Map(),
  ];
  const metrics = createMetrics({
    tally: makeTally(t).tally,
    approvals: { list: async () => [] },
    engines: async () => reports[asked++] ?? new Map(),
  });
  t.after(() => metrics.close());
  const lines = async () => (await metrics.text()).split('\n').filter((line) => line.startsWith('caisson_engine_'));
  assert.deepEqual(await lines(), [
    'caisson_engine_running{backend="one"} 3',
    'caisson_engine_running{backend="two"} 1',
    'caisson_engine_waiting{backend="one"} 0',
    'caisson_engine_cache_used_ratio{backend="one"} 0.5',
    'caisson_engine_cached_tokens{backend="one"} 640',
    'caisson_engine_info{backend="one",version="0.32.0"} 1',
  ]);
  assert.deepEqual([await lines(), asked], [[], 2]);
});
