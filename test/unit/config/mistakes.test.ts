// Shows that each kind of mistake in a configuration gets a place, an expectation and, where one is near, a guess.
import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatError, reportOf } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { validateFile } from '../../../src/config/validate.ts';
import { makeFolder, refusalOf } from './folder.ts';

const HINT = 'Correct the line that is named; `caisson config validate` checks the file again.';

interface Mistake {
  readonly name: string;
  readonly text: string;
  readonly place: readonly [line: number, column: number, field?: string];
  readonly message: string;
}

const SECRET_WORDS = 'a secret is never written here: give ${NAME} of an environment variable, or file: PATH';

const MISTAKES: readonly Mistake[] = [
  {
    name: 'an unknown key',
    text: 'server:\n  prot: 80\n',
    place: [2, 3, 'server.prot'],
    message: 'there is no "prot" in server; did you mean "port"?',
  },
  {
    name: 'a key that lies in another section',
    text: 'log: {level: info}\nport: 80\n',
    place: [2, 1, 'port'],
    message: 'there is no "port"; did you mean "server.port"?',
  },
  {
    name: 'an unknown key that is near to nothing',
    text: 'log: {colour: red}\n',
    place: [1, 7, 'log.colour'],
    message: 'there is no "colour" in log; known: level',
  },
  {
    name: 'a key that would reach the prototype',
    text: '__proto__: {model: x}\n',
    place: [1, 1, '__proto__'],
    message:
      'there is no "__proto__"; known: data_dir, server, client, auth, backends, queue, responses, model, models, ' +
      'fallback_models, policy, secrets, egress, executor, sandbox, limits, setup, workspace, checks, journal, log',
  },
  {
    name: 'a time of the day that is none',
    text: 'sandbox:\n  probe_at: "3:00"\n',
    place: [2, 13, 'sandbox.probe_at'],
    message: 'expected a time of the day in hours and minutes, such as 03:00',
  },
  {
    name: 'a wrong type',
    text: 'server:\n  single_user: "yes"\n',
    place: [2, 16, 'server.single_user'],
    message: 'expected true or false, found text',
  },
  {
    name: 'a section without a value',
    text: 'model: m\nserver:\n',
    place: [2, 8, 'server'],
    message: 'expected a section of `name: value` lines, found nothing',
  },
  {
    name: 'a value where a section belongs',
    text: 'server: 80\n',
    place: [1, 9, 'server'],
    message: 'expected a section of `name: value` lines, found 80',
  },
  {
    name: 'a broken number',
    text: 'server: {port: 80.5}\n',
    place: [1, 16, 'server.port'],
    message: 'expected a whole number, found 80.5',
  },
  {
    name: 'a number out of range',
    text: 'server: {port: 70000}\n',
    place: [1, 16, 'server.port'],
    message: 'expected at most 65535, found 70000',
  },
  {
    name: 'a limit above its ceiling',
    text: 'limits:\n  run_steps: 101\n',
    place: [2, 14, 'limits.run_steps'],
    message: 'expected at most 100, found 101',
  },
  {
    name: 'a limit of nothing',
    text: 'limits:\n  run_steps: 0\n',
    place: [2, 14, 'limits.run_steps'],
    message: 'expected at least 1, found 0',
  },
  {
    name: 'a word that is not of the list',
    text: 'log:\n  level: wran\n',
    place: [2, 10, 'log.level'],
    message: 'expected info or warn or error, found "wran"; did you mean "warn"?',
  },
  {
    name: 'a duplicate key',
    text: 'model: a\nlog: {level: info}\nmodel: b\n',
    place: [3, 1, 'model'],
    message: 'the key "model" is given twice',
  },
  {
    name: 'two backends of one name',
    text: 'backends:\n  - {name: a, type: openai, url: "http://a/v1"}\n  - {name: a, type: openai, url: "http://b/v1"}\n',
    place: [3, 12, 'backends[1].name'],
    message: 'the name "a" is given twice',
  },
  {
    name: 'a backend without a type',
    text: 'backends:\n  - name: a\n',
    place: [2, 5, 'backends[0].type'],
    message: 'this is missing: expected openai or triton or llama or rehearsal',
  },
  {
    name: 'an engine without an address',
    text: 'backends: [{name: a, type: openai}]\n',
    place: [1, 12, 'backends[0].url'],
    message: 'a backend of type openai needs a url',
  },
  {
    name: 'a rehearsal without a script',
    text: 'backends: [{name: a, type: rehearsal}]\n',
    place: [1, 12, 'backends[0].script'],
    message: 'a rehearsal needs a script',
  },
  {
    name: 'a ca for an engine that is spoken to in clear',
    text: 'backends: [{name: a, type: openai, url: "http://a", ca: ca.pem}]\n',
    place: [1, 57, 'backends[0].ca'],
    message: 'a ca is for a url that begins with https://, or an address that begins with grpcs://',
  },
  {
    name: 'an identity provider in clear on another machine',
    text: 'auth: {oidc: {issuer: "http://id.example", client_id: c, roles: {claim: g, values: {a: [admin]}}}}\n',
    place: [1, 23, 'auth.oidc.issuer'],
    message: 'expected an address that begins with https:// and ends before ? and #',
  },
  {
    name: 'an identity provider whose tokens are signed with a secret',
    text: 'auth: {oidc: {issuer: "https://id", client_id: c, algorithms: [HS256], roles: {claim: g, values: {}}}}\n',
    place: [1, 64, 'auth.oidc.algorithms[0]'],
    message: 'expected RS256 or PS256 or ES256 or ES384 or EdDSA, found "HS256"; did you mean "RS256"?',
  },
  {
    name: 'a secret of the client of an identity provider that is written out',
    text: 'auth: {oidc: {issuer: "https://id", client_id: c, client_secret: abc, roles: {claim: g, values: {}}}}\n',
    place: [1, 66, 'auth.oidc.client_secret'],
    message: 'a secret is never written here: give ${NAME} of an environment variable, or file: PATH',
  },
  {
    name: 'a public address with a path',
    text: 'auth: {oidc: {issuer: "https://id", client_id: c, public_url: "https://a/b", roles: {claim: g, values: {}}}}\n',
    place: [1, 63, 'auth.oidc.public_url'],
    message: 'expected https://NAME, without a path',
  },
  {
    name: 'a sign-in that does not ask who it is',
    text: 'auth: {oidc: {issuer: "https://id", client_id: c, scope: profile, roles: {claim: g, values: {}}}}\n',
    place: [1, 58, 'auth.oidc.scope'],
    message: 'expected words with one space between, one of them openid',
  },
  {
    name: 'a rehearsal with an address',
    text: 'backends: [{name: a, type: rehearsal, script: s, url: "http://a"}]\n',
    place: [1, 55, 'backends[0].url'],
    message: 'a rehearsal has no url',
  },
  {
    name: 'teams told to a rehearsal',
    text: 'backends: [{name: a, type: rehearsal, script: s, team_caches: true}]\n',
    place: [1, 63, 'backends[0].team_caches'],
    message: 'only an engine of type openai can be told teams apart',
  },
  {
    name: 'calls read behind a rehearsal',
    text: 'backends: [{name: a, type: rehearsal, script: s, repair: auto}]\n',
    place: [1, 58, 'backends[0].repair'],
    message: 'only an engine of type openai reads calls by itself and may leave some in its text',
  },
  {
    name: 'an address of another kind',
    text: 'client: {url: "ftp://host"}\n',
    place: [1, 15, 'client.url'],
    message: 'expected an address that begins with http:// or https://',
  },
  {
    name: 'no address at all',
    text: 'client: {url: host:8000}\n',
    place: [1, 15, 'client.url'],
    message: 'expected an address that begins with http:// or https://',
  },
  {
    name: 'a password in an address',
    text: 'client: {url: "http://me:hunter2@host"}\n',
    place: [1, 15, 'client.url'],
    message: 'an address holds no user name and no password: use key',
  },
  {
    name: 'a literal secret',
    text: 'backends:\n  - name: a\n    type: openai\n    url: http://a/v1\n    key: hunter2\n',
    place: [5, 10, 'backends[0].key'],
    message: SECRET_WORDS,
  },
  {
    name: 'a secret in a variable with words around it',
    text: 'client: {key: "x${KEY}"}\n',
    place: [1, 15, 'client.key'],
    message: SECRET_WORDS,
  },
  {
    name: 'a broken indentation',
    text: 'server:\n    port: 1\n  host: a\n',
    place: [3, 1],
    message: 'this line is indented wrongly',
  },
  {
    name: 'a tab as indentation',
    text: 'server:\n\tport: 1\n',
    place: [2, 1],
    message: 'a tab is used for indentation: use spaces',
  },
  {
    name: 'a quote that is not closed',
    text: 'model: "hunter2\n',
    place: [2, 1],
    message: 'a character is missing here: a quote, a comma, a bracket or a colon',
  },
  {
    name: 'a second document',
    text: 'model: a\n---\nmodel: b\n',
    place: [2, 1],
    message: 'a second document begins here: only one is read',
  },
  {
    name: 'a tag that makes objects',
    text: 'model: !!js/function hunter2\n',
    place: [1, 8],
    message: 'a tag is used that is not known here',
  },
  {
    name: 'a list instead of a file',
    text: '- model: a\n',
    place: [1, 1],
    message: 'expected a section of `name: value` lines, found a list',
  },
];

