// Shows that a secret is read only when it is needed, and that nothing prints it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { format, inspect } from 'node:util';
import { withEndpoint, withGguf, withScript } from '../../../src/config/endpoint.ts';
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts';
import { resolveSecret, secretGiven } from '../../../src/config/secret.ts';
import { showConfig } from '../../../src/config/show.ts';
import { makeFolder, refusalOf } from './folder.ts';

const SECRET = 'hunter2-hunter2';

const yaml = (key: string) =>
  `backends:\n  - name: vllm\n    type: openai\n    url: http://vllm:8000/v1\n    key: ${key}\n`;

function keyOf({ backends }: LoadedConfig) {
  const [backend] = backends;
  if (backend?.type !== 'openai' || backend.key === undefined) throw new Error('there is no key');
  return backend.key;
}

describe('a secret is found', () => {
  const places: readonly [string, string, NodeJS.ProcessEnv][] = [
    ['in a variable', '${VLLM_KEY}', { VLLM_KEY: SECRET }],
    ['in the file that a variable names', '${VLLM_KEY}', { VLLM_KEY_FILE: 'FOLDER/key' }],
    ['in a file beside the configuration', 'file:key', {}],
    ['in a file, written as a section', '{file: ./key}', {}],
  ];
  for (const [name, key, env] of places)
    test(name, async (context) => {
      const folder = await makeFolder(context);
      await folder.write('key', `${SECRET}\n`);
      await folder.write('user.yaml', yaml(key));
      const there = Object.entries(env).map(([name, value]) => [name, value?.replace('FOLDER', folder.path)]);
      const config = await loadConfig(folder.sources({ env: Object.fromEntries(there) }));
      assert.equal(await resolveSecret(keyOf(config)), SECRET);
      assert.equal(keyOf(config).isSet(), true);
    });
});

test('a secret that is not there does not hinder the start; it is named when it is needed', async (context) => {
  const folder = await makeFolder(context);
  const resolve = async (key: string, env: NodeJS.ProcessEnv = {}) => {
    await folder.write('user.yaml', yaml(key));
    const ref = keyOf(await loadConfig(folder.sources({ env })));
    const { code, message } = await refusalOf(resolveSecret(ref));
    return [code, message];
  };
  await folder.write('empty', '\n');
  await folder.write('two', 'one\ntwo\n');
  await folder.write('long', 'x'.repeat(20_000));
  const path = (name: string) => join(folder.path, name);
  assert.deepEqual(
    [
      await resolve('${VLLM_KEY}'),
      await resolve('${VLLM_KEY}', { VLLM_KEY: '' }),
      await resolve('file:missing'),
      await resolve('file:empty'),
      await resolve('file:two'),
      await resolve('file:long'),
      await resolve('file:.'),
    ],
    [
      ['secret_unresolved', 'the secret ${VLLM_KEY} is not set'],
      ['secret_unresolved', 'the secret ${VLLM_KEY} is empty'],
      ['secret_unresolved', `the secret file:${path('missing')} is not set`],
      ['secret_unresolved', `the secret file:${path('empty')} is empty`],
      ['secret_unresolved', `the secret file:${path('two')} holds a line break or a character that no key has`],
      ['secret_unresolved', `the secret file:${path('long')} has more than 16384 characters`],
      ['secret_unresolved', `the secret file ${folder.path} cannot be read (EISDIR)`],
    ],
  );
});

test('no way of printing a reference prints the secret', () => {
  const ref = secretGiven(SECRET, '--key');
  const printed = [
    String(ref),
    JSON.stringify({ ref }),
    inspect({ ref }, { depth: 9, showHidden: true }),
    format('%s %j %o', ref, ref, ref),
    JSON.stringify(Object.entries(ref)),
  ];
  for (const text of printed) assert.doesNotMatch(text, /hunter2/);
  assert.equal(printed[0], 'given by --key');
});

