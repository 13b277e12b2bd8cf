// Owns the text of docker-compose.gpu.yml for one model: Caisson, and each engine that can serve it. Knows no docker.
import { lateLibrary } from '../../base/late-library.ts';
import type { PlanEngine } from '../../contracts/model-plan.ts';
import { type Build, isGguf } from '../build.ts';
import {
  llamaFlags,
  nimArguments,
  type Start,
  TRITON_CONFIG,
  tritonModel,
  vllmEnvironment,
  vllmFlags,
} from './commands.ts';
import { CAISSON_SERVICES, COMPOSE_HEAD } from './compose-text.ts';

type Service = Readonly<Record<string, unknown>>;

const COMPOSE_ENGINES = ['vllm', 'triton', 'nim', 'llamacpp'] as const satisfies readonly PlanEngine[];
type ComposeEngine = (typeof COMPOSE_ENGINES)[number];

const yaml = lateLibrary('yaml');

const WIDE = 200;
const MODEL_FOLDER = '${CAISSON_MODEL_DIR:?set it to the folder of the model}:/model:ro';
/** The service alone has its data; boxes and the socket are between it and the runner. */
const OWN_VOLUMES = { 'caisson-data': {}, 'caisson-boxes': {}, 'caisson-sock': {}, 'runner-data': {} } as const;
/** Where an engine that is not root may write: gone with the container. */
const SCRATCH: Readonly<Record<string, string>> = { HOME: '/tmp', USER: 'engine', XDG_CACHE_HOME: '/tmp/cache' };

/** `build` for vLLM, Triton and NIM, `gguf` for llama.cpp; each gets the profile of its name. */
export function composeFile(build: Build, gguf: Build | undefined, start: Start): string {
  const services: Readonly<Record<ComposeEngine, Service>> = {
    vllm: vllmService(build, start),
    triton: tritonService(build, start),
    nim: nimService(build, start),
    llamacpp: gguf === undefined ? {} : llamaService(gguf, start),
  };
  const able = COMPOSE_ENGINES.filter((engine) => canServe(engine === 'llamacpp' ? gguf : build, engine));
  const rest = {
    networks: { edge: {}, engines: { internal: true }, sandboxes: { internal: true } },
    volumes: { ...OWN_VOLUMES, ...(able.includes('nim') ? { 'nim-cache': {} } : {}) },
    ...(able.includes('triton') ? { configs: tritonConfigs(build, start) } : {}),
  };
  const engines = Object.fromEntries(able.map((engine) => [engine, services[engine]]));
  return `${COMPOSE_HEAD}\nservices:\n${CAISSON_SERVICES}\n${indented(written(engines))}\n\n${written(rest)}\n`;
}

function canServe(build: Build | undefined, engine: PlanEngine): boolean {
  return build !== undefined && build.engines[engine]?.image !== undefined && isGguf(build) === (engine === 'llamacpp');
}

function vllmService(build: Build, start: Start): Service {
  return engineService(build, 'vllm', start, {
    command: ['--model=/model', ...vllmFlags(build, start)],
    environment: { ...vllmEnvironment(build, start), ...SCRATCH },
    healthcheck: healthOf('/health'),
  });
}

function tritonService(build: Build, start: Start): Service {
  const folder = `/repository/${build.name}`;
  return engineService(build, 'triton', start, {
    command: ['tritonserver', '--model-repository=/repository'],
    environment: { ...vllmEnvironment(build, start), ...SCRATCH },
    configs: [
      { source: 'triton-config', target: `${folder}/config.pbtxt` },
      { source: 'triton-model', target: `${folder}/1/model.json` },
    ],
    healthcheck: healthOf('/v2/health/ready'),
  });
}

function tritonConfigs(build: Build, start: Start): Service {
  return {
    'triton-config': { content: `${TRITON_CONFIG.join('\n')}\n` },
    'triton-model': { content: `${JSON.stringify(tritonModel(build, start, '/model'), undefined, 2)}\n` },
  };
}

/** Without NGC_API_KEY and HF_TOKEN nothing is tried online. */
function nimService(build: Build, start: Start): Service {
  return engineService(build, 'nim', start, {
    environment: {
      NIM_MODEL_PATH: '/model',
      NIM_PASSTHROUGH_ARGS: `--served-model-name=${build.name} ${nimArguments(start)}`,
      ...build.engines.nim?.environment,
    },
    volumes: [MODEL_FOLDER, 'nim-cache:/opt/nim/.cache'],
    healthcheck: healthOf('/v1/health/ready'),
  });
}

/** The image has curl and no Python. */
function llamaService(build: Build, start: Start): Service {
  const flags = llamaFlags(build, { ...start, sequences: 1 }, `/model/${build.name}.gguf`);
  return engineService(build, 'llamacpp', start, {
    command: [...flags, '--host', '0.0.0.0'],
    healthcheck: { test: ['CMD', 'curl', '--fail', '--silent', 'http://127.0.0.1:8000/health'], ...HEALTH },
  });
}

const HEALTH = { interval: '10s', timeout: '6s', retries: 3, start_period: '15m' };

function healthOf(path: string) {
  const ask = `import urllib.request; urllib.request.urlopen("http://127.0.0.1:8000${path}", timeout=5)`;
  return { test: ['CMD', 'python3', '-c', ask], ...HEALTH };
}

/** What all engines share: never published, never root, nothing written but in memory, the weights read-only. */
function engineService(build: Build, engine: PlanEngine, { gpus }: Start, own: Service): Service {
  return {
    profiles: [engine],
    image: `\${${engine.toUpperCase()}_IMAGE:-${build.engines[engine]?.image ?? ''}}`,
    volumes: [MODEL_FOLDER],
    ...own,
    user: '${ENGINE_USER:-1000:1000}',
    tmpfs: ['/tmp:exec'],
    shm_size: '8g',
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    networks: ['engines'],
    deploy: {
      resources: { reservations: { devices: [{ driver: 'nvidia', count: gpus, capabilities: ['gpu'] }] } },
    },
    restart: 'unless-stopped',
  };
}

function written(value: object): string {
  return yaml().stringify(value, { lineWidth: WIDE, aliasDuplicateObjects: false }).trimEnd();
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : `  ${line}`))
    .join('\n');
}
