// A server that speaks as vLLM does and has a prefix cache: it says how much of a prompt it knew. It is killed, comes back, and lies.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../src/base/clock.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { createOpenAIBackend } from '../../../src/backends/openai/backend.ts';
import { createPassing } from '../../../src/backends/openai/passing.ts';
import { keyOf } from '../../../src/backends/routing/affinity.ts';
import { readText } from '../http.ts';
import { makeKillable } from '../killable.ts';

/** Characters of a block; each counts as a token. */
const BLOCK = 64;

export interface CachingEngine {
  readonly name: string;
  readonly url: string;
  readonly told: { prompt: number; cached: number };
  /** Conversations, by header, that came with a chat. */
  readonly sessions: readonly (string | undefined)[];
  /** What it does with the next requests. */
  mode: 'well' | 'failing' | 'full' | 'dying';
  model: string;
  kill(): Promise<void>;
  /** With an empty cache, at the same address. */
  revive(): Promise<void>;
}

export async function startCachingEngine(context: TestContext, name: string): Promise<CachingEngine> {
  const sessions: (string | undefined)[] = [];
  const cache = new Set<number>();
  const server = http.createServer((request, response) => {
    response.on('error', () => {});
    void readText(request).then(
      (text) => answer(engine, { request, response, text, cache, sessions }),
      () => {},
    );
  });
  const killable = await makeKillable(server);
  const kill = async () => {
    cache.clear();
    await killable.kill();
  };
  context.after(kill);
  const engine: CachingEngine = {
    name,
    url: `http://127.0.0.1:${killable.port}/v1`,
    told: { prompt: 0, cached: 0 },
    sessions,
    mode: 'well',
    model: 'm',
    kill,
    revive: () => killable.revive(),
  };
  return engine;
}

/** As the service makes it of its configuration. */
export function backendOf({ name, url }: CachingEngine, more: Partial<Backend> = {}): Backend {
  const pass = createPassing({ url, key: 'k', connectMs: 2000, now: () => Date.now() });
  return {
    ...createOpenAIBackend({ name, url, limits: LIMITS, clock: systemClock }),
    passing: async () => pass,
    ...more,
  };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly text: string;
  readonly cache: Set<number>;
  readonly sessions: (string | undefined)[];
}

/** The prompt is read for a moment; then the answer comes at once. */
async function answer(engine: CachingEngine, asked: Asked): Promise<void> {
  const { request, response } = asked;
  if (request.url === '/health') return void response.end();
  if (request.url === '/v1/models') return void response.end(JSON.stringify({ data: [{ id: engine.model }] }));
  const { model, messages } = JSON.parse(asked.text) as { model: string; messages: unknown };
  if (model !== engine.model) {
    const error = { message: `The model \`${model}\` does not exist.`, type: 'NotFoundError', code: 404 };
    return refuse(response, 404, error);
  }
  await delay(3);
  if (engine.mode === 'dying') return void response.socket?.resetAndDestroy();
  if (engine.mode === 'failing')
    return refuse(response, 500, { message: 'EngineCore encountered an issue', code: 500 });
  if (engine.mode === 'full') return refuse(response, 503, { message: 'too many requests', code: 503 });
  const session = request.headers['x-session-id'];
  asked.sessions.push(typeof session === 'string' ? session : undefined);
  const usage = usageOf(JSON.stringify(messages), asked.cache);
  engine.told.prompt += usage.prompt_tokens;
  engine.told.cached += usage.prompt_tokens_details.cached_tokens;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const event = (value: object) => `data: ${JSON.stringify({ id: 'c', model, ...value })}\n\n`;
  const choice = (delta: object, finish: string | null) =>
    event({ choices: [{ index: 0, delta, finish_reason: finish }] });
  response.end(
    choice({ role: 'assistant', content: engine.name }, null) +
      choice({}, 'stop') +
      event({ choices: [], usage }) +
      'data: [DONE]\n\n',
  );
  return undefined;
}

function refuse(response: ServerResponse, status: number, error: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error }));
}

function usageOf(prompt: string, cache: Set<number>) {
  let cached = 0;
  let hash = 0;
  let known = true;
  for (let at = 0; at + BLOCK <= prompt.length; at += BLOCK) {
    hash = keyOf(`${hash} ${prompt.slice(at, at + BLOCK)}`);
    known &&= cache.has(hash);
    if (known) cached += BLOCK;
    cache.add(hash);
  }
  return { prompt_tokens: prompt.length, completion_tokens: 1, prompt_tokens_details: { cached_tokens: cached } };
}
