// Shows how the models of an endpoint are learnt, and what is thrown when they cannot be.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reportOf } from '../../../../src/base/errors.ts';
import type { Backend } from '../../../../src/contracts/ports.ts';
import { patient } from '../events.ts';
import { backendAt, closedAddress, sendJson, startEndpoint } from './scripted-endpoint.ts';

async function refusalOf(backend: Backend, signal = patient()): Promise<{ code: string; message: string }> {
  try {
    await backend.models(signal);
  } catch (error) {
    const { code, message } = reportOf(error);
    return { code, message };
  }
  return assert.fail('it was not refused');
}

describe('the models of an endpoint', () => {
  test('come with the length of their context, where the engine tells it', async (t) => {
    const data = [
      { id: 'nano', object: 'model', root: '/models/nano', max_model_len: 262_144 },
      { id: 'tiny', object: 'model', max_model_len: null },
      { id: 'odd', max_model_len: 'many' },
    ];
    const endpoint = await startEndpoint(t, (response) => sendJson(response, 200, { object: 'list', data }));
    assert.deepEqual(await backendAt(endpoint.url, { key: 'k' }).models(patient()), [
      { id: 'nano', backend: 'engine', contextTokens: 262_144 },
      { id: 'tiny', backend: 'engine' },
      { id: 'odd', backend: 'engine' },
    ]);
    const [{ method, path, headers } = assert.fail()] = endpoint.asked;
    assert.deepEqual([method, path, headers.authorization], ['GET', '/v1/models', 'Bearer k']);
  });

  test('are not asked for where the configuration names them', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendJson(response, 500, {}));
    const backend = backendAt(endpoint.url, { models: ['a', 'b'] });
    assert.deepEqual(await backend.models(patient()), [
      { id: 'a', backend: 'engine' },
      { id: 'b', backend: 'engine' },
    ]);
    assert.deepEqual([backend.declared, endpoint.asked.length], [['a', 'b'], 0]);
    assert.equal(backendAt(endpoint.url).declared, undefined);
  });

  test('of an endpoint that is down: unreachable', async () => {
    const url = await closedAddress();
    assert.deepEqual(await refusalOf(backendAt(url)), {
      code: 'backend_unreachable',
      message: `${url} cannot be reached: ECONNREFUSED: connect ECONNREFUSED ${new URL(url).host}`,
    });
  });

  test('of an endpoint that refuses the key: failed, and the key is not told', async (t) => {
    const endpoint = await startEndpoint(t, (response) =>
      sendJson(response, 401, { error: 'no such key: sk-secret-1' }),
    );
    assert.deepEqual(await refusalOf(backendAt(endpoint.url, { key: 'sk-secret-1' })), {
      code: 'backend_failed',
      message: `the endpoint refuses the key (status 401 from ${endpoint.url}): no such key: [key]`,
    });
  });

  test('of what is no such endpoint: garbage', async (t) => {
    const endpoint = await startEndpoint(t, (response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sk-secret-1</html>');
    });
    assert.deepEqual(await refusalOf(backendAt(endpoint.url, { key: 'sk-secret-1' })), {
      code: 'backend_garbage',
      message: `${endpoint.url} did not answer with a list of models (text/html); it sent: <html>[key]</html>`,
    });
  });

  test('of an endpoint that answers with other JSON, or with nothing: garbage', async (t) => {
    for (const body of ['{}', '{"data":3}', '{"data":[{"name":"x"}]}', '[]', 'null', '']) {
      const endpoint = await startEndpoint(t, (response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      });
      assert.deepEqual(await refusalOf(backendAt(endpoint.url)), {
        code: 'backend_garbage',
        message: `${endpoint.url} did not answer with a list of models (application/json); it sent: ${body || 'nothing'}`,
      });
    }
  });

  test('of an endpoint that never answers: unreachable, by its own deadline and by the asker’s', async (t) => {
    const endpoint = await startEndpoint(t, () => {});
    const late = {
      code: 'backend_unreachable',
      message: `engine: ${endpoint.url} did not say in time what it serves`,
    };
    assert.deepEqual(await refusalOf(backendAt(endpoint.url, { limits: { modelConnectMs: 100 } })), late);
    assert.deepEqual(await refusalOf(backendAt(endpoint.url), AbortSignal.timeout(100)), late);
  });
});
