// Spoilt answers of an engine, through every dialect and as bytes that pass: each ends as a whole answer, an error of the dialect or a
// reset, soon, and no call in it looks whole that is not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createPassing } from '../../../src/backends/openai/passing.ts';
import { backendFor } from '../faults/engine.ts';
import { DIALECTS, type Dialect } from '../faults/dialects.ts';
import { checkStream as checkMessages } from '../messages/checker.ts';
import { checkStream as checkResponses } from '../responses/checker.ts';
import { eventsOf } from '../responses/streams.ts';
import { type Service, startService } from '../service.ts';
import { createRandom, spoil, spoilText } from './spoil.ts';

const COUNT = Number(process.env['CAISSON_MUTATIONS'] ?? 5000);
const SEED = Number(process.env['CAISSON_SEED'] ?? 20_261_125);
const AT_ONCE = 40;
const ANSWER_MS = 20_000;

const delta = (given: object, finish: string | null = null, more: object = {}) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  model: 'm',
  choices: [{ index: 0, delta: given, logprobs: null, finish_reason: finish, ...more }],
});
const call = (index: number, given: object, more: object = {}) =>
  delta({ tool_calls: [{ index, ...more, function: given }] });
const USAGE = {
  id: 'c',
  choices: [],
  usage: { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } },
};
const WORDS = Array.from({ length: 6 }, (_empty, index) => delta({ content: `wörd${index} ` }));

const ANSWERS: readonly (readonly object[])[] = [
  [delta({ role: 'assistant', content: '' }), ...WORDS, delta({}, 'stop'), USAGE],
  [delta({ role: 'assistant', content: '' }), delta({ reasoning: 'I 😀 think' }), ...WORDS, delta({}, 'length'), USAGE],
  [
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'I look.' }),
    call(0, { name: 'bash' }, { id: 'a', type: 'function' }),
    call(0, { arguments: '{"command":' }),
    call(0, { arguments: '"ls -a && rm x"}' }),
    call(1, { name: 'bash', arguments: '{"command":"pwd"}' }, { id: 'b', type: 'function' }),
    delta({}, 'tool_calls'),
    USAGE,
  ],
  [
    delta({ content: 'a' }, null, {
      logprobs: { content: [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }] },
    }),
    delta({ content: '' }, 'stop', { stop_reason: 'END' }),
    USAGE,
  ],
];
const FOUL = [
  '<html>502 Bad Gateway</html>',
  'data: {"error":{"message":"no","code":500}}\n\n',
  ': ping\n\n',
  'data:\n\n',
];

interface Spoilt {
  readonly bytes: Buffer;
  readonly status: number;
  readonly type: string;
  /** The connection is broken behind the last byte. */
  readonly broken: boolean;
}

/** One answer with frames spoilt, lost, doubled, swapped or foul, and bytes lost, changed or left off. */
function spoiltAnswer(random: () => number): Spoilt {
  const frames = oneOf(random, ANSWERS, []).map((frame) => JSON.stringify(frame));
  for (let count = Math.floor(random() * 3); count > 0; count -= 1) spoilFrame(frames, random);
  let text = frames.map((frame) => `data: ${frame}\n\n`).join('');
  if (random() < 0.15) text = text.replace('data: ', `${oneOf(random, FOUL, '')}data: `);
  if (random() < 0.02) text += `data: ${'x'.repeat(200_000)}`;
  if (random() < 0.9) text += 'data: [DONE]\n\n';
  return {
    bytes: spoilBytes(Buffer.from(text), random),
    status: random() < 0.03 ? oneOf(random, [204, 400, 404, 429, 500, 503], 500) : 200,
    type: random() < 0.97 ? 'text/event-stream' : oneOf(random, ['text/html', 'application/json', ''], ''),
    broken: random() < 0.1,
  };
}

function oneOf<Item>(random: () => number, items: readonly Item[], otherwise: Item): Item {
  return items[Math.floor(random() * items.length)] ?? otherwise;
}

function spoilFrame(frames: string[], random: () => number): void {
  const at = Math.floor(random() * frames.length);
  const frame = frames[at] ?? '{}';
  const kind = random();
  if (kind < 0.5) frames[at] = JSON.stringify(spoil(valueOf(frame), random)) ?? '';
  else if (kind < 0.65) frames.splice(at, 1);
  else if (kind < 0.8) frames.splice(at, 0, frame);
  else frames[at] = spoilText(frame, random);
}

