// Owns the figures of the gateway: what an event, an answer and a long prompt cost, against a proxy that only passes bytes, in one run.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figure } from '../figure.ts';
import { ratios, type Spread, spreadOf } from '../measure.ts';
import { startNginx, startPortkey } from './rivals.ts';
import { load, type Server, startEngine, startGateway, startMinimal } from './servers.ts';

const CLIENTS = 64;
const SLOW_CLIENTS = 500;
const WINDOW_MS = 1500;
const WARM_MS = 2000;
const MOST_WARMINGS = 8;
/** A cost that falls by less than this from one warming to the next is one of compiled code. */
const STILL_FALLS = 0.95;
/** The windows of one figure: what differs by less than the machine's own unrest is not worth minutes. */
const MOST_ROUNDS = 5;
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
  /** Where they are installed. */
  readonly nginx: Server | undefined;
  readonly portkey: Server | undefined;
  readonly rounds: number;
  /** What the servers have been warmed with. */
  readonly warm: Set<string>;
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
    const nginx = await startNginx(engine, folder);
    if (nginx !== undefined) servers.push(nginx);
    const portkey = await startPortkey(engine);
    if (portkey !== undefined) servers.push(portkey);
    const bench = { minimal, gateway, nginx, portkey, rounds: Math.min(rounds, MOST_ROUNDS), warm: new Set<string>() };
    return [
      ...(await passing(bench)),
      ...(await plain(bench)),
      ...(await beside(bench)),
      ...(await translation(bench)),
      await firstEvent(bench),
      ...(await memory(bench)),
    ];
  } finally {
    for (const server of servers) server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is asked of a server, and what its cost is divided by. */
interface Side {
  readonly server: Server;
  readonly path: string;
  readonly body: object;
  readonly unit: 'events' | 'answers';
}

const stream = (server: Server, model: string): Side => ({
  server,
  path: CHAT,
  body: chat(model, true, 100),
  unit: 'events',
});

/** Microseconds of CPU of the server for one unit of what its clients got. */
async function cost({ server, path, body, unit }: Side, ms: number): Promise<number> {
  const before = server.cpuMs();
  const seen = await load(server, { path, body, clients: CLIENTS, ms });
  if (seen.failures > 0 || seen[unit] === 0) throw new Error(`${path}: ${JSON.stringify(seen)}`);
  return ((server.cpuMs() - before) * 1000) / seen[unit];
}

/**
 * The two sides turn about, so that a drift of the machine's speed cancels out. Both are warm: what is asked of them was asked before
 * for a while, for the code of each kind of request is compiled when that kind comes.
 */
async function against({ rounds, warm }: Bench, own: Side, least: Side): Promise<Spread> {
  for (const side of [own, least]) await warmUp(side, warm);
  const [left, right]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    left.push(await cost(own, WINDOW_MS));
    right.push(await cost(least, WINDOW_MS));
  }
  return ratios(left, right);
}

/** On a busy machine the code of a side is compiled late: it is warmed until it gets no cheaper. `warm`: what has been. */
async function warmUp(side: Side, warm: Set<string>): Promise<void> {
  const name = `${side.server.url}${side.path}${JSON.stringify(side.body)}`;
  if (warm.has(name)) return;
  warm.add(name);
  let before = Infinity;
  for (let round = 0; round < MOST_WARMINGS; round += 1) {
    const now = await cost(side, WARM_MS);
    if (now > before * STILL_FALLS) return;
    before = now;
  }
}

/**
 * What a request costs beside its events, its key, its limits and its records, is spread over its events: streams of 200 events are
 * short ones, of 2000 long ones, in which the cost of an event is all that is left.
 */
async function passing(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [model, words] of [
    ['flat-200', 'flat out, 200 a stream,'],
    ['flat-2000', 'flat out, 2000 a stream,'],
    ['paced-5', 'at 5 ms pace'],
    ['paced-20', 'at 20 ms pace'],
  ] as const) {
    const spread = await against(bench, stream(bench.gateway, model), stream(bench.minimal, model));
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
    const of = (server: Server): Side => ({ server, path: CHAT, body: chat('plain', false, bytes), unit: 'answers' });
    const spread = await against(bench, of(bench.gateway), of(bench.minimal));
    figures.push({ what: `${words} / minimal proxy`, spread, unit: '×', bar });
  }
  return figures;
}

/** nginx has no bar: its figures are there for who wants to know how far it is to a server that is not written in a script. */
async function beside(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [model, words, part] of [
    ['flat-200', 'flat out', 3],
    ['paced-5', 'at 5 ms pace', 3],
    ['paced-20', 'at 20 ms pace', 2.3],
  ] as const) {
    for (const [name, rival, bar] of [
      ['Portkey', bench.portkey, Number((1 / part).toFixed(3))],
      ['nginx', bench.nginx, Infinity],
    ] as const) {
      if (rival === undefined) continue;
      const spread = await against(bench, stream(bench.gateway, model), stream(rival, model));
      figures.push({ what: `pass-through, an event ${words} / ${name}`, spread, unit: '×', bar });
    }
  }
  return figures;
}

/** Per answer of the engine: the dialects have events of their own number. */
async function translation(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [name, dialect] of Object.entries(DIALECTS)) {
    const own: Side = {
      server: bench.gateway,
      path: dialect.path,
      body: dialect.body('flat-200'),
      unit: 'answers',
    };
    const spread = await against(bench, own, { ...stream(bench.gateway, 'flat-200'), unit: 'answers' });
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
