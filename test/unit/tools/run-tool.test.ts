// Owns tests of the way of one call. Knows nothing beside.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createApprovals } from '../../../src/approvals/approvals.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { sha256 } from '../../../src/base/hash.ts';
import { canonicalJson } from '../../../src/base/json.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import type { Decision, Verdict } from '../../../src/contracts/decisions.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import type { EmitEvent } from '../../../src/contracts/ports.ts';
import { eventBodySchema } from '../../../src/contracts/run-events.ts';
import { openStore } from '../../../src/store/open.ts';
import { TOOLS } from '../../../src/tools/registry.ts';
import { createRunTool, type RunToolPorts } from '../../../src/tools/run-tool.ts';
import { type Airlock, airlock } from './airlock.ts';
import { localShell } from './bash-executor.ts';

const POLICY = sha256('policy');

function decision(verdict: Verdict, rule: string): Decision {
  return { verdict, rule, reason: `because ${rule}`, advice: `advice of ${rule}`, policy: POLICY, lost: [] };
}

/** Egress by the given verdict, everything else allowed. */
function decideBy(egress: Verdict) {
  return (effect: Effect): Decision =>
    effect.type === 'egress' ? decision(egress, 'net') : decision('allow', `default:${effect.type}`);
}

interface Bench {
  readonly events: EmitEvent[];
  readonly log: string[];
  readonly airlock: Airlock;
  readonly work: string;
  readonly call: (name: string, value: unknown, signal?: AbortSignal) => ReturnType<ReturnType<typeof createRunTool>>;
}

function bench(t: TestContext, change: Partial<RunToolPorts> = {}, desk: Airlock = airlock([])): Bench {
  const shell = localShell(t);
  const events: EmitEvent[] = [];
  const log: string[] = [];
  let time = 0;
  let ids = 0;
  const ports: RunToolPorts = {
    run: 'run_1',
    tools: TOOLS,
    decide: decideBy('deny'),
    approvals: desk.approvals,
    exec: async (request) => {
      log.push(`exec ${request.exec}`);
      return { ok: true, value: await shell.context.exec(request) };
    },
    emit: async (batch) => {
      await new Promise((resolve) => setImmediate(resolve));
      events.push(...batch);
      log.push(...batch.map(({ body }) => body.type));
    },
    workPath: shell.work,
    policyHash: POLICY,
    limits: LIMITS,
    clock: { now: () => 0, monotonic: () => (time += 5) },
    faults: (place) => log.push(place),
    newId: (prefix) => `${prefix}_${(ids += 1)}`,
    ...change,
  };
  const runTool = createRunTool(ports);
  const call: Bench['call'] = (name, value, signal = new AbortController().signal) =>
    runTool({ id: 'call_1', name, arguments: typeof value === 'string' ? value : JSON.stringify(value) }, 3, signal);
  return { events, log, airlock: desk, work: shell.work, call };
}

function bodies(events: readonly EmitEvent[]): readonly unknown[] {
  return events.map(({ body, contents = [] }) => {
    assert.deepEqual(eventBodySchema().parse(body), body);
    const hashes = Object.entries(body).flatMap(([name, value]) =>
      /(?:effect|shown|arguments|result|summary)Hash$/.test(name) ? [value] : [],
    );
    assert.deepEqual(contents.map(sha256), hashes, 'every content is there, in the order of its hashes');
    return body;
  });
}

test('an allowed call is decided, started, executed and finished, each durable before the next', async (t) => {
  const { call, events, log } = bench(t);
  const called = await call('bash', { command: 'echo hi; false' });
  const output = 'exit status: 1\n\nhi\n';
  assert.deepEqual(called, { result: { status: 'failed', exitCode: 1, output } });
  assert.deepEqual(log, ['decided', 'tool_started', 'before:tool', 'exec exec_1', 'after:tool', 'tool_finished']);
  const effect = { type: 'exec', command: 'echo hi; false', argvs: [['echo', 'hi'], ['false']], parsed: true };
  assert.deepEqual(bodies(events), [
    {
      type: 'decided',
      call: 'call_1',
      effectHash: sha256(canonicalJson(effect)),
      effect: 'exec',
      verdict: 'allow',
      rule: 'default:exec',
      reason: 'because default:exec',
      policyHash: POLICY,
      lost: [],
    },
    { type: 'tool_started', call: 'call_1', tool: 'bash', argumentsHash: sha256('{"command":"echo hi; false"}') },
    {
      type: 'tool_finished',
      call: 'call_1',
      tool: 'bash',
      status: 'failed',
      detail: '',
      exitCode: 1,
      resultHash: sha256(output),
      ms: 5,
      restarted: false,
    },
  ]);
});

