// Which models a key is shown, in both dialects: those that it may use, and no trace of the others.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { callJson } from './http.ts';
import { startService } from './service.ts';

const MODELS = ['org/large', 'org/small', 'other'].map((id) => ({ id, backend: 'engine' }));
const ANTHROPIC = { 'anthropic-version': '2023-06-01' };
type List = { readonly data: readonly { readonly id: string }[]; readonly has_more?: boolean };

async function start(context: TestContext, models?: readonly string[]) {
  const service = await startService(context, { models: MODELS });
  const limits = models === undefined ? {} : { limits: { models } };
  const { key } = await service.ports.accounts.create({ name: 'k', team: 't', roles: ['client'], ...limits });
  return { service, key };
}

describe('the list has only what the key may use', () => {
  const cases: readonly (readonly [name: string, models: readonly string[] | undefined, shown: readonly string[]])[] = [
    ['everything without a limit', undefined, ['org/large', 'org/small', 'other']],
    ['one by its name', ['other'], ['other']],
    ['all that begin so', ['org/*'], ['org/large', 'org/small']],
    ['nothing where no such model is served', ['gone'], []],
  ];
  for (const [name, models, shown] of cases)
    test(name, async (context) => {
      const { service, key } = await start(context, models);
      for (const headers of [{}, ANTHROPIC]) {
        const { status, body } = await callJson<List>(service, 'GET', '/v1/models', { key, headers });
        assert.deepEqual([status, body.data.map(({ id }) => id)], [200, shown]);
      }
    });
});

test('a page of the other dialect counts only what the key may use', async (context) => {
  const { service, key } = await start(context, ['org/*']);
  const page = async (query: string) => {
    const { body } = await callJson<List>(service, 'GET', `/v1/models?limit=1${query}`, { key, headers: ANTHROPIC });
    return { ids: body.data.map(({ id }) => id), more: body.has_more };
  };
  assert.deepEqual(
    [await page(''), await page('&after_id=org/large')],
    [
      { ids: ['org/large'], more: true },
      { ids: ['org/small'], more: false },
    ],
  );
});

test('a model that the key may not use is not there, in the same words as one that nobody serves', async (context) => {
  const { service, key } = await start(context, ['org/*']);
  for (const headers of [{}, ANTHROPIC]) {
    const ask = async (name: string) => {
      const { status, body } = await callJson<object>(service, 'GET', `/v1/models/${name}`, { key, headers });
      return {
        status,
        text: JSON.stringify(body)
          .replaceAll(name, 'NAME')
          .replaceAll(/req_\w+/g, 'REQ'),
      };
    };
    const [known, foreign, missing] = [await ask('org/small'), await ask('other'), await ask('missing')];
    assert.deepEqual([known.status, foreign.status], [200, 404]);
    assert.deepEqual(foreign, missing);
  }
});
