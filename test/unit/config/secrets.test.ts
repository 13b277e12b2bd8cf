// The section of secrets that a proxy puts in: what it gives, what is refused with its place, and that nothing prints a value.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatError } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { resolveSecret } from '../../../src/config/secret.ts';
import { showConfig } from '../../../src/config/show.ts';
import { makeFolder, refusalOf } from './folder.ts';

const VALUE = 'npm_the-value-that-nobody-sees';

test('a secret is bound to its host and header, over TLS; lists and single words are the same', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('token', `${VALUE}\n`);
  await folder.write(
    'user.yaml',
    [
      'secrets:',
      '  NPM_TOKEN: {value: "${NPM_TOKEN}", host: registry.example.com, header: Authorization}',
      '  SITE_KEY:',
      '    value: file:token',
      '    host: [api.example.com, "*.api.example.com"]',
      '    header: x-api-key',
      '    scheme: [http, https]',
      '    method: GET',
      '    path: [/v1/**, /health]',
      '',
    ].join('\n'),
  );
  const { secrets } = await loadConfig(folder.sources({ env: { NPM_TOKEN: VALUE } }));
  const values = await Promise.all(Object.values(secrets).map(({ value }) => resolveSecret(value)));
  assert.deepEqual(values, [VALUE, VALUE]);
  assert.deepEqual(JSON.parse(JSON.stringify(secrets)), {
    NPM_TOKEN: { value: '${NPM_TOKEN}', host: ['registry.example.com'], header: 'authorization', scheme: ['https'] },
    SITE_KEY: {
      value: `file:${join(folder.path, 'token')}`,
      host: ['api.example.com', '*.api.example.com'],
      header: 'x-api-key',
      scheme: ['http', 'https'],
      method: ['GET'],
      path: ['/v1/**', '/health'],
    },
  });
});

test('a printed configuration names the places of secrets and holds no value', async (context) => {
  const folder = await makeFolder(context);
  const file = await folder.write(
    'user.yaml',
    'secrets:\n  NPM_TOKEN:\n    value: ${NPM_TOKEN}\n    host: registry.example.com\n    header: authorization\n',
  );
  const text = showConfig(await loadConfig(folder.sources({ env: { NPM_TOKEN: VALUE } })), { origin: true });
  const lines = text.split('\n').filter((line) => /secrets|NPM_TOKEN|registry|authorization|scheme/.test(line));
  assert.deepEqual(
    lines.map((line) => line.replaceAll(/ {2,}#/g, ' #')),
    [
      'secrets:',
      '  NPM_TOKEN:',
      `    value: \${NPM_TOKEN} # set, ${file}:3`,
      `    host: [registry.example.com] # ${file}:4`,
      `    header: authorization # ${file}:5`,
      '    scheme: [https] # default',
    ],
  );
  assert.equal(text.includes(VALUE), false);
});

describe('refused with its place', () => {
  const good = { value: '${T}', host: 'a.example.com', header: 'authorization' };
  const mistakes: readonly (readonly [name: string, section: object, field: string, message: string])[] = [
    [
      'a value in clear',
      { T: { ...good, value: 'hunter2' } },
      'secrets.T.value',
      'a secret is never written here: give ${NAME} of an environment variable, or file: PATH',
    ],
    ['no host', { T: { value: '${T}', header: 'x' } }, 'secrets.T.host', ''],
    ['a host with a scheme', { T: { ...good, host: 'https://a.example.com' } }, 'secrets.T.host', ''],
    ['every host', { T: { ...good, host: '*' } }, 'secrets.T.host', ''],
    [
      'every name below a top level',
      { T: { ...good, host: '*.com' } },
      'secrets.T.host',
      'expected a host name in small letters, or *.name.tld for every name below it',
    ],
    ['a host in large letters', { T: { ...good, host: 'A.example.com' } }, 'secrets.T.host', ''],
    ['an empty list of hosts', { T: { ...good, host: [] } }, 'secrets.T.host', ''],
    [
      'a header that frames the request',
      { T: { ...good, header: 'Content-Length' } },
      'secrets.T.header',
      'no secret goes into this header',
    ],
    [
      'a header for proxies',
      { T: { ...good, header: 'Proxy-Authorization' } },
      'secrets.T.header',
      'no secret goes into this header',
    ],
    [
      'two headers in one',
      { T: { ...good, header: 'a: b\r\nc' } },
      'secrets.T.header',
      'expected the name of a header, such as authorization',
    ],
    ['a method in small letters', { T: { ...good, method: 'get' } }, 'secrets.T.method', ''],
    ['a path without a slash', { T: { ...good, path: 'v1' } }, 'secrets.T.path', ''],
    [
      'an unknown key',
      { T: { ...good, hots: 'x' } },
      'secrets.T.hots',
      'there is no "hots" in secrets.T; did you mean "host"?',
    ],
    ['a name in small letters', { token: good }, 'secrets.token', ''],
    ['a name that means something to a shell', { PATH: good }, 'secrets.PATH', ''],
    ['a name of a proxy', { HTTPS_PROXY: good }, 'secrets.HTTPS_PROXY', ''],
  ];
  for (const [name, secrets, field, message] of mistakes)
    test(name, async (context) => {
      const folder = await makeFolder(context);
      await folder.write('user.yaml', JSON.stringify({ secrets }));
      const error = await refusalOf(loadConfig(folder.sources()));
      assert.deepEqual([error.code, error.place?.field, error.place?.line], ['config_invalid', field, 1]);
      if (message !== '') assert.equal(error.message, message);
      assert.doesNotMatch(formatError(error), /hunter2/);
    });
});

test('a repository may bind no secret', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('repo/.caisson.yaml', 'secrets: {T: {value: "${T}", host: evil.example.com, header: x}}\n');
  const error = await refusalOf(loadConfig(folder.sources()));
  assert.match(
    error.message,
    /a repository may set .* and nothing else: secrets belongs in your own or the system's file/,
  );
});