describe('a mistake in a file is refused with its line and column:', () => {
  for (const { name, text, place, message } of MISTAKES)
    test(name, async (context) => {
      const folder = await makeFolder(context);
      const file = await folder.write('user.yaml', text);
      const [line, column, field] = place;
      const report = reportOf(await refusalOf(loadConfig(folder.sources())));
      const where = field === undefined ? { file, line, column } : { file, line, column, field };
      assert.deepEqual(report, { code: 'config_invalid', message, hint: HINT, place: where });
      assert.doesNotMatch(formatError(report), /hunter2/);
    });
});

test('all mistakes of all sources are told, each with its place, and the first one is the place of the error', async (context) => {
  const folder = await makeFolder(context);
  const system = await folder.write('system.yaml', 'log:\n  level: 3\nbakends: []\n');
  const user = await folder.write('user.yaml', 'model: [1]\n');
  const sources = folder.sources({
    env: { CAISSON_SERVER_PORT: 'many' },
    flags: [{ flag: '--data-dir', path: 'data_dir', value: '' }],
  });
  const error = await refusalOf(loadConfig(sources));
  assert.deepEqual(error.place, { file: system, line: 2, column: 10, field: 'log.level' });
  assert.equal(
    error.message,
    [
      'expected info or warn or error, found 3',
      `  ${system}:3:1 bakends: there is no "bakends"; did you mean "backends"?`,
      `  ${user}:1:8 model: expected text, found a list`,
      '  server.port: env CAISSON_SERVER_PORT: expected a number, found text',
      '  data_dir: --data-dir: expected at least 1 characters, found 0',
    ].join('\n'),
  );
});

