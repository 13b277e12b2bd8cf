// Owns the proof that what is shipped beside the code is well formed and keeps the safety it promises. Knows no engine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { execa } from 'execa';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { configSchema } from '../../../src/config/schema.ts';
import { readFiles } from '../../architecture/source.ts';
import { makeFolder } from '../config/folder.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

function parseYaml(path: string): unknown {
  const document = parseDocument(read(path), { uniqueKeys: true, strict: true });
  assert.deepEqual([...document.errors, ...document.warnings].map(String), [], path);
  return document.toJS();
}

test('every YAML file of the repository parses, without a warning or a key given twice', () => {
  const paths = readFiles(ROOT, '', (path) => /\.ya?ml$/.test(path)).map(({ path }) => path);
  for (const path of ['docker-compose.gpu.yml', 'model-configs/generic.yaml']) assert.ok(paths.includes(path), path);
  for (const path of paths) parseYaml(path);
});

test('docker-compose.gpu.yml is what `npm run compose` makes of the model files', async (context) => {
  const { scripts } = z
    .looseObject({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(read('package.json')));
  const [, words = ''] = /^node bin\/caisson (.*) > docker-compose\.gpu\.yml$/.exec(scripts['compose'] ?? '') ?? [];
  const folder = await makeFolder(context);
  const env = { ...process.env, CAISSON_CONFIG: await folder.write('empty.yaml', '') };
  const made = await execa(process.execPath, ['bin/caisson', ...words.split(' ')], { cwd: ROOT, env });
  assert.equal(`${made.stdout}\n`, read('docker-compose.gpu.yml'));
});

test('docker compose takes the file for each engine, where it is installed', async (context) => {
  const version = await execa('docker', ['compose', 'version'], { reject: false });
  // The rules below hold the file where there is no client to ask.
  if (version.exitCode !== 0) return context.diagnostic('there is no docker compose here');
  const folder = await makeFolder(context);
  for (const engine of ['vllm', 'triton', 'nim', 'llamacpp']) {
    const settings = await folder.write(
      `${engine}.env`,
      read('.env.example').replace('ENGINE=vllm', `ENGINE=${engine}`),
    );
    const words = ['compose', '--env-file', settings, '-f', 'docker-compose.gpu.yml', 'config', '--services'];
    const { stdout } = await execa('docker', words, { cwd: ROOT });
    assert.deepEqual(stdout.split('\n').toSorted(), ['runner', 'serve', engine].toSorted());
  }
});

describe('the compose file', () => {
  const ENGINES = ['vllm', 'triton', 'nim', 'llamacpp'] as const;
  const engines = () => ENGINES.map((name) => compose().services[name]);

  test('has neither a version nor a name, which some versions of compose refuse', () => {
    assert.deepEqual(Object.keys(compose()).sort(), ['configs', 'networks', 'services', 'volumes']);
  });

  test('has an engine for each profile of its name, and the service and its runner without one', () => {
    assert.deepEqual(
      Object.entries(compose().services).map(([name, { profiles }]) => [name, profiles]),
      [['serve', undefined], ['runner', undefined], ...ENGINES.map((name) => [name, [name]])],
    );
  });

  test('publishes neither an engine nor the runner, and the gateway to this machine only', () => {
    const { serve, runner } = compose().services;
    assert.deepEqual(
      [...engines(), runner].map(({ ports }) => ports),
      [...ENGINES, 'runner'].map(() => undefined),
    );
    assert.deepEqual(serve.ports, ['127.0.0.1:8484:8484']);
  });

  test('keeps engines and runner on internal networks; of the engines’ only the service is part, which has a front one as well', () => {
    const { services, networks } = compose();
    assert.deepEqual(networks, { edge: {}, engines: { internal: true }, sandboxes: { internal: true } });
    assert.deepEqual(
      Object.values(services).map((service) => service.networks),
      [['edge', 'engines'], ['sandboxes'], ...ENGINES.map(() => ['engines'])],
    );
  });

  test('names only what is there: networks, volumes, configs, files, and nothing twice', () => {
    const { services, networks, volumes, configs } = compose();
    for (const [name, service] of Object.entries(services)) {
      for (const network of service.networks) assert.ok(Object.hasOwn(networks, network), `${name}: ${network}`);
      for (const { source } of service.configs ?? []) assert.ok(Object.hasOwn(configs, source), `${name}: ${source}`);
      const targets = service.volumes.map((volume) => volume.replace(/:ro$/, '').split(':').at(-1));
      assert.deepEqual(targets, [...new Set(targets)], name);
      for (const volume of service.volumes) {
        const [source = ''] = volume.replaceAll(/\$\{[^}]*\}/g, 'VARIABLE').split(':');
        if (!/^[./V]/.test(source)) assert.ok(Object.hasOwn(volumes, source), `${name}: ${source}`);
      }
    }
    for (const engine of ENGINES) assert.ok(read(`deploy/engines/${engine}.yaml`).length > 0);
  });

  test('mounts weights read-only and fetches nothing', () => {
    const { serve, runner, vllm, triton, nim } = compose().services;
    const writable = /^(?:caisson-(?:data|boxes|sock)|runner-data|nim-cache):/;
    for (const { volumes } of [...engines(), serve, runner])
      for (const volume of volumes) assert.ok(volume.endsWith(':ro') || writable.test(volume), volume);
    for (const { environment = {} } of [vllm, triton])
      assert.deepEqual([environment['HF_HUB_OFFLINE'], environment['TRANSFORMERS_OFFLINE']], ['1', '1']);
    // With a key NIM looks for its model online.
    assert.deepEqual(
      Object.keys(nim.environment ?? {}).filter((name) => /KEY|TOKEN/.test(name)),
      [],
    );
    assert.equal(nim.environment?.['NIM_MODEL_PATH'], '/model');
  });

  test('gives an engine no right that it does not need, and a GPU', () => {
    for (const { user, cap_drop, cap_add, security_opt, deploy, healthcheck } of engines()) {
      assert.deepEqual(
        { user, cap_drop, cap_add, security_opt },
        {
          user: '${ENGINE_USER:-1000:1000}',
          cap_drop: ['ALL'],
          cap_add: undefined,
          security_opt: ['no-new-privileges:true'],
        },
      );
      assert.deepEqual(deploy, {
        resources: { reservations: { devices: [{ driver: 'nvidia', count: 1, capabilities: ['gpu'] }] } },
      });
      assert.match(healthcheck?.test.join(' ') ?? '', /^CMD (?:python3|curl) .*127\.0\.0\.1:8000\/(?:v\d\/)?health/);
    }
    const { serve, runner } = compose().services;
    assert.deepEqual([serve.deploy, runner.deploy], [undefined, undefined]);
  });

  test('gives Triton the settings of the engine that vLLM is started with', () => {
    const { services, configs } = compose();
    const flags = (services.vllm.command ?? []).filter(
      (flag) => !/^--(?:model|served|enable-auto|tool|reasoning|enable-prompt)/.test(flag),
    );
    const names = flags.map((flag) => flag.slice(2).split('=')[0]?.replaceAll('-', '_'));
    const settings = JSON.parse(configs['triton-model']?.content ?? '') as Record<string, unknown>;
    assert.deepEqual(Object.keys(settings), ['model', ...names, 'disable_log_stats']);
    assert.deepEqual([settings['max_model_len'], settings['trust_remote_code']], [262_144, true]);
  });

  test('gives the service no right at all, and the runner what firejail needs and neither more nor a way around it', () => {
    const { serve, runner } = compose().services;
    const alike = { user: 'caisson', init: true, read_only: true, cap_drop: ['ALL'] };
    const rightsOf = ({ user, init, read_only, cap_drop, cap_add, security_opt }: typeof serve) => ({
      user,
      init,
      read_only,
      cap_drop,
      cap_add: cap_add?.toSorted(),
      security_opt,
    });
    assert.deepEqual(rightsOf(serve), { ...alike, cap_add: undefined, security_opt: ['no-new-privileges:true'] });
    const needed =
      'CHOWN DAC_OVERRIDE FOWNER MKNOD NET_ADMIN SETGID SETPCAP SETUID SYS_ADMIN SYS_CHROOT SYS_PTRACE'.split(' ');
    assert.deepEqual(rightsOf(runner), { ...alike, cap_add: needed, security_opt: ['apparmor=unconfined'] });
    assert.doesNotMatch(read('docker-compose.gpu.yml'), /privileged\b(?!:true)|docker\.sock|network_mode|pid:\s*host/);
  });

  test('puts between service and runner a socket and the boxes, each at the same place, and nothing else', () => {
    const { serve, runner } = compose().services;
    const environment = {
      container: 'docker',
      CAISSON_EXECUTOR_MODE: 'socket',
      CAISSON_EXECUTOR_SOCKET: '/home/caisson/sock/runner.sock',
      CAISSON_EXECUTOR_BOXES: '/home/caisson/boxes',
    };
    assert.deepEqual([serve.environment, runner.environment], [environment, environment]);
    const shared = ['caisson-boxes:/home/caisson/boxes', 'caisson-sock:/home/caisson/sock'];
    assert.deepEqual(
      serve.volumes.filter((volume) => runner.volumes.includes(volume)),
      shared,
    );
    assert.deepEqual(runner.volumes, ['runner-data:/home/caisson/data', ...shared]);
    assert.deepEqual(serve.depends_on, { runner: { condition: 'service_healthy' } });
    // A set-uid firejail needs a /run in which programs may be executed.
    assert.deepEqual([serve.tmpfs, runner.tmpfs], [['/tmp'], ['/run:exec,mode=755', '/tmp']]);
  });

  test('takes each setting from .env.example, with the same images', () => {
    const text = read('docker-compose.gpu.yml');
    const used = [...text.matchAll(/\$\{([A-Z_]+)(?::[-?]([^}]*))?\}/g)];
    const example = new Map(
      [...read('.env.example').matchAll(/^(?:# )?([A-Z_]+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
    );
    for (const [, name, fallback] of used) {
      assert.ok(example.has(name), `${name} is not in .env.example`);
      if (name?.endsWith('_IMAGE') === true) assert.equal(example.get(name), fallback);
    }
    assert.deepEqual(
      [...example.keys()].filter((name) => name !== 'COMPOSE_PROFILES' && !used.some(([, one]) => one === name)),
      [],
    );
  });
});

test('the service’s configuration for each engine names the engine and the model that the compose file starts', () => {
  const { services, configs } = compose();
  const named = (words: readonly string[] = []) => words.join(' ').match(/--(?:served-model-name=|alias )(\S+)/)?.[1];
  const started = {
    vllm: named(services.vllm.command),
    triton: services.triton.configs?.[1]?.target.split('/')[2],
    nim: named([services.nim.environment?.['NIM_PASSTHROUGH_ARGS'] ?? '']),
    llamacpp: named(services.llamacpp.command),
  };
  assert.ok(Object.hasOwn(configs, 'triton-config'));
  const server = { host: '0.0.0.0', port: 8484, allowed_hosts: ['localhost', '127.0.0.1'] };
  for (const [name, model] of Object.entries(started)) {
    const way =
      name === 'triton'
        ? { type: 'triton', address: 'grpc://triton:8001', model_folder: '/etc/caisson/model', model }
        : { type: 'openai', url: `http://${name}:8000/v1` };
    assert.deepEqual(parseYaml(`deploy/engines/${name}.yaml`), { server, backends: [{ name, ...way }], model });
    assert.ok(configSchema().safeParse(parseYaml(`deploy/engines/${name}.yaml`)).success, name);
  }
});

describe('the Dockerfile', () => {
  const [head = '', ...stages] = read('deploy/Dockerfile').split(/^(?=FROM )/m);
  const stage = (name: string) => stages.find((text) => text.startsWith(`FROM \${BASE} AS ${name}\n`)) ?? '';
  const linesOf = (text: string, words: RegExp) => text.split('\n').filter((line) => words.test(line));

  test('builds on any base, and each image begins there anew', () => {
    assert.match(head, /^ARG BASE=\S+$/m);
    assert.deepEqual(
      stages.map((text) => text.split('\n')[0]),
      ['parts', 'serve', 'runner'].map((name) => `FROM \${BASE} AS ${name}`),
    );
  });

  test('makes both images run as an ordinary user with a home, and tells firejail that it is in a container', () => {
    for (const name of ['serve', 'runner']) {
      assert.deepEqual(linesOf(stage(name), /^(?:USER|ENV|ENTRYPOINT|CMD) /), [
        'ENV container=docker',
        'USER caisson',
        'ENTRYPOINT ["/opt/caisson/bin/caisson"]',
        `CMD ["${name}", "--data-dir", "/home/caisson/data"]`,
      ]);
      assert.match(stage(name), /useradd --create-home --uid 10001 --shell \/bin\/sh caisson/);
      assert.match(stage(name), /^HEALTHCHECK [^\n]*\\\n {2}CMD \["node", "-e", "/m);
      assert.match(stage(name), /^LABEL org\.opencontainers\.image\.title=/m);
    }
  });

  test('gives the service no firejail and no toolchain, and the runner both', () => {
    const tools = /\b(?:firejail|build-essential|python3|ripgrep)\b/;
    const installed = (name: string) => /apt-get install ([^&]*)/.exec(stage(name))?.[1] ?? '';
    assert.doesNotMatch(installed('serve'), tools);
    assert.match(installed('serve'), /\bgit\b/);
    for (const program of ['firejail', 'build-essential', 'python3', 'ripgrep', 'git', 'curl'])
      assert.match(installed('runner'), new RegExp(`\\b${program}\\b`));
  });

  test('takes npm by its hash, and installs what is locked without a script', () => {
    assert.match(stage('parts'), /^ARG NPM=npm-\d+\.\d+\.\d+\.tgz$/m);
    assert.match(stage('parts'), /^ARG NPM_SHA512=[0-9a-f]{128}$/m);
    assert.match(stage('parts'), /sha512sum --check/);
    assert.match(stage('parts'), /node bin\/bootstrap\.cjs install --production$/m);
  });
});

describe('the units of systemd', () => {
  const unit = (name: string) => read(`deploy/systemd/caisson-${name}.service`);
  const valuesOf = (text: string, key: string) =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);

  test('give the runner what the compose file gives it, and the service nothing', () => {
    const { runner } = compose().services;
    const bounds = valuesOf(unit('runner'), 'CapabilityBoundingSet').join(' ').split(' ');
    assert.deepEqual(bounds.toSorted(), runner.cap_add?.map((one) => `CAP_${one}`).toSorted());
    assert.deepEqual(valuesOf(unit('runner'), 'NoNewPrivileges'), ['no']);
    assert.deepEqual(
      [valuesOf(unit('serve'), 'CapabilityBoundingSet'), valuesOf(unit('serve'), 'NoNewPrivileges')],
      [[''], ['yes']],
    );
  });

  test('never set for the runner what takes the rights of a set-uid program away', () => {
    const implied =
      /^(?:SystemCall|Restrict(?:Addr|Name|SUID|Real)|LockPersonality|PrivateDevices|Protect(?:Kernel|Clock))/m;
    assert.doesNotMatch(unit('runner'), implied);
    assert.match(unit('serve'), implied);
  });

  test('name the same user, socket and boxes in both', () => {
    const shared = ['CAISSON_EXECUTOR_SOCKET=/run/caisson/runner.sock', 'CAISSON_EXECUTOR_BOXES=/home/caisson/boxes'];
    assert.deepEqual(valuesOf(unit('runner'), 'Environment'), shared);
    assert.deepEqual(valuesOf(unit('serve'), 'Environment'), ['CAISSON_EXECUTOR_MODE=socket', ...shared]);
    for (const name of ['serve', 'runner']) assert.deepEqual(valuesOf(unit(name), 'User'), ['caisson'], name);
  });

  test('are well formed for systemd, where it is installed', async (context) => {
    const paths = ['serve', 'runner'].map((name) => join(ROOT, 'deploy', 'systemd', `caisson-${name}.service`));
    const { exitCode, stderr } = await execa('systemd-analyze', ['verify', ...paths], { reject: false });
    if (exitCode === undefined) return context.diagnostic('there is no systemd-analyze here');
    // The program itself is not installed here.
    const said = stderr.split('\n').filter((line) => line !== '' && !/Command \S+ is not executable/.test(line));
    assert.deepEqual(said, []);
  });
});

test('continuous integration calls exactly npm test, then npm run test:vllm', () => {
  const commands = read('.ci/run')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(commands, ['set -eu', 'cd "$(dirname "$0")/.."', 'npm test', 'exec npm run test:vllm']);
});

function compose() {
  const service = z.looseObject({
    profiles: z.array(z.string()).optional(),
    command: z.array(z.string()).optional(),
    environment: z.record(z.string(), z.string()).optional(),
    volumes: z.array(z.string()),
    configs: z.array(z.strictObject({ source: z.string(), target: z.string() })).optional(),
    networks: z.array(z.string()),
    ports: z.array(z.string()).optional(),
    user: z.string().optional(),
    init: z.boolean().optional(),
    read_only: z.boolean().optional(),
    cap_drop: z.array(z.string()),
    cap_add: z.array(z.string()).optional(),
    tmpfs: z.array(z.string()).optional(),
    depends_on: z.unknown().optional(),
    security_opt: z.array(z.string()),
    healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
    deploy: z.unknown().optional(),
  });
  const file = z.looseObject({
    services: z.strictObject({
      serve: service,
      runner: service,
      vllm: service,
      triton: service,
      nim: service,
      llamacpp: service,
    }),
    networks: z.record(z.string(), z.unknown()),
    volumes: z.record(z.string(), z.unknown()),
    configs: z.record(z.string(), z.strictObject({ content: z.string() })),
  });
  return file.parse(parseYaml('docker-compose.gpu.yml'));
}