function spoilBytes(bytes: Buffer, random: () => number): Buffer {
  const kept = random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
  if (random() < 0.1) kept[Math.floor(random() * kept.length)] = Math.floor(random() * 256);
  return kept;
}

/** A frame that is no JSON any more stands for nothing. */
function valueOf(frame: string): unknown {
  try {
    return JSON.parse(frame);
  } catch {
    return {};
  }
}

function send(response: ServerResponse, { bytes, status, type, broken }: Spoilt, random: () => number): void {
  response.writeHead(status, type === '' ? {} : { 'content-type': type });
  const at = Math.floor(random() * bytes.length);
  response.write(bytes.subarray(0, at));
  setImmediate(() => (broken ? response.destroy() : response.end(bytes.subarray(at))));
}

/** An engine that answers each request with what was made of its seed. */
async function startEngine(context: TestContext): Promise<string> {
  const engine = http.createServer((request, response) => {
    response.on('error', () => {});
    let text = '';
    request.setEncoding('utf8').on('data', (more: string) => (text += more));
    request.on('end', () => {
      const random = createRandom(Number(/seed-(\d+)/.exec(text)?.[1]));
      send(response, spoiltAnswer(random), random);
    });
  });
  engine.listen(0, '127.0.0.1');
  await once(engine, 'listening');
  context.after(() => engine.closeAllConnections());
  context.after(() => engine.close());
  return `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1`;
}

interface Asked {
  readonly service: Service;
  readonly key: string;
  readonly agent: http.Agent;
  readonly dialect: Dialect;
  readonly seed: number;
  readonly streamed: boolean;
}

interface Told {
  readonly status: number;
  readonly text: string;
  readonly reset: boolean;
}