test('a claim to be done is durable together with the result of its call: no crash can come between', async (t) => {
  const batches: (readonly EmitEvent[])[] = [];
  const { call } = bench(t, { emit: async (batch) => void batches.push(batch) });
  const claim = { summary: 'mended', checked: 'npm test' };
  assert.deepEqual((await call('finish', claim)).finish, claim);
  assert.deepEqual(
    batches.map((batch) => batch.map(({ body }) => body.type)),
    [[], ['tool_started'], ['tool_finished', 'finish_claimed']],
  );
  assert.deepEqual(bodies(batches.at(-1) ?? []).at(-1), {
    type: 'finish_claimed',
    call: 'call_1',
    summaryHash: sha256(JSON.stringify(claim)),
  });
});

test('a call that reaches out is denied by the strictest decision, and nothing starts', async (t) => {
  const { call, events, log } = bench(t);
  const called = await call('bash', { command: 'curl https://a.example/x' });
  assert.deepEqual(called, {
    result: { status: 'denied', rule: 'net', output: 'denied by net: advice of net' },
  });
  assert.deepEqual(log, ['decided', 'decided', 'tool_finished']);
  assert.deepEqual(bodies(events).at(-1), {
    type: 'tool_finished',
    call: 'call_1',
    tool: 'bash',
    status: 'denied',
    detail: 'net',
    resultHash: sha256('denied by net: advice of net'),
    ms: 0,
    restarted: false,
  });
});

test('an approved ask uses its grant before the tool starts', async (t) => {
  const desk = airlock(['approve']);
  const { call, events, log } = bench(t, { decide: decideBy('ask') }, desk);
  const command = 'true || curl https://a.example/x';
  const called = await call('bash', { command });
  assert.deepEqual(called.result, { status: 'ok', output: 'exit status: 0' });
  assert.deepEqual(log, [
    'decided',
    'decided',
    'asked',
    'answered',
    'grant_used',
    'tool_started',
    'before:tool',
    'exec exec_1',
    'after:tool',
    'tool_finished',
  ]);
  const effect = { type: 'egress', host: 'a.example', port: 443, scheme: 'https', method: 'GET', path: '/x' } as const;
  const [asked] = desk.opened;
  assert.deepEqual(asked?.shown.split('\n'), [
    'what: GET https://a.example:443/x',
    'why it is asked: because net',
    'rule: net',
    `effect: ${canonicalJson(effect)}`,
    'tool: bash',
    `arguments: ${JSON.stringify({ command })}`,
  ]);
  assert.deepEqual(
    desk.uses.map(({ now }) => now),
    [{ effect, shown: sha256(asked?.shown ?? ''), policy: POLICY }],
  );
  assert.deepEqual(bodies(events).slice(2, 5), [
    {
      type: 'asked',
      question: 'qst_1',
      call: 'call_1',
      effectHash: sha256(canonicalJson(effect)),
      shownHash: sha256(asked?.shown ?? ''),
      expiresAt: 1000,
    },
    { type: 'answered', question: 'qst_1', state: 'approved', by: 'ann', note: 'fine' },
    { type: 'grant_used', question: 'qst_1', grant: 'grt_qst_1', use: 'used' },
  ]);
});

