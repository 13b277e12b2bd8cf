// Two hundred clients of all dialects while engines are killed and come back at random: each stream has one end, and nothing is left over.
import assert from 'node:assert/strict';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRouter } from '../../../src/backends/router.ts';
import { type Service, startService } from '../service.ts';
import { askOf, type Dialect, DIALECTS } from './dialects.ts';
import { backendFor, type FaultyEngine, type Script, startFaultyEngine, USAGE } from './engine.ts';

const CLIENTS = 200;
const SECONDS = Number(process.env['CAISSON_CHAOS_SECONDS'] ?? 10);
const WORDS = 12;

/** Answers take about a second, so that most of them meet a death. */
const script: Script = async (say) => {
  for (let count = 0; count < WORDS && !say.response.destroyed; count += 1) {
    await say.text(`word${count} `);
    await delay(50 + Math.random() * 60);
  }
  if (!say.response.destroyed) say.end();
};

/** `complete`, `error` or `reset`, or the words for what it was instead. */
async function endOfOne(service: Service, dialect: Dialect, key: string, agent: Agent): Promise<string> {
  const { json } = askOf(dialect, key, true);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const where = { host: '127.0.0.1', port: service.port, method: 'POST', path: dialect.path, headers, agent };
  let text = '';
  let status = 0;
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(where, resolve).on('error', reject).end(JSON.stringify(json));
    });
    status = answer.statusCode ?? 0;
    for await (const part of answer) text += String(part);
  } catch (error) {
    const isWhole = dialect.end.test(text) || dialect.failure.test(text);
    return isWhole ? `an end and then ${String(error)}` : 'reset';
  }
  if (status !== 200) return JSON.parse(text).error === undefined ? `no error: ${text}` : 'error';
  const [isEnd, isFailure] = [dialect.end.test(text), dialect.failure.test(text)];
  if (isEnd === isFailure) return `both or none of the ends: ${text}`;
  if (isFailure) return 'error';
  return text.includes(`word${WORDS - 1} `) && usageIn(text) ? 'complete' : `not whole: ${text}`;
}

function usageIn(text: string): boolean {
  const { prompt_tokens: prompt, completion_tokens: completion } = USAGE;
  const isOpenai = text.includes(`"prompt_tokens":${prompt},"completion_tokens":${completion}`);
  const counts = [...text.matchAll(/"(?:input|output)_tokens":(\d+)/g)].map(([, count]) => Number(count));
  return isOpenai || (counts.includes(prompt) && counts.at(-1) === completion) || counts.slice(-2).includes(completion);
}

async function killAtRandom(engines: readonly FaultyEngine[], until: number): Promise<number> {
  let kills = 0;
  while (Date.now() < until) {
    const engine = engines[Math.floor(Math.random() * engines.length)];
    await delay(200 + Math.random() * 500);
    await engine?.kill();
    kills += 1;
    await delay(Math.random() * 400);
    await engine?.revive();
  }
  return kills;
}

test(
  '200 clients, engines killed at random: each stream ends once, usage is exact, nothing leaks',
  { timeout: 180_000 },
  async (context) => {
    const engines = [await startFaultyEngine(context, script), await startFaultyEngine(context, script)];
    const { stream } = createRouter(engines.map((engine, index) => backendFor(`engine-${index}`, engine)));
    const service = await startService(context, { changes: { stream }, engine: { maxConcurrent: CLIENTS } });
    const key = await service.key(['client', 'auditor']);
    const agent = new Agent({ keepAlive: true });
    const until = Date.now() + SECONDS * 1000;
    const ends = new Map<string, number>();
    const client = async (index: number) => {
      const dialect = DIALECTS[index % DIALECTS.length] ?? assert.fail('there is no dialect');
      while (Date.now() < until) {
        const end = await endOfOne(service, dialect, key, agent);
        ends.set(end, (ends.get(end) ?? 0) + 1);
        if (end !== 'complete') await delay(100 + Math.random() * 200);
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_empty, index) => client(index));
    const kills = await killAtRandom(engines, until);
    await Promise.all(clients);
    agent.destroy();

    const seen = [...ends.keys()].toSorted();
    assert.deepEqual(
      seen.filter((end) => !['complete', 'error', 'reset'].includes(end)),
      [],
    );
    assert.ok(
      kills > 5 && (ends.get('complete') ?? 0) > 0 && (ends.get('reset') ?? 0) > 0,
      JSON.stringify([kills, ...ends]),
    );
    const now = Date.now();
    const usage = await service.ports.admission.usage({ from: now - 3_600_000, to: now + 60_000, by: 'key' });
    const complete = ends.get('complete') ?? 0;
    const sum = (name: 'promptTokens' | 'completionTokens') => usage.reduce((all, line) => all + line[name], 0);
    assert.deepEqual(
      [sum('promptTokens'), sum('completionTokens')],
      [complete * USAGE.prompt_tokens, complete * USAGE.completion_tokens],
    );
    assert.ok(!service.logged.some(({ message }) => message.includes('unexpectedly')));

    const [line] = service.ports.admission.lines();
    assert.deepEqual([line?.running, line?.waiting], [[], []]);
    await Promise.all(engines.map((engine) => engine.kill()));
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap');
    while (sockets().length > 0) await delay(20);
  },
);