test('aliases that would fill the memory are refused', async (context) => {
  const folder = await makeFolder(context);
  const rows = Array.from({ length: 9 }, (_, row) => `  - &a${row + 1} [${`*a${row},`.repeat(9)}]`);
  await folder.write('user.yaml', ['checks:', '  - &a0 [x]', ...rows, ''].join('\n'));
  const { code, message } = await refusalOf(loadConfig(folder.sources()));
  assert.deepEqual(
    { code, message },
    { code: 'config_invalid', message: 'the aliases (*name) of this file do not resolve, or there are too many' },
  );
});

test('an empty file and one of comments are good configurations', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('system.yaml', '');
  await folder.write('user.yaml', '# nothing yet\n');
  assert.equal((await loadConfig(folder.sources())).files.length, 2);
});

test('a file that a person names must be there; the system’s and the user’s need not', async (context) => {
  const folder = await makeFolder(context);
  const missing = join(folder.path, 'missing.yaml');
  const { code, message } = await refusalOf(loadConfig(folder.sources({ explicitFile: missing })));
  assert.deepEqual(
    { code, message },
    { code: 'config_unreadable', message: `the configuration file ${missing} does not exist` },
  );
});

test('a directory and a file of more than a megabyte are no configuration', async (context) => {
  const folder = await makeFolder(context);
  const directory = join(folder.path, 'user.yaml');
  await mkdir(directory);
  const first = await refusalOf(loadConfig(folder.sources()));
  const large = await folder.write('large.yaml', `# ${'x'.repeat(1024 * 1024)}\n`);
  const second = await refusalOf(validateFile(large));
  assert.deepEqual(
    [first, second].map(({ code, message }) => [code, message]),
    [
      ['config_unreadable', `the configuration file ${directory} is not a regular file`],
      ['config_unreadable', `the configuration file ${large} has more than 1048576 bytes`],
    ],
  );
});

