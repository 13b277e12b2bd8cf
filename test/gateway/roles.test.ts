// Shows who may do what: every route with every role alone, and whose runs a key sees.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Principal, Role } from '../../src/contracts/accounts.ts';
import { call, callJson, exchangeBytes } from './http.ts';
import { EVERY_ROLE, says, startService } from './service.ts';

/** Route → roles that are let in, beside admin. */
const ROUTES: readonly (readonly [string, string, readonly Role[]])[] = [
  ['POST', '/v1/chat/completions', ['client']],
  ['GET', '/v1/models', ['client']],
  ['GET', '/v1/models/x', ['client']],
  ['POST', '/v1/completions', ['client']],
  ['POST', '/v1/embeddings', ['client']],
  ['POST', '/v1/messages', ['client']],
  ['POST', '/v1/messages/count_tokens', ['client']],
  ['POST', '/v1/responses', ['client']],
  ['GET', '/v1/responses/x', ['client']],
  ['DELETE', '/v1/responses/x', ['client']],
  ['POST', '/v1/responses/x/cancel', ['client']],
  ['GET', '/v1/responses/x/input_items', ['client']],
  ['POST', '/api/v1/bundles', ['author']],
  ['POST', '/api/v1/runs', ['author']],
  ['GET', '/api/v1/runs', ['author', 'approver', 'auditor']],
  ['GET', '/api/v1/runs/x', ['author', 'approver', 'auditor']],
  ['GET', '/api/v1/runs/x/events', ['author', 'approver', 'auditor']],
  ['GET', '/api/v1/runs/x/diff', ['author', 'approver', 'auditor']],
  ['GET', '/api/v1/runs/x/snapshots', ['author', 'approver', 'auditor']],
  ['POST', '/api/v1/runs/x/rewind', ['author']],
  ['POST', '/api/v1/runs/x/hold', ['author']],
  ['GET', '/api/v1/runs/x/checks', ['author', 'approver', 'auditor']],
  ['GET', '/api/v1/runs/x/contents/y', ['author', 'approver', 'auditor']],
  ['POST', '/api/v1/runs/x/cancel', ['author']],
  ['POST', '/api/v1/runs/x/message', ['author']],
  ['POST', '/api/v1/runs/x/apply', ['author']],
  ['POST', '/api/v1/runs/x/applied', ['author']],
  ['GET', '/api/v1/approvals', ['author', 'approver', 'auditor']],
  ['GET', '/api/v1/approvals/x', ['author', 'approver', 'auditor']],
  ['POST', '/api/v1/approvals/x', ['approver']],
  ['POST', '/api/v1/halt', ['approver']],
  ['POST', '/api/v1/release', []],
  ['POST', '/api/v1/keys', []],
  ['GET', '/api/v1/keys', []],
  ['PATCH', '/api/v1/keys/x', []],
  ['POST', '/api/v1/keys/x/rotate', []],
  ['POST', '/api/v1/keys/x/revoke', []],
  ['GET', '/api/v1/usage', EVERY_ROLE],
  ['GET', '/api/v1/queue', EVERY_ROLE],
  ['GET', '/api/v1/backends', ['auditor']],
  ['POST', '/api/v1/backends/x/drain', []],
  ['POST', '/api/v1/backends/x/resume', []],
  ['POST', '/api/v1/backends/reload', []],
  ['GET', '/api/v1/probes', ['auditor']],
  ['POST', '/api/v1/probes', []],
  ['GET', '/api/v1/setups', ['auditor']],
  ['GET', '/api/v1/setups/x', ['auditor']],
  ['POST', '/api/v1/setups/x/drop', []],
  ['POST', '/api/v1/sandbox/probe', []],
  ['GET', '/api/v1/journal/service', ['auditor']],
  ['GET', '/metrics', ['auditor']],
];
const OPEN_ROUTES = ['/healthz', '/readyz', '/openapi.json'];

test('every route lets in the roles of its row and no other, and nobody without a key', async (context) => {
  const service = await startService(context, { model: says() });
  const seen: string[] = [];
  const expected: string[] = [];
  const visit = async (method: string, path: string, key: string | undefined) =>
    (
      await call(service, method, path, {
        ...(key === undefined ? {} : { key }),
        ...(method === 'POST' || method === 'PATCH' ? { json: {} } : {}),
      })
    ).status;
  for (const [method, path, roles] of ROUTES) {
    assert.equal(await visit(method, path, undefined), 401, `${method} ${path} without a key`);
    for (const role of EVERY_ROLE) {
      const status = await visit(method, path, await service.key([role]));
      seen.push(`${method} ${path} ${role} ${status === 403 ? 'no' : 'yes'}`);
      expected.push(`${method} ${path} ${role} ${role === 'admin' || roles.includes(role) ? 'yes' : 'no'}`);
    }
  }
  assert.deepEqual(seen, expected);
  for (const path of OPEN_ROUTES) assert.equal(await visit('GET', path, undefined), 200);
});

test('the table above has every route that the application has', async (context) => {
  const service = await startService(context);
  const tree = service.app.printRoutes({ commonPrefix: false });
  const found = tree.match(/\b(?:GET|POST|PUT|PATCH|DELETE)\b/g) ?? [];
  assert.equal(found.length, ROUTES.length + OPEN_ROUTES.length);
});