describe('showConfig', () => {
  test('prints values and origins, and of a secret only whether it is set', async (context) => {
    const folder = await makeFolder(context);
    const file = await folder.write('user.yaml', `${yaml('${VLLM_KEY}')}    models: [nemotron, "a: b"]\n`);
    const env = { VLLM_KEY: SECRET, CAISSON_SERVER_PORT: '9000' };
    const shown = showConfig(await loadConfig(folder.sources({ env })), { origin: true });
    const lines = shown.split('\n').map((line) => line.replace(/ +# /, ' # '));
    assert.doesNotMatch(shown, /hunter2/);
    assert.deepEqual(lines.slice(1, 13), [
      'server:',
      '  host: "127.0.0.1" # default',
      '  port: 9000 # env CAISSON_SERVER_PORT',
      '  allowed_hosts: [localhost, "127.0.0.1", "::1"] # default',
      '  socket: true # default',
      '  single_user: true # default',
      'backends:',
      `  - name: vllm # ${file}:2`,
      `    type: openai # ${file}:3`,
      `    url: http://vllm:8000/v1 # ${file}:4`,
      `    key: \${VLLM_KEY} # set, ${file}:5`,
      `    models: [nemotron, "a: b"] # ${file}:6`,
    ]);
  });

  test('says when a secret is not set', async (context) => {
    const folder = await makeFolder(context);
    await folder.write('user.yaml', yaml('file:missing'));
    const shown = showConfig(await loadConfig(folder.sources()), { origin: false });
    assert.match(shown, /key: file:\/.*\/missing +# not set\n/);
    assert.doesNotMatch(shown, /default/);
  });

  test('prints what can be read again as the same configuration', async (context) => {
    const folder = await makeFolder(context);
    const checks = 'checks: [{name: "a: b", run: "x # \\u001b[31m"}]\nmodel: "true"\n';
    await folder.write('user.yaml', `${yaml('${VLLM_KEY}')}${checks}`);
    const first = await loadConfig(folder.sources());
    const shown = showConfig(first, { origin: true });
    const explicitFile = await folder.write('again.yaml', shown);
    const second = await loadConfig(folder.sources({ explicitFile }));
    const bare = ({ origins: _origins, files: _files, ...rest }: LoadedConfig) => JSON.parse(JSON.stringify(rest));
    assert.deepEqual(bare(second), bare(first));
    assert.ok(!shown.includes('\u001b'));
  });
});

describe('a backend from the command line', () => {
  test('is the only one, with the key as a reference and flags as origins', async (context) => {
    const folder = await makeFolder(context);
    await folder.write('user.yaml', `${yaml('${VLLM_KEY}')}model: old\n`);
    const config = await loadConfig(folder.sources());
    const changed = withEndpoint(config, { url: 'http://h:1/v1', model: 'new', key: SECRET });
    assert.deepEqual(JSON.parse(JSON.stringify({ backends: changed.backends, model: changed.model })), {
      backends: [{ name: 'endpoint', type: 'openai', url: 'http://h:1/v1', key: 'given by --key', models: ['new'] }],
      model: 'new',
    });
    assert.equal(await resolveSecret(keyOf(changed)), SECRET);
    assert.deepEqual(Object.fromEntries(changed.origins), {
      backends: '--endpoint',
      'backends[0].name': '--endpoint',
      'backends[0].type': '--endpoint',
      'backends[0].url': '--endpoint',
      'backends[0].key': '--key',
      'backends[0].models': '--endpoint',
      model: '--model',
    });
    assert.doesNotMatch(showConfig(changed, { origin: true }), /hunter2/);
  });

  test('is refused when it is no address', async (context) => {
    const folder = await makeFolder(context);
    const config = await loadConfig(folder.sources());
    const refusal = await refusalOf((async () => withEndpoint(config, { url: 'host:8000' }))());
    assert.deepEqual(
      [refusal.code, refusal.message],
      ['config_invalid', '--endpoint: expected an address that begins with http:// or https://'],
    );
  });

  test('may be a GGUF file, under its own name or the one that is given', async (context) => {
    const folder = await makeFolder(context);
    const config = await loadConfig(folder.sources());
    const backend = (name: string) => ({
      name: 'gguf',
      type: 'llama',
      modelFile: '/models/Tiny-Q4_0.gguf',
      slots: 1,
      gpu: false,
      models: [name],
      maxConcurrent: 1,
    });
    const own = withGguf(config, { file: '/models/Tiny-Q4_0.gguf' });
    const named = withGguf(config, { file: '/models/Tiny-Q4_0.gguf', model: 'tiny' });
    assert.deepEqual(
      [own.backends, own.model, own.origins.get('model')],
      [[backend('Tiny-Q4_0')], 'Tiny-Q4_0', '--gguf'],
    );
    assert.deepEqual([named.backends, named.model, named.origins.get('model')], [[backend('tiny')], 'tiny', '--model']);
  });

  test('may be a recorded conversation', async (context) => {
    const folder = await makeFolder(context);
    const { backends, model } = withScript(await loadConfig(folder.sources()), { file: '/tapes/one.yaml' });
    assert.deepEqual(
      { backends, model },
      { backends: [{ name: 'rehearsal', type: 'rehearsal', script: '/tapes/one.yaml', models: [] }], model: '' },
    );
  });
});