describe('the file of a repository', () => {
  test('may set checks, a model and narrower limits', async (context) => {
    const folder = await makeFolder(context);
    await folder.write('user.yaml', 'limits: {run_steps: 50, run_tokens: 1000}\n');
    await folder.write(
      'repo/.caisson.yaml',
      'model: theirs\nchecks: [{name: test, run: npm test}]\nlimits: {run_steps: 40, run_tokens: 2000}\n',
    );
    const { model, checks, limits, origins } = await loadConfig(folder.sources());
    assert.deepEqual(
      { model, checks, runSteps: limits.runSteps, runTokens: limits.runTokens },
      { model: 'theirs', checks: [{ name: 'test', run: 'npm test' }], runSteps: 40, runTokens: 1000 },
    );
    assert.equal(origins.get('limits.run_tokens'), `${join(folder.path, 'user.yaml')}:1`);
  });

  test('may set nothing else, and says where it belongs', async (context) => {
    const folder = await makeFolder(context);
    const file = await folder.write('repo/.caisson.yaml', 'model: theirs\npolicy: theirs.yaml\nserver: {port: 1}\n');
    const error = await refusalOf(loadConfig(folder.sources()));
    const text = (key: string) =>
      `a repository may set checks, setup, model, limits and nothing else: ${key} belongs in your own or the system's file`;
    assert.deepEqual(error.place, { file, line: 2, column: 1, field: 'policy' });
    assert.equal(error.message, `${text('policy')}\n  ${file}:3:1 server: ${text('server')}`);
    assert.equal((await refusalOf(validateFile(file))).message, error.message);
  });

  test('is not followed when it is a symbolic link', async (context) => {
    const folder = await makeFolder(context);
    const target = await folder.write('elsewhere.yaml', 'model: hunter2\n');
    await mkdir(join(folder.path, 'repo'));
    const file = join(folder.path, 'repo', '.caisson.yaml');
    await symlink(target, file);
    const { code, message } = await refusalOf(loadConfig(folder.sources()));
    assert.deepEqual(
      { code, message },
      {
        code: 'config_unreadable',
        message: `the configuration file ${file} is a symbolic link, which is not followed in a repository`,
      },
    );
  });
});

test('validateFile says nothing of a good file and everything of a bad one', async (context) => {
  const folder = await makeFolder(context);
  await validateFile(await folder.write('good.yaml', 'model: m\n'));
  const { message } = await refusalOf(validateFile(await folder.write('bad.yaml', 'modle: m\nlog: 3\n')));
  assert.match(message, /^there is no "modle"; did you mean "model"\?\n.*log: expected a section/);
});
