// Owns an OpenAI-compatible chat endpoint (vLLM, NIM, llama-server) as a backend. Imported only where one is configured.
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { CaissonError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Limits } from '../../base/limits.ts';
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../../contracts/model-events.ts';
import type { Backend, ModelInfo } from '../../contracts/ports.ts';
import { readAnswer } from './reading/answer.ts';
import { createChunkReader } from './reading/chunks.ts';
import { createEndpoint, type Endpoint } from './endpoint.ts';
import { abortedEvent, failureOf, garbageEvent, lostEvent, silentEvent } from './failure.ts';
import { maskKey } from './mask-key.ts';
import { createPatience } from './patience.ts';

export interface OpenAIOptions {
  readonly name: string;
  /** Base address, usually ending in /v1. */
  readonly url: string;
  readonly key?: string;
  /** Served under these names; absent: the endpoint is asked. */
  readonly models?: readonly string[];
  readonly limits: Limits;
  readonly clock: Clock;
}

/** Nothing is retried here: who asks decides. No message holds the key, even where the endpoint sends it back. */
export function createOpenAIBackend(options: OpenAIOptions): Backend {
  const { name, url, key = 'none', models, limits } = options;
  const endpoint = createEndpoint({ name, url, key, connectMs: limits.modelConnectMs });
  return {
    name,
    recorded: false,
    ...(models === undefined ? {} : { declared: models }),
    models: async (signal) => models?.map((id) => ({ id, backend: name })) ?? modelsOf(endpoint, options, signal),
    stream: async function* stream(request, signal) {
      for await (const event of answer(endpoint, request, options, signal))
        yield event.type === 'error' ? await explained(event, endpoint, options, signal) : event;
    },
  };
}

async function* answer(
  endpoint: Endpoint,
  request: ChatRequest,
  { limits, clock }: OpenAIOptions,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const { address } = endpoint;
  const patience = createPatience(signal, limits.modelSilenceMs);
  const reader = createChunkReader({
    newCallId: () => newId('call', clock.now()),
    needsArguments: (tool) => hasRequired(request, tool),
  });
  let response: IncomingMessage | undefined;
  try {
    response = await patience.awaiting(endpoint.chat(request, patience.signal));
    yield* readAnswer(response, { address, reader, patience, maxBytes: limits.modelAnswerBytes });
  } catch (error) {
    if (signal.aborted) yield abortedEvent();
    // What was said whole stays whole: only the farewell is missing.
    else if (reader.finished()) yield* reader.end();
    else if (patience.ranOut()) yield silentEvent(address, limits.modelSilenceMs);
    else yield response === undefined ? failureOf(error, address, clock.now()) : lostEvent(error, address);
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