test('of several asks the first no ends it, and no grant is used', async (t) => {
  const desk = airlock(['approve', 'deny']);
  const { call, log } = bench(t, { decide: decideBy('ask') }, desk);
  const called = await call('bash', { command: 'curl https://a.example; curl https://b.example' });
  assert.deepEqual(called.result, {
    status: 'denied',
    rule: 'net',
    output: 'denied by net: a person was asked and said no and says: not today. advice of net',
  });
  assert.deepEqual(log, ['decided', 'decided', 'decided', 'asked', 'asked', 'answered', 'answered', 'tool_finished']);
  assert.deepEqual(desk.uses, []);
});

test('an ask that nobody answers and a grant that no longer holds are a no', async (t) => {
  const expired = bench(t, { decide: decideBy('ask') }, airlock(['expire']));
  const changed = bench(t, { decide: decideBy('ask') }, airlock(['approve'], 'changed'));
  const value = { command: 'curl https://a.example' };
  assert.deepEqual(
    [(await expired.call('bash', value)).result.output, (await changed.call('bash', value)).result.output],
    [
      'denied by net: a person was asked and nobody answered in time. advice of net',
      'denied by net: a person had approved it, but the approval no longer holds (changed). advice of net',
    ],
  );
  assert.ok(!changed.log.includes('tool_started'));
});

test('an abort while a person is asked ends the wait and records no answer that nobody gave', async (t) => {
  const { call, log } = bench(t, { decide: decideBy('ask') }, airlock(['wait']));
  const stop = new AbortController();
  const running = call('bash', { command: 'curl https://a.example' }, stop.signal);
  setTimeout(() => stop.abort(), 20);
  assert.deepEqual((await running).result, {
    status: 'killed',
    by: 'cancelled',
    output: 'killed: cancelled: the run is being stopped',
  });
  assert.deepEqual(log, ['decided', 'decided', 'asked']);
});

test('the same call asks with the same words at any step, so that an answer is found again', async (t) => {
  const desk = airlock(['deny', 'deny']);
  const { call } = bench(t, { decide: decideBy('ask') }, desk);
  await call('bash', { command: "curl 'https://a.example/\u202e\u001b[2J'" });
  await call('bash', { command: "curl 'https://a.example/\u202e\u001b[2J'" });
  const [first, second] = desk.opened;
  assert.equal(first?.shown, second?.shown);
  assert.match(first?.shown ?? '', /^[\P{C}\n]*$/u, 'nothing in it can act on a terminal');
});

test('a call that cannot be read is finished as invalid without having started', async (t) => {
  const { call, events, log } = bench(t);
  const called = await call('bsh', '{}');
  const output =
    'invalid call: there is no tool "bsh" (did you mean bash?); the tools are bash, read, edit, write, search, finish';
  assert.deepEqual(called, { result: { status: 'invalid', output } });
  assert.deepEqual(log, ['tool_finished']);
  assert.deepEqual(bodies(events), [
    {
      type: 'tool_finished',
      call: 'call_1',
      tool: 'bsh',
      status: 'invalid',
      detail: 'invalid',
      resultHash: sha256(output),
      ms: 0,
      restarted: false,
    },
  ]);
});

test('a write is decided by where it lies, however its path is spelled', async (t) => {
  const seen: Effect[] = [];
  const decide = (effect: Effect) => {
    seen.push(effect);
    return decision('allow', 'x');
  };
  const { call, work } = bench(t, { decide });
  writeFileSync(join(work, 'a'), 'one');
  await call('write', { path: `${work}/./b/../.github/ci.yml`, content: 'x' });
  await call('edit', { path: 'x/../a', old: 'one', new: 'two' });
  await call('write', { path: `../${'../'.repeat(20)}dev/null`, content: '' });
  await call('read', { path: 'a' });
  assert.deepEqual(seen, [
    { type: 'write', path: '.github/ci.yml' },
    { type: 'write', path: 'a' },
    { type: 'write', path: '/dev/null' },
  ]);
  assert.equal(readFileSync(join(work, '.github/ci.yml'), 'utf8'), 'x');
});

