// Shows how a Triton is configured, and what each mistake in it is called.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatError } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { makeFolder, refusalOf } from './folder.ts';

test('a Triton has an address, the folder of its model, its authority and the key of a restricted protocol', async (context) => {
  const folder = await makeFolder(context);
  await folder.write(
    'user.yaml',
    'backends:\n  - {name: t, type: triton, address: "grpcs://t:8001", model: bls, model_folder: weights, ca: ca.pem,\n' +
      '     key: "${DOOR}", key_name: door, context_tokens: 4096}\n',
  );
  const { backends } = await loadConfig(folder.sources({ env: { DOOR: 'open' } }));
  const [backend] = backends;
  assert.ok(backend?.type === 'triton');
  const { key, ...rest } = backend;
  assert.equal(String(key), '${DOOR}');
  assert.deepEqual(rest, {
    name: 't',
    type: 'triton',
    address: 'grpcs://t:8001',
    keyName: 'door',
    ca: join(folder.path, 'ca.pem'),
    model: 'bls',
    modelFolder: join(folder.path, 'weights'),
    contextTokens: 4096,
    models: ['bls'],
  });
});

const CASES = [
  ['{name: t, type: triton}', 'backends[0].address a backend of type triton needs an address: grpc://host:8001'],
  ['{name: t, type: triton, address: "http://t:8000"}', 'expected an address such as grpc://host:8001'],
  ['{name: t, type: triton, address: "grpc://u:p@t:8001"}', 'expected an address such as grpc://host:8001'],
  ['{name: t, type: triton, address: "grpc://t:8001", url: "http://t"}', 'a backend of type triton has no url'],
  ['{name: t, type: openai, url: "http://t", model: m}', 'only a backend of type triton has model'],
  ['{name: t, type: triton, address: "grpc://t:8001", key_name: k}', 'a restricted Triton needs key and key_name'],
  ['{name: t, type: triton, address: "grpc://t:8001", ca: c}', 'a ca is for a url that begins with https://'],
] as const;

for (const [text, message] of CASES) {
  test(`a mistake has its place and its name: ${text}`, async (context) => {
    const folder = await makeFolder(context);
    await folder.write('user.yaml', `backends:\n  - ${text}\n`);
    const error = await refusalOf(loadConfig(folder.sources()));
    assert.ok(formatError(error).replaceAll(': ', ' ').includes(message.replaceAll(': ', ' ')), formatError(error));
  });
}
