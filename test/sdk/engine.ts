// Owns a scripted engine that speaks like vLLM over real HTTP and can die like it. Knows no gateway and no SDK.
// The first process holds the port and the counts; a second one answers, and is replaced when it is killed in mid-stream. Prints one line:
// { url, control } where `control`/CASE tells what the engine saw of a case.
import { type ChildProcess, fork } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, createAnswer, HALF_CALL } from './engine-answer.ts';
import type { Scene, Scenes, Step } from './scenes.ts';

interface Order {
  readonly models: readonly string[];
  readonly scenes: Scenes;
}

/** What the engine saw of one case. `history`: the roles of each request, `call` for an assistant message with calls. */
export interface Sight {
  readonly requests: number;
  readonly histories: readonly string[];
  /** When clients left, in milliseconds since the epoch. */
  readonly abortedAt: readonly number[];
  readonly deaths: number;
  /** Names of the tools that the first request offered. */
  readonly tools: readonly string[];
}

type Told =
  | { readonly tell: 'listens'; readonly port: number }
  | { readonly tell: 'request'; readonly name: string; readonly history: string; readonly tools: readonly string[] }
  | { readonly tell: 'abort' | 'death'; readonly name: string; readonly at: number };

interface Message {
  readonly role: string;
  readonly content?: string | readonly { readonly text?: string }[] | null;
  readonly tool_calls?: readonly { readonly id?: string }[];
}

interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly Message[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

const NOTHING: Sight = { requests: 0, histories: [], abortedAt: [], deaths: 0, tools: [] };
const PACE_MS = 20;
/** So long a death waits for what was written before it to leave the process. */
const LAST_WORDS_MS = 60;

// A child of the first process has a way to tell it things.
if (process.send === undefined) keepAlive();
else answerAll(JSON.parse(process.argv[2] ?? '') as Order, new Set(process.env['DIED']?.split(' ')));

function keepAlive(): void {
  const sights = new Map<string, Sight>();
  const died = new Set<string>();
  let port = 0;
  let child = start();
  function start(): ChildProcess {
    const env = { ...process.env, DIED: [...died].join(' '), ENGINE_PORT: String(port) };
    return fork(import.meta.filename, process.argv.slice(2), { env })
      .on('message', (told: Told) => hear(told))
      .once('exit', () => {
        child = start();
      });
  }
  function hear(told: Told): void {
    if (told.tell === 'listens') {
      if (port === 0) tellAddresses(told.port, sights);
      port = told.port;
      return;
    }
    if (told.tell === 'death') died.add(told.name);
    sights.set(told.name, grown(sights.get(told.name), told));
  }
  const stop = () => {
    child.removeAllListeners('exit').kill('SIGKILL');
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  // The one who started us has gone.
  process.stdin.on('end', stop).resume();
}

function tellAddresses(port: number, sights: ReadonlyMap<string, Sight>): void {
  const control = createServer((request, response) => {
    const sight = sights.get(decodeURIComponent((request.url ?? '/').slice(1)));
    response.end(JSON.stringify(sight ?? NOTHING));
  });
  control.listen(0, '127.0.0.1', () => {
    const address = control.address() as AddressInfo;
    console.log(JSON.stringify({ url: `http://127.0.0.1:${port}/v1`, control: `http://127.0.0.1:${address.port}` }));
  });
}

function grown(before: Sight | undefined, told: Exclude<Told, { tell: 'listens' }>): Sight {
  const sight = before ?? NOTHING;
  if (told.tell === 'request') {
    const tools = sight.requests === 0 ? told.tools : sight.tools;
    return { ...sight, requests: sight.requests + 1, histories: [...sight.histories, told.history], tools };
  }
  if (told.tell === 'abort') return { ...sight, abortedAt: [...sight.abortedAt, told.at] };
  return { ...sight, deaths: sight.deaths + 1 };
}

function answerAll({ models, scenes }: Order, died: ReadonlySet<string>): void {
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      tellModels(response, models);
      return;
    }
    void bodyOf(request)
      .then((text) => play(JSON.parse(text) as Asked, response, { scenes, died }))
      .catch((error: unknown) => response.writeHead(500).end(JSON.stringify({ error: { message: String(error) } })));
  });
  server.listen(Number(process.env['ENGINE_PORT']), '127.0.0.1', () =>
    tell({ tell: 'listens', port: (server.address() as AddressInfo).port }),
  );
}

function tellModels(response: ServerResponse, models: readonly string[]): void {
  const data = models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'vllm', max_model_len: 131_072 }));
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ object: 'list', data }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

interface Play {
  readonly scenes: Scenes;
  readonly died: ReadonlySet<string>;
}

async function play(asked: Asked, response: ServerResponse, { scenes, died }: Play): Promise<void> {
  const name = caseOf(asked);
  const scene = scenes[name.split('#')[0] ?? ''];
  const tools = asked.tools?.map((tool) => tool.function.name) ?? [];
  tell({ tell: 'request', name, history: asked.messages.map(roleOf).join(' '), tools });
  response.once('close', () => {
    if (!response.writableFinished) tell({ tell: 'abort', name, at: Date.now() });
  });
  const answer = createAnswer(response, asked.model, asked.stream === true);
  for (const step of stepsFor(scene, asked, died.has(name))) {
    if (response.destroyed) return;
    if (step.does === 'die') await die(name);
    else if (step.does === 'wait') await pause(step.ms);
    else if (step.does === 'say_results') answer.take({ does: 'say', text: resultsOf(asked) });
    else if (step.does === 'say_forever') await sayForever(answer, response);
    else answer.take(step);
  }
  answer.end();
}

function caseOf({ messages }: Asked): string {
  return /scene:([\w-]+#[\w./-]+)/.exec(messages.map(textOf).join('\n'))?.[1] ?? 'unknown';
}

async function sayForever(answer: Answer, response: ServerResponse): Promise<void> {
  while (!response.destroyed) {
    answer.take({ does: 'say', text: 'again ' });
    await pause(PACE_MS);
  }
}

/** Beside their conversation some clients ask for a title, without tools. */
function stepsFor(scene: Scene | undefined, asked: Asked, died: boolean): readonly Step[] {
  if (scene === undefined) return [{ does: 'say', text: 'No scene is named.' }];
  const turn = asked.messages.filter(({ tool_calls: calls }) => calls?.some(isWhole)).length;
  if (scene.diesOnce?.turn === turn && !died && asked.tools !== undefined) return scene.diesOnce.steps;
  const needsTools = scene.turns.length > 1 && asked.tools === undefined;
  return needsTools
    ? [{ does: 'say', text: 'A title' }]
    : (scene.turns[turn] ?? [{ does: 'say', text: 'No turn is left.' }]);
}

/** Some clients keep a call that broke off in their history, with a word that it was not run. */
function isWhole({ id }: { readonly id?: string }): boolean {
  return id?.startsWith(HALF_CALL) !== true;
}

function resultsOf({ messages }: Asked): string {
  const results = messages.filter(({ role }) => role === 'tool').map(textOf);
  return results.join(' ');
}

function textOf({ content }: Message): string {
  if (typeof content === 'string') return content;
  return content?.map((part) => part.text ?? '').join('') ?? '';
}

function roleOf({ role, tool_calls: calls }: Message): string {
  return calls === undefined || calls.length === 0 ? role : `call×${calls.length}`;
}

async function die(name: string): Promise<never> {
  await pause(LAST_WORDS_MS);
  await new Promise((resolve) => process.send?.({ tell: 'death', name, at: Date.now() } satisfies Told, resolve));
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function tell(told: Told): void {
  process.send?.(told);
}
