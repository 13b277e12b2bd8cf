// Owns llama.cpp in a process of its own as a backend: any GGUF file, its own chat template. Imported only where one is configured.
import { CaissonError } from '../../base/errors.ts';
import { type ChatRequest, textOf } from '../../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../../contracts/model-events.ts';
import type { ModelProfile, Sampling } from '../../contracts/model-profile.ts';
import type { Backend, Embeddings, EmbedRequest, ModelInfo } from '../../contracts/ports.ts';
import type { OutputReader, PromptFormat } from '../../prompting/format.ts';
import { readChat, readText, type TextPiece } from '../text/answer.ts';
import { likedSampling, samplingOf } from '../text/sampling.ts';
import { createEngine, type EngineOptions, type LlamaEngine } from './engine.ts';
import { answerGrammar } from './grammar/answer.ts';
import type { GenerateOrder, Loaded, Meter } from './wire.ts';

export interface LlamaOptions extends EngineOptions {
  /** Name under which the model is served. */
  readonly model: string;
  readonly profile: ModelProfile;
  /** From what the model file says of itself. Throws `config_invalid`. */
  readonly makeFormat: (about: ModelAbout) => PromptFormat;
}

export interface ModelAbout {
  readonly template: string;
  /** Texts of the tokens at the beginning and the end of a text. */
  readonly bos?: string;
  readonly eos?: string;
}

export interface LlamaBackend extends Backend {
  /** What the engine itself counted, as it said after the last answer. */
  meter(): Meter;
  /** Of the engine's process, while there is one. */
  pid(): number | undefined;
  /** Resolves when the engine is dead. */
  close(): Promise<void>;
}

const NO_TEMPLATE = 'the model file holds no chat template: it can go on with a text, but not with a conversation';

export function createLlamaBackend(options: LlamaOptions): LlamaBackend {
  const { name, model } = options;
  const engine = createEngine(options);
  const scene: Scene = { options, engine, formatOf: formats(options) };
  return {
    name,
    recorded: false,
    declared: [model],
    models: () => modelsOf(scene),
    stream: (request, signal) => chat(scene, request, signal),
    complete: (request, signal) => complete(scene, request, signal),
    embed: (request, signal) => embed(engine, request, signal),
    countTokens: async (request) => {
      const running = await engine.ready();
      const format = 'loaded' in running ? scene.formatOf(running.loaded) : undefined;
      const rendered = format !== undefined && 'render' in format ? format.render(request) : undefined;
      return rendered?.type === 'prompt' ? engine.count(rendered.text) : undefined;
    },
    contextTokens: async () => {
      const running = await engine.ready();
      return 'loaded' in running ? running.loaded.contextTokens : undefined;
    },
    healthy: async (signal) => {
      const running = await Promise.race([engine.ready(), whenAborted(signal)]);
      return running === undefined ? undefined : 'loaded' in running;
    },
    retire: () => engine.retire(),
    meter: () => engine.meter(),
    pid: () => engine.pid(),
    close: () => engine.close(),
  };
}

interface Scene {
  readonly options: LlamaOptions;
  readonly engine: LlamaEngine;
  readonly formatOf: (loaded: Loaded) => PromptFormat | ModelErrorEvent;
}

/** The format is made once for each start of the engine: the file may be another one. */
function formats({ makeFormat }: LlamaOptions): Scene['formatOf'] {
  const made = new WeakMap<Loaded, PromptFormat | ModelErrorEvent>();
  return (loaded) => {
    const before = made.get(loaded);
    if (before !== undefined) return before;
    const { template, bos, eos } = loaded;
    let now: PromptFormat | ModelErrorEvent;
    try {
      now =
        template === undefined
          ? failure('not_supported', NO_TEMPLATE)
          : makeFormat({ template, ...(bos === undefined ? {} : { bos }), ...(eos === undefined ? {} : { eos }) });
    } catch (error) {
      now = failure('not_supported', error instanceof Error ? error.message : String(error));
    }
    made.set(loaded, now);
    return now;
  };
}

