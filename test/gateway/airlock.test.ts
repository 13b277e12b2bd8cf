// Shows the routes of questions, of the brake, of keys and of the journal, on the real airlock, accounts and journal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256 } from '../../src/base/hash.ts';
import type { KeyRecord, Principal } from '../../src/contracts/accounts.ts';
import type { QuestionRecord } from '../../src/contracts/decisions.ts';
import { type RunEvent, SERVICE_CHAIN } from '../../src/contracts/run-events.ts';
import type { RunRecord } from '../../src/contracts/runs.ts';
import { call, callJson } from './http.ts';
import { POLICY, type Service, startService, type Wishes } from './service.ts';

const SHOWN = 'Make refs/heads/x of this diff.';

interface Refused {
  readonly error: { readonly code: string };
}

async function start(context: Parameters<typeof startService>[0], wishes: Wishes = {}) {
  const service = await startService(context, wishes);
  const author = await service.key(['author']);
  const owner = (await service.ports.accounts.authenticate(author)) ?? assert.fail('no such key');
  return { service, author, owner, approver: await service.key(['approver']) };
}

async function ask(service: Service, owner: Principal): Promise<{ run: RunRecord; id: string }> {
  const run = await service.runs.add(owner);
  const effect = {
    type: 'publish' as const,
    ref: 'refs/heads/x',
    remote: 'local',
    patch: sha256('patch'),
    base: 'b',
    sensitivePaths: [],
  };
  const decision = { verdict: 'ask' as const, rule: 'r', reason: 'leaves', advice: 'wait', policy: POLICY, lost: [] };
  const question = { run: run.id, step: 1, effect, decision, summary: 'apply x', shown: SHOWN };
  return { run, id: (await service.ports.approvals.open(question)).id };
}

describe('a question', () => {
  test('is listed, shown with its text, and answered once in the name of the key', async (context) => {
    const { service, owner, approver: key } = await start(context);
    const { id, run } = await ask(service, owner);
    const list = async (query: string) => {
      const { body } = await callJson<{ approvals: QuestionRecord[] }>(service, 'GET', `/api/v1/approvals${query}`, {
        key,
      });
      return body.approvals.map((record) => [record.id, record.state]);
    };
    assert.deepEqual(await list('?state=waiting'), [[id, 'waiting']]);
    const path = `/api/v1/approvals/${id}`;
    const { body } = await callJson<{ record: QuestionRecord; shown: string }>(service, 'GET', path, { key });
    assert.deepEqual([body.shown, body.record.shown, body.record.run], [SHOWN, sha256(SHOWN), run.id]);
    const json = { verdict: 'approve', shown: body.record.shown, note: 'looked' };
    const answered = await callJson<QuestionRecord>(service, 'POST', path, { key, json });
    const { state, answeredBy, note } = answered.body;
    assert.deepEqual([answered.status, state, answeredBy, note], [200, 'approved', 'red approver', 'looked']);
    const again = await callJson<Refused>(service, 'POST', path, { key, json });
    assert.deepEqual([again.status, again.body.error.code], [409, 'approval_gone']);
    assert.deepEqual([await list('?state=waiting'), await list(`?run=${run.id}`)], [[], [[id, 'approved']]]);
  });

  test('is not answered with the hash of something else, nor with an unknown word', async (context) => {
    const { service, owner, approver: key } = await start(context);
    const { id } = await ask(service, owner);
    const told = async (json: object) => {
      const { status, body } = await callJson<Refused>(service, 'POST', `/api/v1/approvals/${id}`, { key, json });
      return [status, body.error.code];
    };
    assert.deepEqual(await told({ verdict: 'approve', shown: sha256('else') }), [409, 'approval_changed']);
    assert.deepEqual(await told({ verdict: 'maybe', shown: sha256(SHOWN) }), [400, 'invalid_input']);
    assert.deepEqual(await told({ verdict: 'approve' }), [400, 'invalid_input']);
    assert.equal((await service.ports.approvals.get(id))?.state, 'waiting');
  });

  test('of another team is neither seen nor answered', async (context) => {
    const { service, owner } = await start(context);
    const { id } = await ask(service, owner);
    const key = await service.key(['approver'], 'blue');
    const json = { verdict: 'approve', shown: sha256(SHOWN) };
    const { body } = await callJson<object>(service, 'GET', '/api/v1/approvals', { key });
    assert.deepEqual(body, { approvals: [] });
    assert.equal((await call(service, 'GET', `/api/v1/approvals/${id}`, { key })).status, 404);
    assert.equal((await call(service, 'POST', `/api/v1/approvals/${id}`, { key, json })).status, 404);
    assert.equal((await service.ports.approvals.get(id))?.state, 'waiting');
  });
});

