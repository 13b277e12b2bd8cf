// The description of the service is the service: every route is in it, every row is a route, and its examples are answered as it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ROLES } from '../../src/contracts/accounts.ts';
import { documentOf, OPERATIONS } from '../../src/gateway/openapi/document.ts';
import type { Operation } from '../../src/gateway/openapi/operation.ts';
import { call } from './http.ts';
import { mentions, startWithThings } from './openapi-things.ts';
import { startService } from './service.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: { readonly Error: Parameters<typeof z.fromJSONSchema>[0] } };
}

function pathOf({ route }: Operation, { path = {} }: Operation['example']): string {
  return route.replaceAll(/:(\w+)|\*/g, (all, name: string | undefined) => path[name ?? all] ?? all);
}

function bodyOf({ bodyType }: Operation, { body }: Operation['example']) {
  if (body === undefined) return {};
  return typeof body === 'string' ? { body, headers: { 'content-type': bodyType ?? '' } } : { json: body };
}

test('every route of the application is described, and everything described is a route', async (context) => {
  const service = await startService(context);
  for (const { method, route: url } of OPERATIONS)
    assert.ok(service.app.hasRoute({ method: method.toUpperCase(), url }), `${method} ${url} is no route`);
  const found = service.app.printRoutes({ commonPrefix: false }).match(/\b(?:GET|POST|PUT|PATCH|DELETE)\b/g) ?? [];
  assert.equal(found.length, OPERATIONS.length);
});

test('the document is given without a key, is OpenAPI 3.1, and names each operation once', async (context) => {
  const service = await startService(context);
  const { status, text } = await call(service, 'GET', '/openapi.json');
  const document = JSON.parse(text) as Document;
  assert.deepEqual(
    [status, document.openapi, document],
    [200, '3.1.0', JSON.parse(JSON.stringify(documentOf(OPERATIONS)))],
  );
  const names = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  assert.deepEqual([new Set(names).size, names.length], [OPERATIONS.length, OPERATIONS.length]);
});

test('every example is answered with the status and in the form that the document tells', async (context) => {
  const { service, key, real } = await startWithThings(context);
  for (const operation of OPERATIONS) {
    const { method, answer, bodyType, body: schema, example } = operation;
    const name = `${method} ${operation.route}`;
    assert.equal(schema === undefined, example.body === undefined, `${name}: a body and its example come together`);
    if (schema !== undefined && bodyType === undefined) z.fromJSONSchema(schema).parse(example.body);
    const sent = await real(example);
    const given = await call(service, method.toUpperCase(), pathOf(operation, sent), {
      key,
      ...bodyOf(operation, sent),
    });
    const { type = 'application/json' } = answer;
    const isTyped = String(given.headers['content-type']).startsWith(type);
    assert.deepEqual([given.status, isTyped], [answer.status, true], `${name}: ${given.text}`);
    const checked = z
      .fromJSONSchema(answer.schema)
      .safeParse(type === 'application/json' ? JSON.parse(given.text) : given.text);
    assert.ok(checked.success, `${name}: ${String(checked.error)}`);
  }
});

test('an example that names what is not there gets an error in the form that the document tells', async (context) => {
  const { service, key } = await startWithThings(context);
  const error = z.fromJSONSchema((documentOf(OPERATIONS) as Document).components.schemas.Error);
  const told: number[] = [];
  for (const operation of OPERATIONS) {
    if (!mentions(operation.example).some((thing) => thing !== 'backend')) continue;
    const { method, route, example } = operation;
    const answer = await call(service, method.toUpperCase(), pathOf(operation, example), {
      key,
      ...bodyOf(operation, example),
    });
    assert.ok(error.safeParse(JSON.parse(answer.text)).success, `${method} ${route}: ${answer.text}`);
    told.push(answer.status);
  }
  assert.deepEqual(new Set(told), new Set([400, 404]));
});

test('the roles of the document are those that are let in', async (context) => {
  const { service } = await startWithThings(context);
  for (const operation of OPERATIONS) {
    const { method, roles } = operation;
    const path = pathOf(operation, operation.example);
    const visit = async (key: string | undefined) =>
      (await call(service, method.toUpperCase(), path, key === undefined ? {} : { key })).status;
    const name = `${method} ${operation.route}`;
    assert.equal((await visit(undefined)) === 401, roles !== 'everyone', name);
    if (roles === 'everyone') continue;
    const seen: string[] = [];
    for (const role of ROLES) if ((await visit(await service.key([role]))) !== 403) seen.push(role);
    assert.deepEqual(
      seen,
      ROLES.filter((role) => role === 'admin' || roles.includes(role)),
      name,
    );
  }
});

test('a form that does not fit is noticed by the check of this test', () => {
  const chat = OPERATIONS.find(({ route }) => route === '/v1/chat/completions');
  assert.equal(
    z.fromJSONSchema(chat?.answer.schema ?? {}).safeParse({ id: 'x', object: 'other', choices: [] }).success,
    false,
  );
});