test('finish gives the claim, and only finish does', async (t) => {
  const { call, log } = bench(t);
  const claim = { summary: 'done', checked: 'npm test' };
  assert.deepEqual(await call('finish', claim), {
    result: { status: 'ok', output: 'ok\nthe claim is taken; the declared checks decide on a fresh checkout' },
    finish: claim,
  });
  assert.deepEqual(await call('finish', { summary: '', checked: 'x' }), {
    result: {
      status: 'invalid',
      output:
        'invalid call: finish: "summary" must not be empty. ' +
        'Example: {"summary":"Fixed the rounding in price.js","checked":"npm test: 12 passed"}',
    },
  });
  assert.deepEqual(log, [
    'tool_started',
    'before:tool',
    'after:tool',
    'tool_finished',
    'finish_claimed',
    'tool_finished',
  ]);
});

test('a sandbox that refuses to run becomes a kill with its reason', async (t) => {
  const error = { code: 'sandbox_unavailable', message: 'probe failed: no firejail', hint: 'install it' } as const;
  const { call, events } = bench(t, { exec: async () => ({ ok: false, error }) });
  const called = await call('read', { path: 'a' });
  assert.deepEqual(called.result, {
    status: 'killed',
    by: 'sandbox_gone',
    output:
      'killed: sandbox_gone: the sandbox ended while the call ran; nobody knows how far it came\n' +
      'sandbox_unavailable: probe failed: no firejail',
  });
  const last = events.at(-1)?.body;
  assert.ok(last?.type === 'tool_finished');
  assert.deepEqual([last.status, last.detail], ['killed', 'sandbox_unavailable']);
});

test('a tool that throws, and one that says too much, become results', async (t) => {
  const definition = { name: 'odd', description: '', parameters: {} };
  const odd = (execute: () => Promise<{ status: 'ok'; output: string }>) => ({
    definition,
    bind: () => ({ ok: true, call: { effects: [], execute } }) as const,
  });
  const throwing = bench(t, { tools: [odd(() => Promise.reject(new TypeError('undefined is not a function')))] });
  const talking = bench(t, { tools: [odd(async () => ({ status: 'ok', output: 'é'.repeat(9000) }))] });
  assert.deepEqual((await throwing.call('odd', {})).result, {
    status: 'failed',
    output: 'failed: the tool itself failed (internal): undefined is not a function. Try another way',
  });
  assert.equal(Buffer.byteLength((await talking.call('odd', {})).result.output), LIMITS.toolResultBytes);
});

test('a restart of the shell is recorded', async (t) => {
  const { call, events } = bench(t);
  await call('bash', { command: 'exit 7' });
  const last = events.at(-1)?.body;
  assert.ok(last?.type === 'tool_finished');
  assert.deepEqual([last.restarted, last.detail, last.exitCode], [true, 'restarted', 7]);
});

test('an emit that fails stops the call before anything is executed', async (t) => {
  const { call, log } = bench(t, { emit: () => Promise.reject(new Error('journal lost')) });
  await assert.rejects(call('bash', { command: 'true' }), /journal lost/);
  assert.deepEqual(log, []);
});

test('with the real airlock an approval counts once, for exactly this call', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'caisson-airlock-'));
  const store = await openStore({ dataDir, faults: noFaults });
  const approvals = createApprovals({ store, clock: systemClock, policyHash: () => POLICY });
  t.after(async () => {
    approvals.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const { call, log } = bench(t, { decide: decideBy('ask'), approvals });
  const answering = async (verdict: 'approve' | 'deny') => {
    for (;;) {
      const [question] = await approvals.list({ state: 'waiting' });
      if (question === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      else return approvals.answer(question.id, { verdict, by: 'ann', shown: question.shown, note: 'seen' });
    }
  };
  const ask = async (verdict: 'approve' | 'deny') => {
    const [called] = await Promise.all([
      call('bash', { command: 'true || curl https://a.example' }),
      answering(verdict),
    ]);
    return called.result.output;
  };
  assert.deepEqual(
    [await ask('approve'), await ask('deny')],
    ['exit status: 0', 'denied by net: a person was asked and said no and says: seen. advice of net'],
  );
  assert.equal(log.filter((line) => line === 'grant_used').length, 1);
  const states = (await approvals.list({})).map(({ state }) => state);
  assert.deepEqual(states.toSorted(), ['denied', 'used']);
});
