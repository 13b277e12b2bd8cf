// Owns an OpenAI-compatible chat endpoint (vLLM, NIM, llama-server) as a backend. Imported only where one is configured.
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { CaissonError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Limits } from '../../base/limits.ts';
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../../contracts/model-events.ts';
import type { Backend, Embeddings, EmbedRequest, ModelInfo } from '../../contracts/ports.ts';
import { readAnswer } from './reading/answer.ts';
import { type ChunkReader, createChunkReader } from './reading/chunks.ts';
import { createTextReader } from './reading/text-chunks.ts';
import { readWhole } from './reading/whole.ts';
import { createEndpoint, type Endpoint } from './endpoint.ts';
import { readHead } from './connection.ts';
import { readEmbeddings } from './embeddings.ts';
import { createWindows } from './windows.ts';
import { abortedEvent, failureOf, failureOfWay, garbageEvent, lostEvent, silentEvent } from './failure.ts';
import { maskKey } from './mask-key.ts';
import { createPatience } from './patience.ts';
import { createCallRepair, type MakeRepair } from './repair.ts';
import { forEngine } from './teams.ts';

export interface OpenAIOptions {
  readonly name: string;
  /** Base address, usually ending in /v1. */
  readonly url: string;
  readonly key?: string;
  /** Certificates in PEM form of those who may sign the endpoint's; absent: those that Node knows. */
  readonly ca?: string;
  /** Name of the header with the conversation of a request; absent: x-session-id. */
  readonly sessionHeader?: string;
  /** The engine is told teams apart: no team meets the cache of another. */
  readonly teamCaches?: boolean;
  /** How calls that the engine left in its text are read; absent: they stay there. */
  readonly repair?: MakeRepair;
  /** Puts into a request what its model likes, where the client says nothing of it; absent: nothing is put there. */
  readonly liked?: (request: ChatRequest) => Promise<ChatRequest>;
  /** Served under these names; absent: the endpoint is asked. */
  readonly models?: readonly string[];
  readonly limits: Limits;
  readonly clock: Clock;
}

/** Nothing is retried here: who asks decides. No message holds the key, even where the endpoint sends it back. */
export function createOpenAIBackend(options: OpenAIOptions): Backend {
  const { name, url, key = 'none', ca, sessionHeader, models, limits, clock, teamCaches = false } = options;
  const { repair, liked = unchanged } = options;
  const trust = { ...(ca === undefined ? {} : { ca }), ...(sessionHeader === undefined ? {} : { sessionHeader }) };
  const endpoint = createEndpoint({ name, url, key, connectMs: limits.modelConnectMs, ...trust });
  const windows = createWindows(() => modelsOf(endpoint, options, AbortSignal.timeout(WINDOWS_MS)), clock);
  const calls = createCallRepair(repair);
  return {
    name,
    recorded: false,
    ...(models === undefined ? {} : { declared: models }),
    models: async (signal) => models?.map((id) => ({ id, backend: name })) ?? modelsOf(endpoint, options, signal),
    stream: (request, signal) =>
      calls.read(request, told(chatWay(endpoint, forEngine(request, teamCaches), options), endpoint, options, signal)),
    whole: (request, signal) =>
      calls.read(request, told(wholeWay(endpoint, forEngine(request, teamCaches), options), endpoint, options, signal)),
    leavesCalls: calls.areLeft,
    complete: (request, signal) =>
      told(completionWay(endpoint, forEngine(request, teamCaches), options), endpoint, options, signal),
    embed: async (request, signal) => {
      const answer = await embed(endpoint, request, options, signal);
      return answer.type === 'error' ? explained(answer, endpoint, options, signal) : answer;
    },
    countTokens: async (request, signal) => endpoint.countTokens(await liked(request), signal).catch(() => undefined),
    contextTokens: windows,
    healthy: (signal) => endpoint.healthy(signal),
  };
}

const WINDOWS_MS = 1000;

/** One way to ask for an answer. */
interface Way {
  ask(signal: AbortSignal): Promise<IncomingMessage>;
  /** Absent: it comes as a stream. */
  readonly read?: typeof readWhole;
  readonly reader: ChunkReader;
  failure(error: unknown): ModelErrorEvent;
}

function chatWay(endpoint: Endpoint, request: ChatRequest, { clock, liked = unchanged }: OpenAIOptions): Way {
  return {
    ask: async (signal) => endpoint.chat(await liked(request), signal),
    reader: createChunkReader({
      newCallId: () => newId('call', clock.now()),
      needsArguments: (tool) => hasRequired(request, tool),
    }),
    failure: (error) => failureOf(error, endpoint.address, clock.now()),
  };
}

function wholeWay(endpoint: Endpoint, request: ChatRequest, options: OpenAIOptions): Way {
  const way = chatWay(endpoint, request, options);
  const { liked = unchanged } = options;
  return { ...way, ask: async (signal) => endpoint.whole(await liked(request), signal), read: readWhole };
}