test('who may approve may halt everything, and only an admin lets go again', async (context) => {
  const { service, approver } = await start(context);
  const admin = await service.key(['admin']);
  const halted = await callJson<object>(service, 'POST', '/api/v1/halt', { key: approver, json: { note: 'fire' } });
  assert.deepEqual([halted.status, halted.body], [200, { cancelled: 2, revoked: 1 }]);
  assert.equal((await call(service, 'POST', '/api/v1/release', { key: approver, json: {} })).status, 403);
  assert.equal((await call(service, 'POST', '/api/v1/release', { key: admin, json: {} })).status, 200);
  assert.deepEqual(service.runs.words, [
    ['halt', 'red approver', 'fire'],
    ['release', 'red admin'],
  ]);
});

describe('a key', () => {
  test('is shown once, works, is listed without its secret, is revoked, and the journal tells both', async (context) => {
    const { service } = await start(context);
    const key = await service.key(['admin']);
    const json = { name: 'ci', team: 'red', roles: ['client'] };
    const made = await callJson<{ key: string; record: KeyRecord }>(service, 'POST', '/api/v1/keys', { key, json });
    assert.equal(made.status, 201);
    const { key: secret, record } = made.body;
    assert.equal((await call(service, 'GET', '/v1/models', { key: secret })).status, 200);
    const listed = await call(service, 'GET', '/api/v1/keys', { key });
    assert.ok(listed.text.includes(record.id));
    assert.ok(!listed.text.includes(secret));
    const path = `/api/v1/keys/${record.id}/revoke`;
    const { body } = await callJson<KeyRecord>(service, 'POST', path, { key, json: {} });
    assert.equal(typeof body.revokedAt, 'number');
    assert.equal((await call(service, 'GET', '/v1/models', { key: secret })).status, 401);
    const events = await service.ports.journal.read(SERVICE_CHAIN, 0, 10);
    assert.deepEqual(
      events.map((event) => event.body),
      [
        { type: 'key_created', key: record.id, name: 'ci', roles: ['client'], by: 'red admin' },
        { type: 'key_revoked', key: record.id, by: 'red admin' },
      ],
    );
  });

  test('that is rotated is told in the journal as such, with the key that came in its place', async (context) => {
    const { service } = await start(context);
    const key = await service.key(['admin']);
    const { record } = await service.ports.accounts.create({ name: 'ci', team: 'red', roles: ['client'] });
    const path = `/api/v1/keys/${record.id}/rotate`;
    const { body } = await callJson<{ record: KeyRecord }>(service, 'POST', path, { key, json: { overlapMs: 5000 } });
    const events = await service.ports.journal.read(SERVICE_CHAIN, 0, 10);
    assert.deepEqual(
      events.map((event) => event.body),
      [{ type: 'key_rotated', key: body.record.id, of: record.id, overlapMs: 5000, by: 'red admin' }],
    );
  });

  test('that is changed has its new limits with the next request, and the journal tells both sides once', async (context) => {
    const { service } = await start(context, { models: ['a', 'b'].map((id) => ({ id, backend: 'engine' })) });
    const key = await service.key(['admin']);
    const { accounts, journal } = service.ports;
    const made = await accounts.create({ name: 'ci', team: 'red', roles: ['client'], limits: { models: ['a'] } });
    const seen = async () =>
      (await callJson<{ data: { id: string }[] }>(service, 'GET', '/v1/models', { key: made.key })).body.data.map(
        ({ id }) => id,
      );
    assert.deepEqual(await seen(), ['a']);
    const path = `/api/v1/keys/${made.record.id}`;
    const json = { limits: { models: ['b'], streams: 3 } };
    for (let times = 0; times < 2; times += 1) {
      const { status, body } = await callJson<KeyRecord>(service, 'PATCH', path, { key, json });
      assert.deepEqual([status, body], [200, { ...made.record, limits: { models: ['b'], streams: 3 } }]);
    }
    assert.deepEqual(await seen(), ['b']);
    const changes = [
      { name: 'models', from: ['a'], to: ['b'] },
      { name: 'streams', from: null, to: 3 },
    ];
    assert.deepEqual(
      (await journal.read(SERVICE_CHAIN, 0, 10)).map((event) => event.body),
      [{ type: 'key_changed', key: made.record.id, changes, by: 'red admin' }],
    );
  });

  test('is not changed by what is no change, nor when it is over', async (context) => {
    const { service } = await start(context);
    const key = await service.key(['admin']);
    const { accounts, journal } = service.ports;
    const { id } = (await accounts.create({ name: 'ci', team: 'red', roles: ['client'] })).record;
    const told = async (json: object, of = id) => {
      const { status, body } = await callJson<Refused>(service, 'PATCH', `/api/v1/keys/${of}`, { key, json });
      return [status, body.error.code];
    };
    const wrong = [
      {},
      { expiresAt: 1 },
      { limits: { streams: 0 } },
      { limits: { streams: '3' } },
      { limits: { models: [] } },
      { limits: { budget: 'none' } },
      { limits: { rpm: 3 } },
      { roles: ['admin'] },
      { limits: null },
    ];
    for (const json of wrong) assert.deepEqual(await told(json), [400, 'invalid_input'], JSON.stringify(json));
    const good = { limits: { streams: 1 } };
    assert.deepEqual(await told(good, 'key_none'), [404, 'not_found']);
    await accounts.revoke(id);
    assert.deepEqual(await told(good), [409, 'conflict']);
    assert.deepEqual(await journal.read(SERVICE_CHAIN, 0, 10), []);
  });

  test('of an unknown role, without a role, or expired from birth is not made', async (context) => {
    const { service } = await start(context);
    const key = await service.key(['admin']);
    const statusOf = async (json: object) => (await call(service, 'POST', '/api/v1/keys', { key, json })).status;
    const good = { name: 'ci', roles: ['client'] };
    assert.deepEqual(
      [
        await statusOf({ ...good, roles: ['root'] }),
        await statusOf({ ...good, roles: [] }),
        await statusOf({ ...good, expiresAt: 1 }),
        await statusOf({ ...good, more: 1 }),
        await statusOf({ ...good, name: '' }),
      ],
      [400, 400, 400, 400, 400],
    );
    assert.equal((await call(service, 'POST', '/api/v1/keys/key_none/revoke', { key, json: {} })).status, 404);
    assert.deepEqual(await service.ports.journal.read(SERVICE_CHAIN, 0, 10), []);
  });
});

