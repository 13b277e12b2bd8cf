// Shows how a GGUF file is configured, and what each mistake in it is called.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatError } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { makeFolder, refusalOf } from './folder.ts';

test('a GGUF file needs no more than its path: it is served under the name of the file, four answers at a time', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('user.yaml', 'backends:\n  - {name: here, type: llama, model_file: models/nano-4b.gguf}\n');
  const { backends } = await loadConfig(folder.sources());
  assert.deepEqual(backends, [
    {
      name: 'here',
      type: 'llama',
      modelFile: join(folder.path, 'models', 'nano-4b.gguf'),
      slots: 4,
      gpu: false,
      models: ['nano-4b'],
      maxConcurrent: 4,
    },
  ]);
});

test('threads, context, slots, the place of the engine and the name can be set', async (context) => {
  const folder = await makeFolder(context);
  await folder.write(
    'user.yaml',
    'backends:\n  - {name: here, type: llama, model_file: /m/x.gguf, threads: 6, context_tokens: 8192, slots: 2, gpu: true,\n' +
      '     engine_folder: engine, models: [nano], max_concurrent: 9}\n',
  );
  const { backends } = await loadConfig(folder.sources());
  assert.deepEqual(backends, [
    {
      name: 'here',
      type: 'llama',
      modelFile: '/m/x.gguf',
      threads: 6,
      contextTokens: 8192,
      slots: 2,
      gpu: true,
      engineFolder: join(folder.path, 'engine'),
      models: ['nano'],
      maxConcurrent: 9,
    },
  ]);
});

const CASES = [
  ['{name: l, type: llama}', 'backends[0].model_file a backend of type llama needs a model_file: a GGUF file'],
  ['{name: l, type: llama, model_file: x.gguf, url: "http://t"}', 'a backend of type llama has no url'],
  ['{name: l, type: llama, model_file: x.gguf, key: "${KEY}"}', 'a backend of type llama has no key'],
  ['{name: l, type: llama, model_file: x.gguf, script: s}', 'a backend of type llama has no script'],
  ['{name: l, type: llama, model_file: x.gguf, address: "grpc://t:1"}', 'only a backend of type triton has address'],
  ['{name: l, type: llama, model_file: x.gguf, models: [a, b]}', 'a backend of type llama serves one model'],
  ['{name: l, type: llama, model_file: x.gguf, slots: 0}', 'backends[0].slots'],
  ['{name: l, type: llama, model_file: x.gguf, threads: 1.5}', 'backends[0].threads'],
  ['{name: l, type: llama, model_fil: x.gguf}', 'model_file'],
  ['{name: o, type: openai, url: "http://t", model_file: m}', 'only a backend of type llama has model_file'],
  [
    '{name: o, type: openai, url: "http://t", context_tokens: 1}',
    'only a backend of type triton or llama has context_tokens',
  ],
  ['{name: r, type: rehearsal, script: s, slots: 1}', 'only a backend of type llama has slots'],
] as const;

for (const [text, message] of CASES) {
  test(`a mistake has its place and its name: ${text}`, async (context) => {
    const folder = await makeFolder(context);
    await folder.write('user.yaml', `backends:\n  - ${text}\n`);
    const error = await refusalOf(loadConfig(folder.sources()));
    assert.ok(formatError(error).replaceAll(': ', ' ').includes(message.replaceAll(': ', ' ')), formatError(error));
  });
}