test('a key that is unknown, mistyped, revoked or written otherwise is refused', async (context) => {
  const service = await startService(context);
  const key = await service.key(['admin']);
  const statusOf = async (authorization: string) =>
    (await call(service, 'GET', '/api/v1/keys', { headers: { authorization } })).status;
  assert.equal(await statusOf(`Bearer ${key}`), 200);
  assert.equal(await statusOf(`bearer  ${key}`), 200);
  const wrong = [
    'Bearer ',
    'Bearer csn_x',
    `Basic ${key}`,
    key,
    `Bearer ${key}x`,
    `Bearer ${key} ${key}`,
    `Bearer ${'x'.repeat(300)}`,
  ];
  for (const header of wrong) assert.equal(await statusOf(header), 401, header);
  const [record] = await service.ports.accounts.list();
  await service.ports.accounts.revoke(record?.id ?? '');
  assert.equal(await statusOf(`Bearer ${key}`), 401);
});

describe('of runs', () => {
  const principal = async (service: Awaited<ReturnType<typeof startService>>, key: string): Promise<Principal> =>
    (await service.ports.accounts.authenticate(key)) ?? assert.fail('no such key');

  test('a key sees its own and its team’s, acts on its own, and hears of no other', async (context) => {
    const service = await startService(context);
    const [mine, colleague, stranger, auditor, approver, admin] = await Promise.all([
      service.key(['author']),
      service.key(['author', 'client']),
      service.key(['author'], 'blue'),
      service.key(['auditor'], 'blue'),
      service.key(['approver'], 'blue'),
      service.key(['admin'], 'blue'),
    ]);
    const { id } = await service.runs.add(await principal(service, mine));
    const visit = async (key: string) => {
      const see = await call(service, 'GET', `/api/v1/runs/${id}`, { key });
      const act = await call(service, 'POST', `/api/v1/runs/${id}/cancel`, { key, json: {} });
      const { body } = await callJson<{ runs: unknown[] }>(service, 'GET', '/api/v1/runs', { key });
      return [see.status, act.status, body.runs.length];
    };
    assert.deepEqual(
      {
        mine: await visit(mine),
        colleague: await visit(colleague),
        stranger: await visit(stranger),
        auditor: await visit(auditor),
        approver: await visit(approver),
        admin: await visit(admin),
      },
      {
        mine: [200, 200, 1],
        colleague: [200, 403, 1],
        stranger: [404, 404, 0],
        auditor: [200, 403, 1],
        approver: [404, 403, 0],
        admin: [200, 200, 1],
      },
    );
  });

  test('what is not there and what is not one’s business are told in the same words', async (context) => {
    const service = await startService(context);
    const { id } = await service.runs.add(await principal(service, await service.key(['author'])));
    const key = await service.key(['author'], 'blue');
    const told = async (run: string) =>
      (await call(service, 'GET', `/api/v1/runs/${run}`, { key })).text.replaceAll(run, 'RUN');
    assert.equal(await told(id), await told('run_00000000000000000000000000'));
  });

  test('contents open only through a run that names them and that one may see', async (context) => {
    const service = await startService(context);
    const key = await service.key(['author']);
    const stranger = await service.key(['author'], 'blue');
    const run = await service.runs.add(await principal(service, key));
    const other = await service.runs.add(await principal(service, stranger));
    await service.runs.append(run.id, 'one');
    await service.runs.append(other.id, 'two');
    const hashOf = async (id: string) => {
      const [event] = await service.ports.journal.read(id, 0, 1);
      return event?.body.type === 'message_received' ? event.body.textHash : '';
    };
    const [one, two] = [await hashOf(run.id), await hashOf(other.id)];
    const read = async (id: string, hash: string) => {
      const { status, text } = await call(service, 'GET', `/api/v1/runs/${id}/contents/${hash}`, { key });
      return status === 200 ? text : status;
    };
    assert.deepEqual(
      [
        await read(run.id, one),
        await read(run.id, encodeURIComponent(one)),
        await read(run.id, two),
        await read(other.id, two),
      ],
      ['one', 'one', 404, 404],
    );
    await service.runs.append(run.id, 'two');
    assert.equal(await read(run.id, two), 'two');
    assert.equal(await read(run.id, 'nothing'), 404);
  });
});

describe('on a unix socket', () => {
  const owner: Principal = { id: 'local', name: 'owner', team: 'local', roles: ['admin', 'author'] };

  test('who comes without a key is the owner of the machine; a key that is given must be good', async (context) => {
    const service = await startService(context, { owner });
    const { status, body } = await callJson<{ keys: unknown[] }>(service, 'GET', '/api/v1/keys');
    assert.deepEqual([status, body], [200, { keys: [] }]);
    assert.equal((await call(service, 'GET', '/api/v1/keys', { key: 'csn_wrong' })).status, 401);
    assert.equal((await call(service, 'GET', '/api/v1/keys', { key: await service.key(['author']) })).status, 403);
    assert.equal((await call(service, 'GET', '/api/v1/keys', { headers: { host: 'evil.example' } })).status, 403);
  });

  test('an application that listens on an address knows no owner, even when it was given one', async (context) => {
    const service = await startService(context, { changes: { localOwner: owner } });
    assert.equal((await call(service, 'GET', '/api/v1/keys')).status, 401);
    // A peer that leaves at once has no address any more when its request is read.
    await exchangeBytes(
      service,
      'POST /api/v1/halt HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    );
    assert.deepEqual(service.runs.words, []);
  });
});
