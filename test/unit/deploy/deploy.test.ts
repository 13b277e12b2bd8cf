// Owns the proof that what is shipped beside the code is well formed and keeps the safety it promises. Knows no engine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { configSchema } from '../../../src/config/schema.ts';
import { readFiles } from '../../architecture/source.ts';

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

describe('a model configuration', () => {
  const texts = z.record(z.string(), z.string());
  const sampling = z.strictObject({
    temperature: z.number().min(0).max(2),
    top_p: z.number().min(0).max(1).optional(),
    max_tokens_at_least: z.int().optional(),
  });
  const schema = z.strictObject({
    identity: z.strictObject({
      name: z.string(),
      repository: z.string().optional(),
      architecture: z.string().optional(),
      parameters: z.strictObject({ total: z.number(), active: z.number() }).optional(),
      precision: z.enum(['bf16', 'fp8', 'nvfp4']).optional(),
      license: z.string().optional(),
    }),
    memory: z
      .strictObject({
        weights_gb: z.number(),
        minimum_gpu_gb: z.number(),
        smallest_sensible_gpu: z.string(),
        context_tokens: z.strictObject({ default: z.int(), maximum: z.int() }),
      })
      .optional(),
    engines: z.record(
      z.enum(['vllm', 'nim', 'openai']),
      z
        .strictObject({
          image: z.string().optional(),
          minimum_version: z
            .string()
            .regex(/^\d+\.\d+\.\d+$/)
            .optional(),
          flags: z.array(z.string()).optional(),
          prefix_caching_flags: z.array(z.string()).optional(),
          environment: texts.optional(),
        })
        .optional(),
    ),
    template: z.strictObject({
      source: z.string(),
      thinking_default: z.boolean(),
      arguments: z.record(z.string(), z.boolean()),
    }),
    output: z.strictObject({
      starts_inside_thinking: z.boolean(),
      thinking_end: z.string().optional(),
      tool_calls: z.enum(['json', 'xml']),
      stop_token_ids: z.array(z.int()).optional(),
    }),
    sampling: z.strictObject({ thinking: sampling.optional(), tool_calls: sampling }),
    quirks: z.array(z.string()),
  });
  const paths = readFiles(ROOT, 'model-configs', () => true).map(({ path }) => path);

  test('is named after its file and has every part in the right form', () => {
    assert.deepEqual(paths, ['model-configs/generic.yaml', 'model-configs/nemotron-3-nano-30b-a3b-fp8.yaml']);
    for (const path of paths) {
      const parsed = schema.safeParse(parseYaml(path));
      assert.ok(parsed.success, `${path}: ${parsed.error?.message}`);
      assert.equal(`model-configs/${parsed.data.identity.name}.yaml`, path);
    }
  });

  test('gives the engine in the compose file the flags and the environment it is started with', () => {
    const { vllm } = schema.parse(parseYaml('model-configs/nemotron-3-nano-30b-a3b-fp8.yaml')).engines;
    const { command, environment } = compose().services.vllm;
    const own = ['--model=/model', '--served-model-name=nemotron-3-nano-30b-a3b-fp8'];
    assert.deepEqual(
      command.toSorted(),
      [...own, ...(vllm?.flags ?? []), ...(vllm?.prefix_caching_flags ?? [])].toSorted(),
    );
    for (const [name, value] of Object.entries(vllm?.environment ?? {})) assert.equal(environment[name], value, name);
  });
});

describe('the compose file', () => {
  test('has neither a version nor a name, which some versions of compose refuse', () => {
    assert.deepEqual(Object.keys(compose()).sort(), ['networks', 'services', 'volumes']);
  });

  test('publishes no engine, and the gateway to this machine only', () => {
    const { caisson, vllm } = compose().services;
    assert.deepEqual([vllm.ports, caisson.ports], [undefined, ['127.0.0.1:8484:8484']]);
  });

  test('keeps the engine on an internal network that only the service shares', () => {
    const { services, networks } = compose();
    assert.deepEqual(services.vllm.networks, ['engines']);
    assert.deepEqual(networks.engines, { internal: true });
    const others = Object.entries(services).filter(([, { networks: joined }]) => joined.includes('engines'));
    assert.deepEqual(others.map(([name]) => name).sort(), ['caisson', 'vllm']);
  });

  test('mounts weights read-only and fetches nothing', () => {
    const { volumes, environment } = compose().services.vllm;
    assert.deepEqual(
      volumes.map((volume) => volume.endsWith(':ro')),
      [true],
    );
    assert.deepEqual([environment['HF_HUB_OFFLINE'], environment['TRANSFORMERS_OFFLINE']], ['1', '1']);
  });

  test('reserves an NVIDIA GPU for the engine alone', () => {
    const { caisson, vllm } = compose().services;
    assert.deepEqual(vllm.deploy, {
      resources: { reservations: { devices: [{ driver: 'nvidia', count: 1, capabilities: ['gpu'] }] } },
    });
    assert.equal(caisson.deploy, undefined);
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

  test('mounts the files that it names', () => {
    const mounted = compose().services.caisson.volumes.filter((volume) => volume.startsWith('./'));
    assert.equal(mounted.length, 1);
    for (const volume of mounted) assert.ok(read(volume.split(':')[0] ?? '').length > 0, volume);
  });
});

test('the service’s configuration names the engine and the model that the compose file starts', () => {
  assert.deepEqual(configSchema().parse(parseYaml('deploy/caisson.gpu.yaml')), {
    server: { host: '0.0.0.0', port: 8484, allowed_hosts: ['localhost', '127.0.0.1'] },
    backends: [{ name: 'vllm', type: 'openai', url: 'http://vllm:8000/v1' }],
    model: 'nemotron-3-nano-30b-a3b-fp8',
  });
});

test('the image runs as an ordinary user and tells firejail that it is a container', () => {
  const lines = read('deploy/Dockerfile').split('\n');
  assert.deepEqual(
    lines.filter((line) => /^(?:USER|ENV|ENTRYPOINT) /.test(line)),
    ['ENV container=docker', 'USER caisson', 'ENTRYPOINT ["/opt/caisson/bin/caisson"]'],
  );
});

test('continuous integration calls exactly npm test', () => {
  const commands = read('.ci/run')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(commands, ['set -eu', 'cd "$(dirname "$0")/.."', 'exec npm test']);
});

function compose() {
  const service = z.looseObject({
    command: z.array(z.string()),
    environment: z.record(z.string(), z.string()),
    volumes: z.array(z.string()),
    networks: z.array(z.string()),
    ports: z.array(z.string()).optional(),
    user: z.string().optional(),
    init: z.boolean().optional(),
    read_only: z.boolean().optional(),
    cap_drop: z.array(z.string()),
    cap_add: z.array(z.string()).optional(),
    security_opt: z.array(z.string()),
    deploy: z.unknown().optional(),
  });
  const file = z.looseObject({
    services: z.strictObject({ caisson: service, vllm: service }),
    networks: z.record(z.string(), z.unknown()),
  });
  return file.parse(parseYaml('docker-compose.gpu.yml'));
}
