// Shows which source wins, what the defaults are, and that each value knows where it is written.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { showConfig } from '../../../src/config/show.ts';
import { makeFolder } from './folder.ts';

test('with no source at all, everything has its default and no origin', async (context) => {
  const folder = await makeFolder(context);
  const config = await loadConfig(folder.sources());
  const dataDir = join(folder.path, 'home', '.local', 'share', 'caisson');
  assert.deepEqual(config, {
    isRoot: false,
    dataDir,
    server: {
      host: '127.0.0.1',
      port: 8484,
      allowedHosts: ['localhost', '127.0.0.1', '::1'],
      socket: true,
      singleUser: true,
    },
    client: {},
    backends: [],
    queue: { most: 256, waitMs: 60_000 },
    responses: { store: false, days: 30 },
    fallbackModels: {},
    model: '',
    models: { aliases: {} },
    policyFile: undefined,
    secrets: {},
    egress: { airGapped: false, names: {}, siteRanges: [] },
    executor: { mode: 'in_process', socket: join(dataDir, 'sock', 'runner.sock'), user: 'caisson' },
    limits: { ...LIMITS },
    sandbox: {
      processes: 512,
      processMemoryBytes: 2147483648,
      memoryBytes: 8589934592,
      openFiles: 8192,
      fileBytes: 1073741824,
      diskBytes: 17179869184,
      diskFiles: 2_000_000,
      cpuSeconds: 1800,
    },
    confinement: { toolchains: [] },
    checks: [],
    setup: {
      onFailure: 'end',
      detect: true,
      mirrors: {},
      keepDays: 30,
      cacheBytes: 20 * 1024 ** 3,
      diskPercent: 90,
    },
    workspace: { protected: [], gitHosts: [], keepDays: 30, diskPercent: 85 },
    journalKeyFile: join(dataDir, 'journal.key'),
    logLevel: 'info',
    origins: new Map(),
    files: [],
    warnings: [],
  });
});

test('the data directory of root is the system’s; of a user XDG_DATA_HOME counts when it is absolute', async (context) => {
  const folder = await makeFolder(context);
  const dataDirOf = async (changes: object) => (await loadConfig(folder.sources(changes))).dataDir;
  assert.equal(await dataDirOf({ isRoot: true }), '/var/lib/caisson');
  assert.equal(await dataDirOf({ env: { XDG_DATA_HOME: '/srv/data' } }), '/srv/data/caisson');
  assert.equal(
    await dataDirOf({ env: { XDG_DATA_HOME: 'relative' } }),
    join(folder.path, 'home', '.local', 'share', 'caisson'),
  );
});

test('a flag beats the environment, it beats the project, it beats the user, and the user beats the system', async (context) => {
  const folder = await makeFolder(context);
  const system = await folder.write('system.yaml', 'model: system\n');
  const seen: [string, string | undefined][] = [];
  const load = async (changes: object = {}) => {
    const { model, origins } = await loadConfig(folder.sources(changes));
    seen.push([model, origins.get('model')]);
  };
  await load();
  const user = await folder.write('user.yaml', '# mine\nmodel: user\n');
  await load();
  const project = await folder.write('repo/.caisson.yaml', 'checks: []\n\nmodel: project\n');
  await load();
  const env = { CAISSON_MODEL: 'environment' };
  await load({ env });
  await load({ env, flags: [{ flag: '--model', path: 'model', value: 'flag' }] });
  assert.deepEqual(seen, [
    ['system', `${system}:1`],
    ['user', `${user}:2`],
    ['project', `${project}:3`],
    ['environment', 'env CAISSON_MODEL'],
    ['flag', '--model'],
  ]);
});

test('sections are joined value by value, lists are taken whole, and each part keeps its own origin', async (context) => {
  const folder = await makeFolder(context);
  const system = await folder.write(
    'system.yaml',
    'server:\n  host: 0.0.0.0\n  port: 80\n  allowed_hosts: [a, b, c]\nlog: {level: error}\n',
  );
  const user = await folder.write('user.yaml', 'server:\n  port: 9000\n  allowed_hosts:\n    - mine\n');
  const { server, logLevel, origins } = await loadConfig(folder.sources());
  assert.deepEqual(
    { server, logLevel },
    {
      server: { host: '0.0.0.0', port: 9000, allowedHosts: ['mine'], socket: true, singleUser: true },
      logLevel: 'error',
    },
  );
  assert.deepEqual(Object.fromEntries(origins), {
    'server.host': `${system}:2`,
    'server.port': `${user}:2`,
    'server.allowed_hosts': `${user}:4`,
    'server.allowed_hosts[0]': `${user}:4`,
    'log.level': `${system}:5`,
  });
});