function ask({ service, key, agent, dialect, seed, streamed }: Asked): Promise<Told> {
  const { stream_options: options, ...rest } = dialect.body as { readonly stream_options?: object };
  const streaming = options === undefined ? { stream: true } : { stream: true, stream_options: options };
  const body = JSON.stringify({ ...rest, ...(streamed ? streaming : {}) }).replace('"hi"', `"seed-${seed}"`);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const where = { host: '127.0.0.1', port: service.port, method: 'POST', path: dialect.path, headers, agent };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to seed ${seed} of ${dialect.name}`)), ANSWER_MS);
    const told = (status: number, text: string, reset: boolean) => {
      clearTimeout(timer);
      resolve({ status, text, reset });
    };
    const asking = http.request(where, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (more: string) => (text += more));
      answer.on('error', () => told(answer.statusCode ?? 0, text, true));
      answer.on('end', () => told(answer.statusCode ?? 0, text, false));
    });
    asking.on('error', () => told(0, '', true));
    asking.end(body);
  });
}

/** The bytes of the engine as they are: what is foul in them is the engine's. Those of a whole stream, never of one that was broken. */
function isPassed({ status, text, reset }: Told, seed: number): boolean {
  const { bytes, status: given, broken } = spoiltAnswer(createRandom(seed));
  const isWhole = text.endsWith('data: [DONE]\n\n') || /"finish_reason":"/.test(text);
  return status === given && !reset && !broken && isWhole && text === bytes.toString('utf8');
}

interface Way {
  readonly dialect: Dialect;
  readonly streamed: boolean;
  readonly mayBeFoul: boolean;
}

/** `complete`, `error`, `failure` (an error in the stream) or `reset`; throws for anything else. */
function endOf({ status, text, reset }: Told, { dialect, streamed, mayBeFoul }: Way): string {
  if (status !== 200) {
    if (status === 0) return 'reset';
    assert.ok(status >= 400 && status !== 500, `status ${status}: ${text}`);
    assert.notEqual((JSON.parse(text) as { error?: unknown }).error, undefined, text);
    return 'error';
  }
  if (!streamed) {
    checkCalls(text);
    return 'complete';
  }
  checkLaw(text, dialect, reset);
  if (reset) return 'reset';
  // Bytes that pass have no more of a farewell than the engine gave.
  const isEnd = dialect.end.test(text) || (mayBeFoul && /"finish_reason":"/.test(text));
  const isFailure = dialect.failure.test(text);
  assert.notEqual(isEnd, isFailure, `both or none of the ends: ${text}`);
  if (isEnd && dialect.name === 'chat') checkChatCalls(text, mayBeFoul);
  return isEnd ? 'complete' : 'failure';
}

function checkLaw(text: string, { name }: Dialect, reset: boolean): void {
  if (name === 'messages') checkMessages(text, reset);
  if (name === 'responses') checkResponses(eventsOf(wholeEvents(text)), reset ? 'cut' : 'whole');
}

/** A reset may come in the middle of an event. */
function wholeEvents(text: string): string {
  return text.slice(0, text.lastIndexOf('\n\n') + 2);
}

/** Whatever an answer calls, its arguments are JSON. */
function checkCalls(text: string): void {
  const { choices } = JSON.parse(text) as {
    choices?: readonly { finish_reason: string; message: { tool_calls?: Calls } }[];
  };
  for (const { finish_reason: reason, message } of choices ?? [])
    if (reason === 'tool_calls') for (const { function: one } of message.tool_calls ?? []) JSON.parse(one.arguments);
}

type Calls = readonly { readonly index?: number; readonly function: { readonly arguments: string } }[];

interface ChatChunk {
  readonly choices?: readonly {
    readonly finish_reason?: string | null;
    readonly delta?: { readonly tool_calls?: Calls };
  }[];
}

/** Bytes that pass are the engine's, foul ones as well. */
function chunkOf(line: string, mayBeFoul: boolean): unknown {
  const text = line.slice('data: '.length);
  return mayBeFoul ? valueOf(text) : JSON.parse(text);
}

/** A stream that says that it ended with calls has only whole ones. */
function checkChatCalls(text: string, mayBeFoul: boolean): void {
  const lines = text.split('\n').filter((line) => line.startsWith('data: {'));
  const choices = lines.flatMap((line) => (chunkOf(line, mayBeFoul) as ChatChunk).choices ?? []);
  if (!choices.some(({ finish_reason: reason }) => reason === 'tool_calls')) return;
  const texts = new Map<number, string>();
  for (const { index = 0, function: one } of choices.flatMap(({ delta: given }) => given?.tool_calls ?? []))
    texts.set(index, (texts.get(index) ?? '') + (one.arguments ?? ''));
  // Engines leave the arguments out where there are none.
  for (const one of texts.values()) if (one !== '') JSON.parse(one);
}

test(
  `${COUNT} spoilt answers of an engine: each ends once, lawfully and soon, and nothing is left over`,
  { timeout: 1_000_000 },
  async (context) => {
    const url = await startEngine(context);
    const backend = backendFor('engine', { url });
    const pass = createPassing({ url, key: 'k', connectMs: 2000, now: () => performance.now() });
    const ports = { stream: backend.stream, passing: async () => pass };
    const services = [
      await startService(context, { changes: { stream: backend.stream } }),
      await startService(context, { changes: ports }),
    ];
    const agent = new http.Agent({ keepAlive: true });
    context.after(() => agent.destroy());
    const keys = await Promise.all(services.map((service) => service.key(['client'])));
    const seen = new Map<string, number>();
    let next = 0;
    const client = async () => {
      for (let at = (next += 1); at <= COUNT; at = next += 1) {
        const seed = SEED + at;
        const dialect = DIALECTS[at % DIALECTS.length] ?? assert.fail('there is no dialect');
        const way = at % services.length;
        const service = services[way] ?? assert.fail('there is no service');
        const streamed = at % 5 !== 0;
        const told = await ask({ service, key: keys[way] ?? '', agent, dialect, seed, streamed });
        try {
          const end = isPassed(told, seed) ? 'passed' : endOf(told, { dialect, streamed, mayBeFoul: way === 1 });
          seen.set(end, (seen.get(end) ?? 0) + 1);
        } catch (cause) {
          throw new Error(
            `seed ${seed}, ${dialect.name}, ${streamed ? 'streamed' : 'whole'}, way ${way}: ${told.text}`,
            { cause },
          );
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    assert.deepEqual(
      ['complete', 'error', 'passed', 'reset'].filter((end) => !seen.has(end)),
      [],
    );
    for (const { ports, logged } of services) {
      assert.deepEqual([ports.admission.lines()[0]?.running, ports.admission.lines()[0]?.waiting], [[], []]);
      assert.ok(!logged.some(({ message }) => message.includes('unexpectedly')));
    }
  },
);
