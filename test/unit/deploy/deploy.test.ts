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
    assert.deepEqual(stdout.split('\n').toSorted(), ['caisson', engine].toSorted());
  }
});

describe('the compose file', () => {
  const ENGINES = ['vllm', 'triton', 'nim', 'llamacpp'] as const;
  const engines = () => ENGINES.map((name) => compose().services[name]);

  test('has neither a version nor a name, which some versions of compose refuse', () => {
    assert.deepEqual(Object.keys(compose()).sort(), ['configs', 'networks', 'services', 'volumes']);
  });

  test('has an engine for each profile of its name, and the gateway without one', () => {
    assert.deepEqual(
      Object.entries(compose().services).map(([name, { profiles }]) => [name, profiles]),
      [['caisson', undefined], ...ENGINES.map((name) => [name, [name]])],
    );
  });

  test('publishes no engine, and the gateway to this machine only', () => {
    assert.deepEqual(
      engines().map(({ ports }) => ports),
      ENGINES.map(() => undefined),
    );
    assert.deepEqual(compose().services.caisson.ports, ['127.0.0.1:8484:8484']);
  });

  test('keeps the engines on an internal network that only the service shares, which has a front network as well', () => {
    const { services, networks } = compose();
    assert.deepEqual(networks, { edge: {}, engines: { internal: true } });
    assert.deepEqual(
      Object.values(services).map((service) => service.networks),
      [['edge', 'engines'], ...ENGINES.map(() => ['engines'])],
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
    const { caisson, vllm, triton, nim } = compose().services;
    for (const { volumes } of [...engines(), caisson])
      for (const volume of volumes) assert.ok(/:ro$|^(?:caisson-data|nim-cache):/.test(volume), volume);
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
    assert.equal(compose().services.caisson.deploy, undefined);
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

  test('gives the service what firejail needs, and neither more nor a way around it', () => {
    const { caisson } = compose().services;
    assert.deepEqual(
      { environment: caisson.environment, user: caisson.user, init: caisson.init, readOnly: caisson.read_only },
      { environment: { container: 'docker' }, user: 'caisson', init: true, readOnly: true },
    );
    assert.deepEqual(caisson.cap_drop, ['ALL']);
    assert.deepEqual(caisson.cap_add?.toSorted(), [
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'MKNOD',
      'NET_ADMIN',
      'SETGID',
      'SETPCAP',
      'SETUID',
      'SYS_ADMIN',
    ]);
    assert.deepEqual(caisson.security_opt, ['apparmor=unconfined']);
    assert.doesNotMatch(read('docker-compose.gpu.yml'), /privileged|docker\.sock|network_mode|pid:\s*host/);
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

test('the image runs as an ordinary user and tells firejail that it is a container', () => {
  const lines = read('deploy/Dockerfile').split('\n');
  assert.deepEqual(
    lines.filter((line) => /^(?:USER|ENV|ENTRYPOINT) /.test(line)),
    ['ENV container=docker', 'USER caisson', 'ENTRYPOINT ["/opt/caisson/bin/caisson"]'],
  );
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
    security_opt: z.array(z.string()),
    healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
    deploy: z.unknown().optional(),
  });
  const file = z.looseObject({
    services: z.strictObject({ caisson: service, vllm: service, triton: service, nim: service, llamacpp: service }),
    networks: z.record(z.string(), z.unknown()),
    volumes: z.record(z.string(), z.unknown()),
    configs: z.record(z.string(), z.strictObject({ content: z.string() })),
  });
  return file.parse(parseYaml('docker-compose.gpu.yml'));
}
