// Owns an OpenAI-compatible chat endpoint (vLLM, NIM, llama-server) as a backend. Imported only where one is configured.
import OpenAI from 'openai';
import type { Clock } from '../../base/clock.ts';
import { CaissonError } from '../../base/errors.ts';
import type { Limits } from '../../base/limits.ts';
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../../contracts/model-events.ts';
import type { Backend, ModelInfo } from '../../contracts/ports.ts';
import { createChunkReader } from './chunks.ts';
import { failureOf } from './failure.ts';
import { type ChatBody, chatBody } from './request.ts';

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

/** Nothing is retried here: who asks decides. */
export function createOpenAIBackend(options: OpenAIOptions): Backend {
  const { name, url, limits } = options;
  const client = new OpenAI({
    apiKey: options.key ?? 'none',
    baseURL: url,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: limits.modelSilenceMs,
    logLevel: 'off',
  });
  return {
    name,
    recorded: false,
    ...(options.models === undefined ? {} : { declared: options.models }),
    models: (signal) => modelsOf(client, options, signal),
    stream: (request, signal) => stream(client, request, options, signal),
  };
}

async function* stream(
  client: OpenAI,
  request: ChatRequest,
  options: OpenAIOptions,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const { url, limits } = options;
  const silence = new AbortController();
  const watch = createWatch(limits.modelSilenceMs, () => silence.abort());
  const both = AbortSignal.any([signal, silence.signal]);
  const reader = createChunkReader();
  try {
    const chunks = await openStream(client, chatBody(request, request.model), both);
    for await (const chunk of chunks) {
      watch.again();
      for (const event of reader.take(chunk)) {
        yield event;
        if (event.type === 'error') return;
      }
      if (reader.size() > limits.modelAnswerBytes) {
        yield failed(`the answer is longer than ${limits.modelAnswerBytes} characters`, false);
        return;
      }
    }
    if (signal.aborted) yield failureOf(undefined, url, signal);
    else yield* reader.end();
  } catch (error) {
    if (silence.signal.aborted && !signal.aborted)
      yield failed(`${url} sent nothing for ${limits.modelSilenceMs} ms`, true);
    else yield failureOf(error, url, signal);
  } finally {
    watch.stop();
    silence.abort();
  }
}

/** An endpoint that does not know `stream_options` gets the request without it: then it counts no tokens. */
async function openStream(client: OpenAI, body: ChatBody, signal: AbortSignal) {
  try {
    return await client.chat.completions.create(body, { signal });
  } catch (error) {
    if (!(error instanceof OpenAI.BadRequestError) || !error.message.includes('stream_options')) throw error;
    const { stream_options: _, ...rest } = body;
    return client.chat.completions.create(rest, { signal });
  }
}

async function modelsOf(client: OpenAI, options: OpenAIOptions, signal: AbortSignal): Promise<readonly ModelInfo[]> {
  const { name, models, url } = options;
  if (models !== undefined) return models.map((id) => ({ id, backend: name }));
  try {
    const page = await client.models.list({ signal });
    return page.data.map((model) => {
      const length = 'max_model_len' in model ? Number(model.max_model_len) : Number.NaN;
      return Number.isFinite(length)
        ? { id: model.id, backend: name, contextTokens: length }
        : { id: model.id, backend: name };
    });
  } catch (error) {
    const { code, message } = failureOf(error, url, AbortSignal.any([]));
    throw new CaissonError(code === 'backend_unreachable' ? code : 'backend_failed', message, { cause: error });
  }
}

function failed(message: string, retryable: boolean): ModelErrorEvent {
  return { type: 'error', code: 'backend_failed', message, retryable };
}

/** Calls `onSilence` when `again` was not called for that long. */
function createWatch(milliseconds: number, onSilence: () => void): { again(): void; stop(): void } {
  const timer = setTimeout(onSilence, milliseconds);
  return { again: () => timer.refresh(), stop: () => clearTimeout(timer) };
}
