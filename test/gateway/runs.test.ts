// Shows the routes around runs: a bundle comes in, a run is made of it, and words go to it and back.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CaissonError } from '../../src/base/errors.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { RunRecord } from '../../src/contracts/runs.ts';
import { call, callJson } from './http.ts';
import { type Service, startService, type Wishes } from './service.ts';
import { DENIED, REQUEST } from './stand-in-runs.ts';

const BUNDLE = Buffer.concat([Buffer.from('# v2 git bundle\n'), Buffer.alloc(300_000, 7)]);
const OCTETS = { 'content-type': 'application/octet-stream' };

interface Upload {
  readonly bundle: string;
  readonly sha256: string;
  readonly bytes: number;
}

interface Refused {
  readonly error: { readonly code: string; readonly message: string; readonly place?: { readonly field: string } };
}

async function start(context: Parameters<typeof startService>[0], wishes: Wishes = {}) {
  const service = await startService(context, wishes);
  return { service, key: await service.key(['author']) };
}

function upload(service: Service, key: string, body: Buffer = BUNDLE) {
  return callJson<Upload & Refused>(service, 'POST', '/api/v1/bundles', { key, headers: OCTETS, body });
}

async function makeRun(service: Service, key: string): Promise<RunRecord> {
  const { bundle } = (await upload(service, key)).body;
  return (await callJson<RunRecord>(service, 'POST', '/api/v1/runs', { key, json: { ...REQUEST, bundle } })).body;
}

const filesOf = (service: Service) => readdir(join(service.folder, 'uploads'));