async function unchanged(request: ChatRequest): Promise<ChatRequest> {
  return request;
}

function completionWay(endpoint: Endpoint, request: ChatRequest, { clock }: OpenAIOptions): Way {
  return {
    ask: (signal) => endpoint.complete(request, signal),
    reader: createTextReader(),
    failure: (error) => failureOfWay(error, 'completions of plain text', endpoint.address, clock.now()),
  };
}

async function* told(
  way: Way,
  endpoint: Endpoint,
  options: OpenAIOptions,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  for await (const event of answer(way, endpoint, options, signal)) {
    // What had come with the last that was taken is wanted no more.
    if (signal.aborted) {
      yield abortedEvent();
      return;
    }
    yield event.type === 'error' ? await explained(event, endpoint, options, signal) : event;
  }
}

async function* answer(
  { reader, read = readAnswer, ...way }: Way,
  { address }: Endpoint,
  { limits }: OpenAIOptions,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const patience = createPatience(signal, limits.modelSilenceMs);
  let response: IncomingMessage | undefined;
  try {
    response = await patience.awaiting(way.ask(patience.signal));
    yield* read(response, { address, reader, patience, maxBytes: limits.modelAnswerBytes });
  } catch (error) {
    if (signal.aborted) yield abortedEvent();
    // What was said whole stays whole: only the farewell is missing.
    else if (reader.finished()) yield* reader.end();
    else if (patience.ranOut()) yield silentEvent(address, limits.modelSilenceMs);
    else yield response === undefined ? way.failure(error) : lostEvent(error, address);
  } finally {
    patience.end();
  }
}

/** Vectors are long: a thousand texts with vectors of 4096 numbers take 22 MB. */
const EMBEDDINGS_BYTES = 64 * 1024 * 1024;

async function embed(
  endpoint: Endpoint,
  request: EmbedRequest,
  { limits, clock }: OpenAIOptions,
  signal: AbortSignal,
): Promise<Embeddings | ModelErrorEvent> {
  const { address } = endpoint;
  const patience = createPatience(signal, limits.modelSilenceMs);
  let response: IncomingMessage | undefined;
  try {
    response = await patience.awaiting(endpoint.embed(request, patience.signal));
    const text = await patience.awaiting(readHead(response, EMBEDDINGS_BYTES));
    const contentType = response.headers['content-type'] ?? '';
    return (
      readEmbeddings(text, request.input.length) ??
      garbageEvent(address, { wanted: 'a vector for each text', contentType, shown: text })
    );
  } catch (error) {
    if (signal.aborted) return abortedEvent();
    if (patience.ranOut()) return silentEvent(address, limits.modelSilenceMs);
    if (response !== undefined) return lostEvent(error, address);
    return failureOfWay(error, 'embeddings', address, clock.now());
  } finally {
    patience.end();
  }
}

function hasRequired({ tools = [] }: ChatRequest, name: string): boolean {
  const required = tools.find((tool) => tool.name === name)?.parameters['required'];
  return Array.isArray(required) && required.length > 0;
}

/** To a model that is not served, the names of those that are; and never the key. */
async function explained(
  event: ModelErrorEvent,
  endpoint: Endpoint,
  options: OpenAIOptions,
  signal: AbortSignal,
): Promise<ModelErrorEvent> {
  const safe = withoutKey(event, options.key);
  if (event.code !== 'model_not_found') return safe;
  const served = await modelsOf(endpoint, options, signal).catch(() => []);
  const names = served.map(({ id }) => id).join(', ');
  return withoutKey(
    names === '' ? event : { ...event, message: `${event.message}; served are: ${names}` },
    options.key,
  );
}

async function modelsOf(
  endpoint: Endpoint,
  { name, key, limits, clock }: OpenAIOptions,
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  const { address } = endpoint;
  const deadline = AbortSignal.timeout(limits.modelConnectMs);
  try {
    const list = await endpoint.models(AbortSignal.any([signal, deadline]));
    if (list.ok) return list.models;
    throw refused(garbageEvent(address, { ...list, wanted: 'a list of models', shown: list.head }), key);
  } catch (error) {
    if (error instanceof CaissonError) throw error;
    const isLate = deadline.aborted || isTimeout(signal.reason);
    if (isLate) throw new CaissonError('backend_unreachable', `${name}: ${address} did not say in time what it serves`);
    throw refused(failureOf(error, address, clock.now()), key);
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}

function refused(event: ModelErrorEvent, key: string | undefined): CaissonError {
  const { code, message } = withoutKey(event, key);
  return new CaissonError(
    code === 'backend_unreachable' || code === 'backend_garbage' ? code : 'backend_failed',
    message,
  );
}

function withoutKey(event: ModelErrorEvent, key: string | undefined): ModelErrorEvent {
  return key === undefined || key === '' ? event : { ...event, message: maskKey(event.message, key) };
}