test('an explicit file takes the place of the system’s and the user’s', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('system.yaml', 'model: system\n');
  await folder.write('user.yaml', 'log: {level: error}\n');
  const explicitFile = await folder.write('mine.yaml', 'model: mine\n');
  const { model, logLevel, files } = await loadConfig(folder.sources({ explicitFile }));
  assert.deepEqual({ model, logLevel, files }, { model: 'mine', logLevel: 'info', files: [explicitFile] });
});

test('paths are relative to the file that names them, or to the current directory for a variable; ~ is the home', async (context) => {
  const folder = await makeFolder(context);
  await folder.write(
    'user.yaml',
    [
      'policy: rules/mine.yaml',
      'journal: {key_file: ~/journal.key}',
      'executor: {mode: socket, socket: ../runner.sock, boxes: ~/boxes}',
      'backends:',
      '  - {name: tape, type: rehearsal, script: tape.yaml}',
      '  - {name: far, type: openai, url: "https://far/v1", ca: ca.pem}',
      'server: {tls: {cert: tls/cert.pem, key: ~/tls.key, client_ca: tls/ca.pem}}',
      '',
    ].join('\n'),
  );
  const env = { CAISSON_DATA_DIR: 'data' };
  const { dataDir, policyFile, journalKeyFile, executor, backends, server } = await loadConfig(folder.sources({ env }));
  assert.deepEqual(
    { dataDir, policyFile, journalKeyFile, executor, backends, tls: server.tls },
    {
      dataDir: join(folder.path, 'cwd', 'data'),
      policyFile: join(folder.path, 'rules', 'mine.yaml'),
      journalKeyFile: join(folder.path, 'home', 'journal.key'),
      executor: {
        mode: 'socket',
        socket: join(folder.path, '..', 'runner.sock'),
        boxes: join(folder.path, 'home', 'boxes'),
        user: 'caisson',
      },
      backends: [
        { name: 'tape', type: 'rehearsal', script: join(folder.path, 'tape.yaml'), models: [] },
        { name: 'far', type: 'openai', url: 'https://far/v1', ca: join(folder.path, 'ca.pem'), models: [] },
      ],
      tls: {
        cert: join(folder.path, 'tls', 'cert.pem'),
        key: join(folder.path, 'home', 'tls.key'),
        clientCa: join(folder.path, 'tls', 'ca.pem'),
      },
    },
  );
});

test('the environment speaks in text, numbers, truths and lists, and an empty variable says nothing', async (context) => {
  const folder = await makeFolder(context);
  const env = {
    CAISSON_SERVER_PORT: '0',
    CAISSON_SERVER_SOCKET: 'false',
    CAISSON_SERVER_SINGLE_USER: '1',
    CAISSON_SERVER_ALLOWED_HOSTS: 'one, two',
    CAISSON_SERVER_HOST: '',
    CAISSON_LIMITS_RUN_STEPS: '7',
  };
  const { server, limits } = await loadConfig(folder.sources({ env }));
  assert.deepEqual(
    { server, limits },
    {
      server: { host: '127.0.0.1', port: 0, allowedHosts: ['one', 'two'], socket: false, singleUser: true },
      limits: { ...LIMITS, runSteps: 7 },
    },
  );
});

test('CAISSON_ENDPOINT is a backend in one word, and its first model is the model of a run', async (context) => {
  const folder = await makeFolder(context);
  const env = { CAISSON_ENDPOINT: 'http://engine:8000/v1', CAISSON_ENDPOINT_KEY: 'sk-secret' };
  const { backends, origins } = await loadConfig(folder.sources({ env }));
  assert.deepEqual(JSON.parse(JSON.stringify(backends)), [
    {
      name: 'endpoint',
      type: 'openai',
      url: 'http://engine:8000/v1',
      key: '${CAISSON_ENDPOINT_KEY}',
      models: [],
    },
  ]);
  assert.equal(origins.get('backends[0].url'), 'env CAISSON_ENDPOINT');
  await folder.write('user.yaml', 'backends: [{name: e, type: openai, url: "http://e/v1", models: [first, second]}]\n');
  assert.equal((await loadConfig(folder.sources())).model, 'first');
});