describe('a bundle', () => {
  test('lies on the disk as it came, readable for the service only, with its hash in the answer', async (context) => {
    const { service, key } = await start(context);
    const { status, body } = await upload(service, key);
    const [name = ''] = await filesOf(service);
    assert.deepEqual(
      [status, body.bytes, body.sha256],
      [201, BUNDLE.length, `sha256:${createHash('sha256').update(BUNDLE).digest('hex')}`],
    );
    assert.ok(name.startsWith(`${body.bundle}.key_`));
    assert.ok((await readFile(join(service.folder, 'uploads', name))).equals(BUNDLE));
  });

  test('that is no bundle, or nothing at all, is refused and leaves no file', async (context) => {
    const { service, key } = await start(context);
    for (const body of ['# v2 git', 'PK\u0003\u0004 something long enough', '']) {
      const answer = await upload(service, key, Buffer.from(body));
      assert.deepEqual([answer.status, answer.body.error.code], [400, 'bundle_invalid']);
    }
    assert.deepEqual(await filesOf(service), []);
  });

  test('that is too large is refused by its announced length before a byte of it is read', async (context) => {
    const { service, key } = await start(context, { changes: { limits: { ...LIMITS, bundleBytes: 1000 } } });
    const request = httpRequest({
      port: service.port,
      method: 'POST',
      path: '/api/v1/bundles',
      headers: { ...OCTETS, authorization: `Bearer ${key}`, 'content-length': 2000 },
    });
    request.on('error', () => {});
    request.flushHeaders();
    const [answer] = await once(request, 'response');
    assert.equal(answer.statusCode, 413);
    assert.equal(answer.headers.connection, 'close');
    request.destroy();
  });

  test('that turns out too large is cut there and leaves no file', async (context) => {
    const { service, key } = await start(context, { changes: { limits: { ...LIMITS, bundleBytes: 100_000 } } });
    const request = httpRequest({
      port: service.port,
      method: 'POST',
      path: '/api/v1/bundles',
      headers: { ...OCTETS, authorization: `Bearer ${key}`, 'transfer-encoding': 'chunked' },
    });
    request.on('error', () => {});
    request.write(BUNDLE);
    const [answer] = await once(request, 'response');
    assert.equal(answer.statusCode, 413);
    request.destroy();
    assert.deepEqual(await filesOf(service), []);
  });

  test('whose sender leaves in the middle leaves no file', async (context) => {
    const { service, key } = await start(context);
    const request = httpRequest({
      port: service.port,
      method: 'POST',
      path: '/api/v1/bundles',
      headers: { ...OCTETS, authorization: `Bearer ${key}`, 'content-length': BUNDLE.length * 2 },
    });
    request.on('error', () => {});
    request.write(BUNDLE);
    while ((await filesOf(service)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    request.destroy();
    while ((await filesOf(service)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('sent as JSON is refused with 415', async (context) => {
    const { service, key } = await start(context);
    const { status } = await call(service, 'POST', '/api/v1/bundles', { key, json: {} });
    assert.equal(status, 415);
  });

  test('that nobody made a run of is removed after an hour, a younger one is not', async (context) => {
    const { service, key } = await start(context);
    const old = join(service.folder, 'uploads', 'old');
    const young = join(service.folder, 'uploads', 'young');
    await Promise.all([writeFile(old, ''), writeFile(young, '')]);
    const before = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    await Promise.all([utimes(old, before(61), before(61)), utimes(young, before(59), before(59))]);
    const { body } = await upload(service, key);
    const names = (await filesOf(service)).map((name) => name.split('.')[0]);
    assert.deepEqual(new Set(names), new Set([body.bundle, 'young']));
  });
});

describe('a run', () => {
  test('is made of an upload and a request, belongs to the key, and is found again', async (context) => {
    const { service, key } = await start(context);
    const { bundle } = (await upload(service, key)).body;
    const json = { ...REQUEST, checks: [{ name: 'test', run: 'npm test' }], bundle };
    const made = await callJson<RunRecord>(service, 'POST', '/api/v1/runs', { key, json });
    assert.equal(made.status, 201);
    const { bundle: _bundle, ...request } = json;
    const [word] = service.runs.words;
    assert.deepEqual([word?.[0], word?.[1], word?.[3]], ['create', request, 'red author']);
    assert.deepEqual(await filesOf(service), []);
    const { body } = await callJson<RunRecord>(service, 'GET', `/api/v1/runs/${made.body.id}`, { key });
    assert.deepEqual(body, made.body);
    assert.deepEqual([body.task, body.team, body.state], ['mend it', 'red', 'running']);
  });

  test('is not made of a foreign, unknown or cunning upload, nor of a bad request', async (context) => {
    const { service, key } = await start(context);
    const colleague = await service.key(['author', 'client']);
    const { bundle } = (await upload(service, colleague)).body;
    const told = async (changes: object) => {
      const json = { ...REQUEST, bundle, ...changes };
      const { status, body } = await callJson<Refused>(service, 'POST', '/api/v1/runs', { key, json });
      return [status, body.error.code, body.error.place?.field];
    };
    assert.deepEqual((await told({ bundle: '../../etc/passwd' })).slice(0, 2), [400, 'invalid_input']);
    assert.deepEqual(await told({ task: '' }), [400, 'invalid_input', 'task']);
    assert.deepEqual(await told({ task: 'ü'.repeat(LIMITS.taskBytes / 2 + 1) }), [400, 'invalid_input', 'task']);
    assert.deepEqual(await told({ owner: 'someone' }), [400, 'invalid_input', undefined]);
    assert.deepEqual(await told({ publish: { ref: 'refs/tags/x', remote: 'local' } }), [
      400,
      'invalid_input',
      'publish.ref',
    ]);
    assert.deepEqual(await told({}), [400, 'invalid_input', 'bundle']);
    assert.equal(service.runs.words.length, 0);
    assert.equal((await filesOf(service)).length, 1);
  });

  test('is made once of an upload, however many ask at once; an upload whose run was refused can be used again', async (context) => {
    const { service, key } = await start(context);
    const { bundle } = (await upload(service, key)).body;
    const create = service.runs.create.bind(service.runs);
    const make = async () =>
      (await call(service, 'POST', '/api/v1/runs', { key, json: { ...REQUEST, bundle } })).status;
    service.runs.create = () => Promise.reject(new CaissonError('halted', 'Caisson is halted'));
    assert.equal(await make(), 503);
    service.runs.create = create;
    const statuses = await Promise.all([make(), make(), make()]);
    assert.deepEqual(
      statuses.toSorted((left, right) => left - right),
      [201, 400, 400],
    );
    assert.equal(service.runs.words.length, 1);
  });

  test('is listed newest first, by pages, and only the own ones on wish', async (context) => {
    const { service, key } = await start(context);
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.unshift((await makeRun(service, key)).id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await makeRun(service, await service.key(['author', 'client']));
    const list = async (query: string) => {
      const { body } = await callJson<{ runs: RunRecord[] }>(service, 'GET', `/api/v1/runs?${query}`, { key });
      return body.runs.map(({ id }) => id);
    };
    assert.deepEqual(await list('mine=true&limit=2'), ids.slice(0, 2));
    assert.deepEqual(await list(`mine=true&before=${ids[1]}`), ids.slice(2));
    assert.equal((await list('')).length, 4);
    assert.equal((await call(service, 'GET', '/api/v1/runs?limit=0', { key })).status, 400);
    assert.equal((await call(service, 'GET', '/api/v1/runs?limit=201', { key })).status, 400);
  });

  test('takes words, is cancelled, and is applied in two steps, each in the name of the key', async (context) => {
    const { service, key } = await start(context);
    const { id } = await makeRun(service, key);
    const post = (word: string, json: object) =>
      callJson<object>(service, 'POST', `/api/v1/runs/${id}/${word}`, { key, json });
    const wish = { ref: 'refs/heads/x', remote: 'local' };
    const result = { ok: true, ref: 'refs/heads/x', commit: 'c', base: 'b' };
    assert.equal((await post('message', { text: 'faster' })).status, 202);
    assert.equal((await post('cancel', {})).status, 200);
    assert.deepEqual((await post('apply', wish)).body, { state: 'denied', decision: DENIED, note: 'no' });
    assert.equal((await post('applied', result)).status, 200);
    assert.deepEqual(service.runs.words.slice(1), [
      ['message', id, 'faster', 'red author'],
      ['cancel', id, 'red author'],
      ['apply', id, wish, 'red author'],
      ['applied', id, result],
    ]);
    for (const [word, json] of [
      ['message', { text: '' }],
      ['apply', { ...wish, ref: 'refs/heads/a b' }],
      ['apply', { ...wish, more: 1 }],
      ['applied', { ok: true, ref: 'refs/heads/x' }],
    ] as const)
      assert.equal((await post(word, json)).status, 400, word);
    assert.equal(service.runs.words.length, 5);
  });

  test('gives its diff as it is, its checks as a list, and says when there is no patch', async (context) => {
    const { service, key } = await start(context);
    const { id } = await makeRun(service, key);
    const none = await callJson<Refused>(service, 'GET', `/api/v1/runs/${id}/diff`, { key });
    assert.deepEqual([none.status, none.body.error.code], [409, 'run_without_patch']);
    service.runs.patchText = '--- a/ü\n+++ b/ü\n';
    const diff = await call(service, 'GET', `/api/v1/runs/${id}/diff`, { key });
    assert.deepEqual([diff.text, diff.headers['content-type']], ['--- a/ü\n+++ b/ü\n', 'text/x-diff; charset=utf-8']);
    const { body } = await callJson<object>(service, 'GET', `/api/v1/runs/${id}/checks`, { key });
    assert.deepEqual(body, { checks: await service.runs.checks(id) });
  });
});
