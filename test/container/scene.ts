// Owns containers as docker-compose.gpu.yml makes them, for one test: the same rights, places and networks. Removes all when it ends.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Done, docker, type Engine, must } from './docker.ts';
import { IMAGES } from './images.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** What the tests are told of the engine. */
export const SCENE_VARIABLE = 'CAISSON_TEST_ENGINE';
const HEALTHY_MS = 90_000;
const POLL_MS = 500;

const service = z.looseObject({
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  user: z.string(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  cap_add: z.array(z.string()).default([]),
  security_opt: z.array(z.string()),
  tmpfs: z.array(z.string()),
  volumes: z.array(z.string()),
  networks: z.array(z.string()),
  mem_limit: z.string(),
  pids_limit: z.int(),
});
export type Service = z.output<typeof service>;

export interface Scene {
  readonly engine: Engine;
  readonly services: Readonly<Record<'serve' | 'runner', Service>>;
  /** Starts a container of the scene. `also`: further words of `docker create`; `command`: in place of the service's own. */
  readonly start: (name: string, of: Service, how?: How) => Promise<string>;
  /** Resolves when its health check passes. Rejects with its log once it has ended. */
  readonly healthy: (container: string) => Promise<void>;
  readonly exec: (container: string, words: readonly string[]) => Promise<Done>;
  /** Exit code and all that it printed, once it has ended. */
  readonly ended: (container: string) => Promise<{ readonly code: number; readonly said: string }>;
}

export interface How {
  readonly image?: 'serve' | 'runner';
  readonly also?: readonly string[];
  readonly entrypoint?: string;
  readonly command?: readonly string[];
}

export function openScene(t: TestContext): Scene {
  const engine = JSON.parse(process.env[SCENE_VARIABLE] ?? 'null') as Engine | null;
  if (engine === null) throw new Error('npm run test:container makes the images that this test needs');
  const prefix = `caisson-test-${process.pid}`;
  const made = { containers: new Set<string>(), networks: new Set<string>(), volumes: new Set<string>() };
  t.after(async () => {
    for (const one of made.containers) await docker(engine, ['rm', '--force', '--volumes', one]);
    for (const one of made.networks) await docker(engine, ['network', 'rm', one]);
    for (const one of made.volumes) await docker(engine, ['volume', 'rm', '--force', one]);
  });
  const network = async (name: string) => {
    if (!isOwn(name)) return name;
    const full = `${prefix}-${name}`;
    if (!made.networks.has(full)) await must(engine, ['network', 'create', '--internal', full]);
    made.networks.add(full);
    return full;
  };
  const start: Scene['start'] = async (name, of, { image = 'runner', also = [], entrypoint, command } = {}) => {
    const [first = 'none', ...others] = await Promise.all(of.networks.map(network));
    const volumes = of.volumes.filter((volume) => /^[a-z]/.test(volume)).map((volume) => `${prefix}-${volume}`);
    for (const volume of volumes) made.volumes.add(volume.split(':')[0] ?? '');
    const container = `${prefix}-${name}`;
    made.containers.add(container);
    const words = [...rightsOf(of), ...volumes.flatMap((volume) => ['--volume', volume]), ...also];
    const entry = entrypoint === undefined ? [] : ['--entrypoint', entrypoint];
    const alias = isOwn(first) ? ['--network-alias', name] : [];
    const place = ['--network', first, ...alias, '--name', container];
    await must(engine, ['create', ...words, ...entry, ...place, IMAGES[image], ...(command ?? of.command)]);
    for (const other of others) await must(engine, ['network', 'connect', '--alias', name, other, container]);
    await must(engine, ['start', container]);
    return container;
  };
  return {
    engine,
    services: servicesOfCompose(),
    start,
    healthy: (container) => untilHealthy(engine, container),
    exec: (container, words) => docker(engine, ['exec', container, ...words]),
    ended: async (container) => {
      const code = Number(await must(engine, ['wait', container]));
      const { stdout, stderr } = await docker(engine, ['logs', container]);
      return { code, said: `${stdout}\n${stderr}`.trim() };
    },
  };
}

/** Not of the engine itself: `none`, or that of another container. */
function isOwn(network: string): boolean {
  return network !== 'none' && !network.includes(':');
}

/** What `docker create` is told for the rights that compose gives. */
function rightsOf(of: Service): readonly string[] {
  return [
    '--init',
    ...(of.read_only ? ['--read-only'] : []),
    `--user=${of.user}`,
    `--memory=${of.mem_limit}`,
    `--pids-limit=${of.pids_limit}`,
    ...of.cap_drop.flatMap((one) => ['--cap-drop', one]),
    ...of.cap_add.flatMap((one) => ['--cap-add', one]),
    ...of.security_opt.flatMap((one) => ['--security-opt', one]),
    ...of.tmpfs.flatMap((one) => ['--tmpfs', one]),
    ...Object.entries(of.environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
  ];
}

function servicesOfCompose() {
  const file = z.looseObject({ services: z.looseObject({ serve: service, runner: service }) });
  return file.parse(parse(readFileSync(join(ROOT, 'docker-compose.gpu.yml'), 'utf8'))).services;
}

async function untilHealthy(engine: Engine, container: string): Promise<void> {
  const deadline = Date.now() + HEALTHY_MS;
  const format = '{{.State.Running}} {{.State.Health.Status}}';
  for (let seen = ''; seen !== 'true healthy'; await delay(POLL_MS)) {
    seen = await must(engine, ['inspect', '--format', format, container]);
    if (seen.startsWith('true') && Date.now() < deadline) continue;
    const { stdout, stderr } = await docker(engine, ['logs', '--tail', '40', container]);
    throw new Error(`${container} is not healthy (${seen}):\n${stdout}\n${stderr}`);
  }
}
