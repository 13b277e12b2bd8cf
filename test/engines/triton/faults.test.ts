// Shows on a real Triton what its deaths, silences, restrictions and certificates become: never a hang, never a whole answer.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeCertificate, makeFolder } from '../../gateway/certificates.ts';
import { asked, backendAt, completed, patience, seen } from './scenes.ts';
import { startTriton, type Triton, tritonOrWhy } from './server.ts';

const found = await tritonOrWhy();
const skip = typeof found === 'string' ? found : false;
const DIALECTS = ['vllm', 'bls', 'llmapi'] as const;
const LIMITS = { modelSilenceMs: 8000, modelPauseMs: 700 };

describe('a Triton that dies', { skip }, () => {
  let triton: Triton;
  before(async () => {
    if (typeof found !== 'string') triton = await startTriton(found, DIALECTS);
  });
  after(() => triton.stop());

  for (const model of DIALECTS) {
    test(`${model}: a model process that dies says nothing: silence ends the answer, and then the model is known to be dead`, async () => {
      const backend = backendAt(triton.address, { limits: LIMITS });
      const order = { pieces: ['one', 'two'], pause_ms: 50, die: 1 };
      assert.deepEqual(await completed(backend, asked(model, order)), {
        text: 'one',
        rest: [
          {
            type: 'error',
            code: 'backend_failed',
            message: `${triton.address} sent nothing for 700 ms`,
            retryable: true,
          },
        ],
      });
      const dead = (how: string) => ({
        type: 'error',
        code: 'backend_unreachable',
        message: `the model "${model}" at ${triton.address} is dead: ${how}`,
        retryable: true,
        unsent: true,
      });
      const second = await completed(backend, asked(model, {}));
      assert.deepEqual(second, { text: '', rest: [dead('its process ended; load it again in Triton')] });
      const started = performance.now();
      const third = await completed(backend, asked(model, {}));
      assert.deepEqual(third, { text: '', rest: [dead('load it again in Triton')] });
      assert.ok(performance.now() - started < 500, 'a model that is known to be dead is asked all the same');
      assert.match(JSON.stringify(backend.told), /is not healthy/);
      await triton.unload(model);
      await delay(300);
      await triton.load(model);
      assert.equal((await completed(backendAt(triton.address), asked(model, { pieces: ['again'] }))).text, 'again');
    });
  }

  test('a model that hangs before its first word is given up after the longer time', async () => {
    const backend = backendAt(triton.address, { limits: { modelSilenceMs: 1200, modelPauseMs: 300 } });
    const { rest } = await completed(backend, asked('vllm', { pieces: ['never'], hang: 0 }));
    const message = `${triton.address} sent nothing for 1200 ms`;
    assert.deepEqual(rest, [{ type: 'error', code: 'backend_failed', message, retryable: true }]);
  });

  test('a server that is killed in the middle ends every answer at once; then nobody is there, and nothing was sent', async () => {
    const backend = backendAt(triton.address, { limits: { modelConnectMs: 3000 } });
    const health = (model: string) => backendAt(triton.address, { model }).healthy?.(patience());
    assert.deepEqual(
      [await backend.healthy?.(patience()), await health('vllm'), await health('nobody')],
      [true, true, false],
    );
    const order = { pieces: ['word '], times: 500, pause_ms: 20 };
    const running = DIALECTS.map((model) => completed(backend, asked(model, order)));
    for (const model of DIALECTS) await seen(triton, model, 'began');
    await delay(400);
    triton.kill();
    for (const { text, rest } of await Promise.all(running)) {
      assert.match(text, /^(?:word )+$/);
      const message = `the connection to ${triton.address} was lost in the middle of the answer`;
      assert.deepEqual(rest, [{ type: 'error', code: 'backend_failed', message, retryable: true }]);
    }
    const { rest } = await completed(backend, asked('vllm', {}));
    assert.deepEqual(rest, [
      {
        type: 'error',
        code: 'backend_unreachable',
        message: `${triton.address} cannot be reached: nothing listens there`,
        retryable: true,
        unsent: true,
      },
    ]);
    assert.deepEqual([await backend.healthy?.(patience()), await health('vllm')], [false, false]);
  });
});

test(
  'a Triton behind TLS with a restricted protocol is reached with its authority and its key only',
  { skip },
  async (t) => {
    if (typeof found === 'string') return;
    const { cert, key } = await makeCertificate(await makeFolder(t), 'localhost');
    const triton = await startTriton(
      found,
      ['vllm'],
      [
        '--grpc-use-ssl=true',
        `--grpc-server-cert=${cert}`,
        `--grpc-server-key=${key}`,
        '--grpc-restricted-protocol=inference,metadata,model-config,model-repository:door=open-sesame',
      ],
    );
    try {
      const address = `grpcs://localhost:${triton.port}`;
      const ca = await readFile(cert, 'utf8');
      const right = { ca, key: { name: 'door', value: 'open-sesame' } };
      const order = asked('vllm', { pieces: ['let ', 'in'] });
      assert.equal((await completed(backendAt(address, right), order)).text, 'let in');
      const restricted = `${address} is restricted: the backend's key or key_name is missing or wrong`;
      const refused = { type: 'error', code: 'backend_failed', message: restricted, retryable: false };
      for (const wrong of [
        { ca },
        { ca, key: { name: 'door', value: 'shut' } },
        { ca, key: { name: 'gate', value: 'open-sesame' } },
      ])
        assert.deepEqual((await completed(backendAt(address, wrong), order)).rest, [refused]);
      const away = (where: string, why: string) => ({
        type: 'error',
        code: 'backend_unreachable',
        message: `${where} cannot be reached: ${why}`,
        retryable: true,
        unsent: true,
      });
      const untrusted =
        'its certificate is not trusted: give its authority as ca of the backend, and the name that the certificate has';
      const { key: door } = right;
      assert.deepEqual((await completed(backendAt(address, { key: door }), order)).rest, [away(address, untrusted)]);
      const plain = `grpc://localhost:${triton.port}`;
      const seenPlain = (await completed(backendAt(plain, { key: door }), order)).rest;
      assert.deepEqual(
        seenPlain.map((event) => event.type === 'error' && event.code),
        ['backend_unreachable'],
      );
      assert.doesNotMatch(JSON.stringify(seenPlain), /open-sesame/);
    } finally {
      await triton.stop();
    }
  },
);
