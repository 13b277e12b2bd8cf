// Shows `caisson plan` and `caisson models` as a person runs them: real processes, a real endpoint, real files.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { execa } from 'execa';
import { makeFolder } from '../config/folder.ts';

const ENTRY = join(import.meta.dirname, '..', '..', '..', 'bin', 'caisson');

async function caisson(context: TestContext, words: readonly string[], config = '') {
  const folder = await makeFolder(context);
  const env = {
    CAISSON_CONFIG: await folder.write('caisson.yaml', config),
    CAISSON_DATA_DIR: join(folder.path, 'data'),
    HOME: folder.path,
    PATH: '/usr/bin:/bin',
  };
  const { exitCode, stdout, stderr } = await execa(process.execPath, [ENTRY, ...words], {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  return { exitCode, stdout, stderr };
}

/** Serves these models as vLLM lists them; each says one word. */
async function endpoint(context: TestContext, models: Readonly<Record<string, number>>): Promise<string> {
  const data = Object.entries(models).map(([id, max_model_len]) => ({ id, object: 'model', max_model_len }));
  const chunk = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  const server = createServer(({ method }, response) => {
    if (method === 'GET')
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ object: 'list', data }));
    else
      response
        .setHeader('content-type', 'text/event-stream')
        .end(`${chunk({ role: 'assistant', content: 'yes' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

describe('caisson plan', () => {
  test('prints what fits with its arithmetic and command, and why the rest does not', async (context) => {
    const words = ['plan', '--gpus', '1xH100-80', '--model', 'nemotron-3-nano-30b-a3b', '--sequences', '8'];
    const { exitCode, stdout, stderr } = await caisson(context, words);
    assert.deepEqual([exitCode, stderr], [0, '']);
    const lines = stdout.split('\n');
    assert.deepEqual(lines.slice(0, 6), [
      '1 × H100-80: 80.0 GB in all; FP8, NVFP4 weights only',
      '',
      'fits  nemotron-3-nano-30b-a3b-bf16 on 1 GPU',
      '      needs at least 75.8 GB in all',
      '      on each GPU: weights 63.2 + workspace 1.0 + 8 × (150528 tokens × 6144 bytes of KV + 49.1 MB of state) = 72.0 of 72.0 GB',
      '      8 sequences of 150528 tokens fit at once',
    ]);
    assert.ok(lines.includes('        --max-model-len=150528 \\'), stdout);
    const narrow = await caisson(context, ['plan', '--gpus', 'L4', '--model', 'nemotron-3-nano-30b-a3b-bf16']);
    assert.equal(narrow.stdout.split('\n').at(-1), '      its makers name: one H100 or A100 of 80 GB');
    assert.ok(lines.includes('no    nemotron-3-nano-30b-a3b-q8_0: a GGUF file is for llama.cpp, not for vllm'), stdout);
  });

  test('prints the same for a program, and exits with 1 where nothing fits', async (context) => {
    const words = ['plan', '--gpus', '1xL4', '--model', 'nemotron-3-nano-30b-a3b-fp8', '--json'];
    const { exitCode, stdout } = await caisson(context, words);
    assert.equal(exitCode, 1);
    assert.deepEqual(JSON.parse(stdout), {
      engine: 'vllm',
      gpus: { name: 'L4-24', count: 1, bytes: 24e9, fp8: true, nvfp4: 'none' },
      builds: [
        {
          build: 'nemotron-3-nano-30b-a3b-fp8',
          fits: false,
          minimum: 37_920_000_000,
          reason: 'needs at least 37.9 GB in all; 1 × L4-24, over which one engine can split it, has 24.0 GB',
          makers: 'one card of 48 GB, DGX Spark, Jetson Thor',
        },
      ],
      problems: [],
    });
  });

  const MISTAKES: readonly (readonly [words: string, message: string])[] = [
    ['--gpus 2xH10O', '--gpus 2xH10O: there is no GPU "H10O" in the table; did you mean "H100"?'],
    ['--gpus 0xH100', '--gpus 0xH100: no GPU is left to plan for'],
    ['--gpus H100 --engine vlm', '--engine vlm: give one of vllm, triton, trtllm, nim, llamacpp'],
    ['--gpus H100 --context 0', '--context 0: give a whole number from 1 to 100000000'],
    ['--gpus H100 --context 8k', '--context 8k: give a whole number from 1 to 100000000'],
    ['--gpus H100 --sequences 1e3', '--sequences 1e3: give a whole number from 1 to 100000'],
    ['--gpus H100 --model nemotron', '--model nemotron: no model file knows it'],
    ['--compose', '--compose is for one build'],
  ];
  for (const [words, message] of MISTAKES)
    test(`refuses ${words} as wrong usage`, async (context) => {
      const { exitCode, stdout, stderr } = await caisson(context, ['plan', ...words.split(' ')]);
      assert.deepEqual([exitCode, stdout, stderr.split('\n')[0]], [2, '', `caisson: ${message}`]);
    });

  test('prints the compose file of a build that is split over GPUs, and refuses one that does not fit on them', async (context) => {
    const words = ['plan', '--compose', '--model', 'nemotron-3-super-120b-a12b-bf16', '--gpus'];
    const [four, two] = await Promise.all(['4xH100', '2xH100'].map((gpus) => caisson(context, [...words, gpus])));
    assert.match(four?.stdout ?? '', /--tensor-parallel-size=4\n[\s\S]* {14}count: 4\n/);
    assert.doesNotMatch(four?.stdout ?? '', /count: 1\n|profiles:\n {6}- llamacpp/);
    assert.deepEqual(
      [two?.exitCode, two?.stderr.split('\n')[0]],
      [
        2,
        'caisson: nemotron-3-super-120b-a12b-bf16 on 2xH100: needs at least 289.4 GB in all; ' +
          '2 × H100-80, over which one engine can split it, have 160.0 GB',
      ],
    );
  });

  test('plans with the files of the site, and tells those that are wrong', async (context) => {
    const folder = await makeFolder(context);
    const wrong = await folder.write('models/wrong.yaml', 'model: { name: wrong, size: 7 }\n');
    const words = ['plan', '--gpus', 'H100', '--model', 'nemotron-nano-9b-v2-fp8'];
    const { exitCode, stderr } = await caisson(context, words, `models: { folder: ${join(folder.path, 'models')} }\n`);
    assert.equal(exitCode, 0);
    assert.match(
      stderr,
      new RegExp(`^ {2}${wrong}:1:23 model\\.size: there is no "size" in model; known: name, `, 'm'),
    );
  });
});

describe('caisson models', () => {
  test('lists what is served, and says what is short, silent or loose', async (context) => {
    const url = await endpoint(context, { 'nemotron-3-nano-30b-a3b-fp8': 8192, house: 4096 });
    const config = `backends:
  - { name: gpu, type: openai, url: ${url} }
  - { name: away, type: openai, url: 'http://127.0.0.1:1/v1' }
models:
  aliases: { gpt-5-codex: nemotron-3-nano-30b-a3b-fp8, loose: nothing, house: loose }
`;
    const { exitCode, stdout, stderr } = await caisson(context, ['models'], config);
    assert.deepEqual(stdout.split('\n'), [
      'nemotron-3-nano-30b-a3b-fp8: backend gpu, 8192 tokens, profile nemotron-3-nano-30b-a3b',
      '  also asked for as gpt-5-codex',
      '  the engine takes 8192 tokens of context, and the model file says 262144: longer conversations are refused',
      'house: backend gpu, 4096 tokens, no profile (generic)',
    ]);
    assert.equal(exitCode, 0);
    assert.match(stderr, /^backend away: /m);
    assert.match(stderr, /^models\.aliases\.loose: no backend that answers serves "nothing"$/m);
    assert.match(stderr, /^models\.aliases\.house: the alias hides the model house, which is served$/m);
  });

  test('prints JSON for a program, and exits with 1 where nothing is served', async (context) => {
    const { exitCode, stdout, stderr } = await caisson(context, ['models', '--json']);
    assert.deepEqual(
      [exitCode, JSON.parse(stdout), stderr],
      [1, { models: [], problems: [] }, 'no backend serves a model'],
    );
  });

  const CIRCLE = 'models: { aliases: { a: b, b: a } }\n';
  test('and everything else refuses aliases that go in a circle or hide a declared model', async (context) => {
    const circle = await caisson(context, ['models'], CIRCLE);
    assert.deepEqual([circle.exitCode, circle.stdout], [1, '']);
    assert.match(
      circle.stderr,
      /caisson\.yaml:1:25 models\.aliases\.a: the aliases go in a circle: a → b → a\n {2}\S+caisson\.yaml:1:31 models\.aliases\.b: /,
    );
    const hiding = await caisson(
      context,
      ['models'],
      'backends: [{ name: x, type: openai, url: "http://x/v1", models: [big] }]\nmodels: { aliases: { big: small } }\n',
    );
    assert.match(
      hiding.stderr,
      /models\.aliases\.big: \S+caisson\.yaml:2: the alias hides the model big, which is served/,
    );
  });
});

test('caisson doctor names what is wrong with model files and aliases, and what an engine is short of', async (context) => {
  const folder = await makeFolder(context);
  const wrong = await folder.write('models/wrong.yaml', 'model: { name: [cut\n');
  const url = await endpoint(context, { 'nemotron-nano-9b-v2': 4096 });
  const config = `backends: [{ name: gpu, type: openai, url: ${url} }]
models: { folder: ${join(folder.path, 'models')}, aliases: { codex: nemotron-nano-9b-v2, loose: nothing } }
`;
  const { stdout } = await caisson(context, ['doctor'], config);
  assert.match(stdout, new RegExp(`^FAIL {2}model files: ${wrong}:`, 'm'));
  assert.match(stdout, /^FAIL {2}aliases: models\.aliases\.loose: no backend that answers serves "nothing"$/m);
  assert.match(stdout, /→ Correct models\.aliases, or start the engine that serves the model\.$/m);
  assert.match(
    stdout,
    /^ok {4}backend gpu: serves nemotron-nano-9b-v2: the engine takes 4096 tokens of context, and the model file says 131072: /m,
  );
});

test('caisson serve lists an alias beside its model, and warns once of an engine with less context than the file says', async (context) => {
  const folder = await makeFolder(context);
  const url = await endpoint(context, { 'nemotron-nano-9b-v2': 4096 });
  const config = await folder.write(
    'caisson.yaml',
    `backends: [{ name: gpu, type: openai, url: ${url} }]\nmodels: { aliases: { codex: nemotron-nano-9b-v2 } }\n`,
  );
  const env = {
    CAISSON_CONFIG: config,
    CAISSON_DATA_DIR: join(folder.path, 'data'),
    HOME: folder.path,
    PATH: '/usr/bin:/bin',
  };
  const service = execa(process.execPath, [ENTRY, 'serve', '--port', '0'], {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  context.after(() => service.kill('SIGKILL'));
  const warning = await new Promise<string>((resolve) => {
    service.stderr.on('data', (chunk: Buffer) => {
      const line = chunk
        .toString()
        .split('\n')
        .find((one) => one.includes('"models"'));
      if (line !== undefined) resolve(line);
    });
  });
  assert.deepEqual(
    (JSON.parse(warning) as { readonly remark: string }).remark.split(', and ')[0],
    'model nemotron-nano-9b-v2: the engine takes 4096 tokens of context',
  );
  const listed = await execa('curl', [
    '--silent',
    '--unix-socket',
    join(folder.path, 'data', 'sock', 'caisson.sock'),
    'http://localhost/v1/models',
  ]);
  const { data } = JSON.parse(listed.stdout) as { readonly data: readonly { readonly id: string }[] };
  assert.deepEqual(
    data.map(({ id }) => id),
    ['nemotron-nano-9b-v2', 'codex'],
  );
});