async function* chat(scene: Scene, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const prepared = await prepare(scene, request, signal);
  if ('type' in prepared) {
    yield prepared;
    return;
  }
  const { order, reader } = prepared;
  yield* readChat(asked(scene.engine, request, order, signal), reader, scene.options.clock);
}

/** What the engine is asked, and who reads its answer; or why it cannot be asked. */
async function prepare(
  { options: { profile }, engine, formatOf }: Scene,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<{ readonly order: Wish; readonly reader: OutputReader } | ModelErrorEvent> {
  const running = await Promise.race([engine.ready(), whenAborted(signal)]);
  if (running === undefined) return failure('aborted', 'the request was aborted');
  if ('event' in running) return running.event;
  const format = formatOf(running.loaded);
  if ('type' in format) return format;
  const rendered = format.render(request);
  if (rendered.type === 'refused') return failure('invalid_input', rendered.message);
  const { text: prompt, opensThinking } = rendered;
  const grammar = answerGrammar(request, profile, opensThinking);
  return {
    order: {
      ...orderOf(request, likedSampling(request, profile, opensThinking)),
      prompt,
      plain: false,
      stops: [...new Set([...format.stops, ...(request.stop ?? [])])],
      stopTokenIds: profile.output.stopTokenIds,
      ...(grammar === undefined ? {} : { grammar }),
    },
    reader: format.read(request, opensThinking),
  };
}

function complete({ engine }: Scene, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const prompt = request.messages.map(({ content }) => textOf(content)).join('');
  const order = { ...orderOf(request, {}), prompt, plain: true, stops: request.stop ?? [], stopTokenIds: [] };
  return readText(asked(engine, request, order, signal));
}

type Wish = Omit<GenerateOrder, 'type' | 'id'>;

/** A stop of the client is told, one of the model is not. */
async function* asked(
  engine: LlamaEngine,
  { logprobs, stop = [] }: ChatRequest,
  order: Wish,
  signal: AbortSignal,
): AsyncGenerator<TextPiece> {
  if (logprobs !== undefined) {
    yield { type: 'failed', event: failure('not_supported', 'this engine gives no log-probabilities') };
    return;
  }
  for await (const piece of engine.generate(order, signal)) {
    const isOwn = piece.type === 'end' && piece.stop !== undefined && !stop.includes(piece.stop);
    yield isOwn ? { type: 'end', reason: piece.reason, usage: piece.usage } : piece;
  }
}

function orderOf(request: ChatRequest, liked: Sampling): Pick<Wish, 'sampling' | 'maxTokens' | 'affinity'> {
  const { maxTokens, affinity } = request;
  return {
    sampling: samplingOf(request, liked),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(affinity === undefined ? {} : { affinity }),
  };
}

async function embed(
  engine: LlamaEngine,
  { input, dimensions }: EmbedRequest,
  signal: AbortSignal,
): Promise<Embeddings | ModelErrorEvent> {
  const answer = await engine.embed(input, signal);
  if (answer.type === 'failed') return answer.event;
  const size = answer.vectors[0]?.length;
  if (dimensions !== undefined && dimensions !== size)
    return failure('invalid_input', `the model gives vectors of ${size} numbers, and dimensions is ${dimensions}`);
  return { type: 'embeddings', vectors: answer.vectors, promptTokens: answer.promptTokens };
}

/** A file that is there can be asked, whether it is loaded or not: loading it only to list it would take minutes. */
async function modelsOf({ options: { name, model }, engine }: Scene): Promise<readonly ModelInfo[]> {
  const known = await engine.known();
  if (known === undefined) return [{ id: model, backend: name }];
  if ('refused' in known) throw new CaissonError('backend_unreachable', known.refused, { hint: known.hint });
  return [{ id: model, backend: name, contextTokens: known.contextTokens }];
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function failure(code: ModelErrorEvent['code'], message: string): ModelErrorEvent {
  return { type: 'error', code, message, retryable: false };
}