test('a variable of ours that does not exist is remarked upon with what was meant', async (context) => {
  const folder = await makeFolder(context);
  const env = { CAISSON_SERVER_PROT: '1', CAISSON_MODEL_DIR: '/models', CAISSON_KEY_FILE: '/k', SERVER_PROT: '1' };
  const { warnings } = await loadConfig(folder.sources({ env }));
  assert.deepEqual(warnings, ['there is no variable CAISSON_SERVER_PROT; did you mean CAISSON_SERVER_PORT?']);
});

test('responses are stored where the configuration says so, for as many days as it says', async (context) => {
  const folder = await makeFolder(context);
  const responsesOf = async (text: string) => {
    await folder.write('system.yaml', text);
    return (await loadConfig(folder.sources())).responses;
  };
  assert.deepEqual(await responsesOf('responses: {store: true}\n'), { store: true, days: 30 });
  assert.deepEqual(await responsesOf('responses: {store: true, days: 7}\n'), { store: true, days: 7 });
  await assert.rejects(responsesOf('responses: {days: 0}\n'), /responses\.days|expected/i);
});

test('the files of a certificate are named together', async (context) => {
  const folder = await makeFolder(context);
  const tlsOf = async (tls: string) => {
    await folder.write('system.yaml', `server:\n  tls: ${tls}\n`);
    return (await loadConfig(folder.sources())).server.tls;
  };
  const [cert, key, clientCa] = ['a.pem', 'a.key', 'ca.pem'].map((name) => join(folder.path, name));
  assert.deepEqual(await tlsOf('{cert: a.pem, key: a.key}'), { cert, key });
  assert.deepEqual(await tlsOf('{cert: a.pem, key: a.key, client_ca: ca.pem}'), { cert, key, clientCa });
  await assert.rejects(tlsOf('{cert: a.pem}'), /this is missing/);
});

test('an identity provider is named with what its claims give', async (context) => {
  const folder = await makeFolder(context);
  const rest = 'client_id: caisson, roles: {claim: groups, values: {ops: [admin], devs: [client, author]}}';
  const authOf = async (more: string) => {
    await folder.write('system.yaml', `auth:\n  oidc: {issuer: "https://id.example/realm", ${rest}${more}}\n`);
    return (await loadConfig(folder.sources())).auth;
  };
  const roles = { claim: 'groups', values: { ops: ['admin'], devs: ['client', 'author'] } };
  const plain = { issuer: 'https://id.example/realm', clientId: 'caisson', algorithms: ['RS256', 'ES256'], roles };
  assert.deepEqual(await authOf(''), { oidc: plain });
  assert.deepEqual(
    await authOf(', algorithms: [EdDSA], audience: "api://c", ca: ca.pem, team: {claim: unit, values: {u1: red}}'),
    {
      oidc: {
        ...plain,
        algorithms: ['EdDSA'],
        audience: 'api://c',
        ca: join(folder.path, 'ca.pem'),
        team: { claim: 'unit', values: { u1: 'red' } },
      },
    },
  );
  const browser = 'client_secret: "${ID_SECRET}", scope: openid groups, public_url: "https://caisson.example"';
  await folder.write('system.yaml', `auth: {oidc: {issuer: "https://id", ${rest}, ${browser}}}\n`);
  const loaded = await loadConfig(folder.sources({ env: { ID_SECRET: 's3cret' } }));
  const { clientSecret, ...oidc } = loaded.auth?.oidc ?? assert.fail('no provider');
  const signIn = { scope: 'openid groups', publicUrl: 'https://caisson.example' };
  assert.deepEqual(oidc, { ...plain, issuer: 'https://id', ...signIn });
  assert.equal(await clientSecret?.read(), 's3cret');
  assert.match(showConfig(loaded, { origin: false }), /client_secret: \$\{ID_SECRET\} +# set\n/);
  assert.doesNotMatch(showConfig(loaded, { origin: true }), /s3cret/);
  await folder.write('secret', 'from a file\n');
  await folder.write('system.yaml', `auth: {oidc: {issuer: "https://id", ${rest}, client_secret: {file: secret}}}\n`);
  assert.equal(await (await loadConfig(folder.sources())).auth?.oidc.clientSecret?.read(), 'from a file\n');
  const written = 'auth: {oidc: {issuer: "https://id", client_id: c, roles: {claim: g, values: {/Ops: [admin]}}}}\n';
  await folder.write('system.yaml', written);
  assert.match(showConfig(await loadConfig(folder.sources()), { origin: false }), /values:\n +\/Ops: \[admin\]\n/);
});
