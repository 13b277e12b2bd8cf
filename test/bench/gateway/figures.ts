// Owns the figures of the gateway: what an event, an answer and a long prompt cost, against a proxy that only passes bytes, in one run.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figure } from '../figure.ts';
import { ratios, type Spread, spreadOf } from '../measure.ts';
import { load, type Server, startEngine, startGateway, startMinimal } from './servers.ts';

const CLIENTS = 64;
const SLOW_CLIENTS = 500;
const WINDOW_MS = 2500;
const WARM_MS = 2500;
const KB = 1024;
const WORDS = 'the quick brown fox jumps over the lazy dog and the agent reads another file of the project\n';

const chat = (model: string, stream: boolean, bytes: number) => ({
  model,
  messages: [{ role: 'user', content: WORDS.repeat(Math.ceil(bytes / WORDS.length)) }],
  ...(stream ? { stream: true } : {}),
});
const CHAT = '/v1/chat/completions';
const DIALECTS: Readonly<Record<string, { readonly path: string; body(model: string): object }>> = {
  Responses: { path: '/v1/responses', body: (model) => ({ model, input: WORDS, stream: true, store: false }) },
  Messages: {
    path: '/v1/messages',
    body: (model) => ({ model, max_tokens: 1000, messages: [{ role: 'user', content: WORDS }], stream: true }),
  },
};

interface Bench {
  readonly minimal: Server;
  readonly gateway: Server;
  readonly rounds: number;
}

export async function gatewayFigures(rounds: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(process.getuid?.() === 0 ? tmpdir() : homedir(), '.caisson-bench-'));
  chmodSync(folder, 0o755);
  const engine = await startEngine();
  const servers: Server[] = [engine];
  try {
    const minimal = await startMinimal(engine);
    servers.push(minimal);
    const gateway = await startGateway(engine, folder);
    servers.push(gateway);
    const bench = { minimal, gateway, rounds };
    for (const server of [minimal, gateway]) await cost(server, CHAT, chat('flat-200', true, 100), WARM_MS);
    return [
      ...(await passing(bench)),
      ...(await plain(bench)),
      ...(await translation(bench)),
      await firstEvent(bench),
      ...(await memory(bench)),
    ];
  } finally {
    for (const server of servers) server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Microseconds of CPU of the server for one unit of what its clients got. */
async function cost(
  server: Server,
  path: string,
  body: object,
  ms = WINDOW_MS,
  unit: 'events' | 'answers' = 'events',
): Promise<number> {
  const before = server.cpuMs();
  const seen = await load(server, { path, body, clients: CLIENTS, ms });
  if (seen.failures > 0 || seen[unit] === 0) throw new Error(`${path}: ${JSON.stringify(seen)}`);
  return ((server.cpuMs() - before) * 1000) / seen[unit];
}

/** The two sides turn about, so that a drift of the machine's speed cancels out. */
async function against({ rounds }: Bench, own: () => Promise<number>, least: () => Promise<number>): Promise<Spread> {
  const [left, right]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    left.push(await own());
    right.push(await least());
  }
  return ratios(left, right);
}

async function passing(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [model, words] of [
    ['flat-200', 'flat out'],
    ['paced-5', 'at 5 ms pace'],
    ['paced-20', 'at 20 ms pace'],
  ] as const) {
    const body = chat(model, true, 100);
    const spread = await against(
      bench,
      () => cost(bench.gateway, CHAT, body),
      () => cost(bench.minimal, CHAT, body),
    );
    figures.push({ what: `pass-through, an event ${words} / minimal proxy`, spread, unit: '×', bar: 1.35 });
  }
  return figures;
}

async function plain(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [bytes, words, bar] of [
    [2 * KB, 'a 2 kB JSON request', 2],
    [200 * KB, 'a 200 kB prompt', 1.4],
  ] as const) {
    const body = chat('plain', false, bytes);
    const spread = await against(
      bench,
      () => cost(bench.gateway, CHAT, body, WINDOW_MS, 'answers'),
      () => cost(bench.minimal, CHAT, body, WINDOW_MS, 'answers'),
    );
    figures.push({ what: `${words} / minimal proxy`, spread, unit: '×', bar });
  }
  return figures;
}

/** Per answer of the engine: the dialects have events of their own number. */
async function translation(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [name, dialect] of Object.entries(DIALECTS)) {
    const spread = await against(
      bench,
      () => cost(bench.gateway, dialect.path, dialect.body('flat-200'), WINDOW_MS, 'answers'),
      () => cost(bench.gateway, CHAT, chat('flat-200', true, 100), WINDOW_MS, 'answers'),
    );
    figures.push({ what: `${name} in front of a chat engine / pass-through`, spread, unit: '×', bar: 2.2 });
  }
  return figures;
}

async function firstEvent({ minimal, gateway, rounds }: Bench): Promise<Figure> {
  const added: number[] = [];
  const order = { path: CHAT, body: chat('paced-20', true, 100), clients: CLIENTS, ms: WINDOW_MS };
  for (let round = 0; round < rounds; round += 1) {
    const own = await load(gateway, order);
    const least = await load(minimal, order);
    added.push(own.firstP99 - least.firstP99);
  }
  return { what: 'added time to the first event, p99', spread: spreadOf(added), unit: 'ms', bar: 5 };
}

async function memory({ gateway }: Bench): Promise<readonly Figure[]> {
  const grown = async (model: string, clients: number, deaf: boolean) => {
    const before = gateway.residentBytes();
    const running = load(gateway, { path: CHAT, body: chat(model, true, 100), clients, ms: 4000, deaf });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const after = gateway.residentBytes();
    await running;
    return Math.max(0, after - before) / clients / KB;
  };
  return [
    {
      what: '500 slow streams, each',
      spread: spreadOf([await grown('paced-50', SLOW_CLIENTS, false)]),
      unit: 'kB',
      bar: 60,
    },
    {
      what: '16 clients that read nothing, each',
      spread: spreadOf([await grown('flood', 16, true)]),
      unit: 'kB',
      bar: 4096,
    },
  ];
}