test('an auditor reads any chain by pages', async (context) => {
  const { service, owner } = await start(context);
  const key = await service.key(['auditor'], 'blue');
  const { id } = await service.runs.add(owner);
  await service.runs.append(id, 'a', 'b', 'c');
  const read = async (query: string) => {
    const { body } = await callJson<{ events: RunEvent[] }>(service, 'GET', `/api/v1/journal/${id}?${query}`, { key });
    return body.events.map(({ seq }) => seq);
  };
  assert.deepEqual([await read(''), await read('after=1&limit=1'), await read('after=3')], [[1, 2, 3], [2], []]);
  assert.equal((await call(service, 'GET', `/api/v1/journal/${id}?limit=1001`, { key })).status, 400);
});

describe('for those who operate it', () => {
  test('the service says why it is not ready', async (context) => {
    const { service } = await start(context, {
      changes: { ready: async () => ({ ok: false, reasons: ['no backend answers'] }) },
    });
    const { status, body } = await callJson<object>(service, 'GET', '/readyz');
    assert.deepEqual([status, body], [503, { ok: false, reasons: ['no backend answers'] }]);
    assert.equal((await call(service, 'GET', '/healthz')).status, 200);
  });

  test('the metrics count requests by pattern and questions that wait, and hold no id', async (context) => {
    const { service, owner, author } = await start(context);
    const { run } = await ask(service, owner);
    await call(service, 'GET', `/api/v1/runs/${run.id}`, { key: author });
    await call(service, 'GET', '/nowhere/at/all');
    const { text, headers } = await call(service, 'GET', '/metrics', { key: await service.key(['auditor']) });
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(text, /^caisson_http_requests_total\{method="GET",route="\/api\/v1\/runs\/:id",status="200"\} 1$/m);
    assert.match(text, /^caisson_http_requests_total\{method="GET",route="none",status="404"\} 1$/m);
    assert.match(text, /^caisson_approvals_waiting 1$/m);
    assert.ok(!text.includes(run.id));
  });
});
