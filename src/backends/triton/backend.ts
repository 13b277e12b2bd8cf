// Owns a Triton inference server as a backend: chat through a model's own prompt format, and plain text. Imported only where configured.
import type { Clock } from '../../base/clock.ts';
import { CaissonError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Limits } from '../../base/limits.ts';
import type { Logger } from '../../base/logger.ts';
import { type ChatRequest, textOf } from '../../contracts/messages.ts';
import type { FinishReason, ModelEvent, Usage } from '../../contracts/model-events.ts';
import type { ModelProfile } from '../../contracts/model-profile.ts';
import type { Backend, ModelInfo } from '../../contracts/ports.ts';
import type { PromptFormat } from '../../prompting/format.ts';
import { readChat, readText, type TextPiece } from '../text/answer.ts';
import { createStopTexts } from '../text/stop-texts.ts';
import { createBreaker } from './breaker.ts';
import type { Spoken, Wish } from './dialects.ts';
import { abortedFailure, type Failure, failure } from './failure.ts';
import { generate, type Patience, type Piece } from './generation.ts';
import { createModels, type Known, type Models } from './models.ts';
import { createReplyReader } from './replies.ts';
import { inferRequest } from './infer-request.ts';
import { wishOf } from './wish.ts';
import { openChannel } from './wire/channel.ts';

export interface TritonOptions {
  readonly name: string;
  /** grpc://host:8001 or grpcs://host:8001. */
  readonly address: string;
  /** Certificates of those who may sign Triton's, in PEM; absent: those that Node knows. */
  readonly ca?: string;
  readonly key?: { readonly name: string; readonly value: string };
  /** Name of the model in Triton's repository; absent: the name that a client asks for. */
  readonly model?: string;
  /** Served under these names; absent: Triton is asked. */
  readonly models?: readonly string[];
  /** Of the model's folder; absent: plain text only. */
  readonly format?: PromptFormat;
  readonly profile?: ModelProfile;
  /** Tokens of prompt and answer together; absent: as the model's configuration says. */
  readonly contextTokens?: number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FORMAT_LACKS = 'Triton takes plain text: give the folder of the model, with its chat template, as model_folder';
const UNREAD_CHARACTERS = 1024 * 1024;
/** Names and counts of a reply, beside its text. */
const REPLY_BYTES = 1024 * 1024;
const LOGGED = 2000;
const WINDOW_MS = 1000;

/** Nothing is sent again here: who asks decides. What Triton says in its own words goes to the log only. */
export function createTritonBackend(options: TritonOptions): Backend {
  const { name, model, format } = options;
  const triton = connect(options);
  const declared = options.models ?? (model === undefined ? undefined : [model]);
  return {
    name,
    recorded: false,
    ...(declared === undefined ? {} : { declared }),
    models: (signal) => modelsOf(triton, declared, signal),
    healthy: (signal) => isReady(triton, signal),
    stream: (request, signal) => chat(triton, request, signal),
    complete: (request, signal) => complete(triton, request, signal),
    countTokens: async (request) => {
      const rendered = format?.render(request);
      return rendered?.type === 'prompt' ? format?.countTokens(rendered.text) : undefined;
    },
    contextTokens: async (wished) => {
      if (options.contextTokens !== undefined) return options.contextTokens;
      const found = await triton.models.find(model ?? wished, AbortSignal.timeout(WINDOW_MS));
      return found.ok ? found.value.contextTokens : undefined;
    },
  };
}

function connect(options: TritonOptions) {
  const { address, ca, key, limits, clock } = options;
  const channel = openChannel({
    address,
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    ...(key === undefined ? {} : { key }),
    maxReplyBytes: limits.modelAnswerBytes + REPLY_BYTES,
  });
  const patience: Patience = {
    connectMs: limits.modelConnectMs,
    firstMs: limits.modelSilenceMs,
    betweenMs: Math.min(limits.modelSilenceMs, limits.modelPauseMs),
    maxCharacters: limits.modelAnswerBytes,
    maxUnread: UNREAD_CHARACTERS,
  };
  const models = createModels(channel, limits.modelConnectMs, clock);
  return { options, channel, patience, models, breaker: createBreaker(clock) };
}

type Triton = ReturnType<typeof connect>;

/** The server, and the model that is its only one here: Triton goes on when a model was taken away. */
async function isReady({ channel, options }: Triton, signal: AbortSignal): Promise<boolean> {
  const { model, limits } = options;
  const { ServerReady, ModelReady } = channel.methods;
  const asked = [
    channel.ask(ServerReady, {}, limits.modelConnectMs, signal),
    ...(model === undefined ? [] : [channel.ask(ModelReady, { name: model }, limits.modelConnectMs, signal)]),
  ];
  return Promise.all(asked).then(
    (answers) => answers.every(({ ready }) => ready),
    () => false,
  );
}

async function* chat(triton: Triton, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const { format } = triton.options;
  const rendered = format?.render(request);
  if (format === undefined || rendered === undefined) {
    yield failure('not_supported', FORMAT_LACKS, false);
    return;
  }
  if (rendered.type === 'refused') {
    yield failure('invalid_input', rendered.message, false);
    return;
  }
  const { text: prompt, opensThinking } = rendered;
  const pieces = texts(triton, request, { prompt, opensThinking, stops: format.stops }, signal);
  yield* readChat(pieces, format.read(request, opensThinking), triton.options.clock);
}

function complete(triton: Triton, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const prompt = request.messages.map(({ content }) => textOf(content)).join('');
  return readText(texts(triton, request, { prompt, opensThinking: false, stops: [] }, signal));
}

interface Prompt {
  readonly prompt: string;
  readonly opensThinking: boolean;
  readonly stops: readonly string[];
}

/** The text of an answer as the model writes it, without the stop that ended it. */
async function* texts(
  triton: Triton,
  request: ChatRequest,
  given: Prompt,
  signal: AbortSignal,
): AsyncGenerator<TextPiece> {
  const { options, breaker } = triton;
  const model = options.model ?? request.model;
  const ready = await prepared(triton, request, given, model, signal);
  if (!ready.ok) {
    yield { type: 'failed', event: (await told(triton, model, ready.failure, signal)).event };
    return;
  }
  const { wish, spoken } = ready.value;
  const cut = createCut(request.stop ?? [], wish, options.format);
  for await (const piece of generate(generationOf(triton, model, wish, spoken), signal)) {
    if (piece.type === 'failed') {
      yield { type: 'failed', event: (await told(triton, model, piece.failure, signal)).event };
      return;
    }
    breaker.worked(model);
    const { text, end } = cut(piece);
    if (text !== '') yield { type: 'text', text };
    if (end === undefined) continue;
    yield await end;
    return;
  }
}

async function prepared(
  triton: Triton,
  request: ChatRequest,
  given: Prompt,
  model: string,
  signal: AbortSignal,
): Promise<Known<{ readonly wish: Wish; readonly spoken: Spoken }>> {
  const { breaker, models } = triton;
  const found = breaker.mayTry(model) ? await models.find(model, signal) : refusedBy(triton, model);
  if (signal.aborted) return { ok: false, failure: abortedFailure() };
  return found.ok ? wishFor(triton, request, given, found.value) : found;
}

type Cut = (piece: Exclude<Piece, { readonly type: 'failed' }>) => {
  readonly text: string;
  readonly end?: Promise<TextPiece>;
};

/** `clients`: a stop of the client is told, one of the model is not. */
function createCut(clients: readonly string[], wish: Wish, format: PromptFormat | undefined): Cut {
  const stops = createStopTexts(wish.stop);
  let hit: string | undefined;
  let answer = '';
  const endOf = async (reason: FinishReason, usage: Usage | undefined): Promise<TextPiece> => ({
    type: 'end',
    reason,
    usage: usage ?? (await counted(format, wish.prompt, answer)),
    ...(hit !== undefined && clients.includes(hit) ? { stop: hit } : {}),
  });
  return (piece) => {
    // The engine knows the stop too: its end comes next, with the counts. If words come instead, it does not.
    if (hit !== undefined) return { text: '', end: endOf('stop', piece.type === 'end' ? piece.usage : undefined) };
    if (piece.type === 'end') {
      const held = stops.rest();
      const text = held.slice(0, Math.max(0, held.length - piece.takenBack));
      answer += text;
      return { text, end: endOf(piece.reason, piece.usage) };
    }
    const part = stops.push(piece.text);
    hit = part.hit;
    answer += part.text;
    return { text: part.text };
  };
}

function refusedBy({ channel }: Triton, model: string): Known<Spoken> {
  const message = `the model ${JSON.stringify(model)} at ${channel.address} is dead: load it again in Triton`;
  return {
    ok: false,
    failure: { event: { ...failure('backend_unreachable', message, true), unsent: true }, said: '' },
  };
}

async function wishFor(
  { options }: Triton,
  request: ChatRequest,
  { prompt, opensThinking, stops }: Prompt,
  spoken: Spoken,
): Promise<Known<{ readonly wish: Wish; readonly spoken: Spoken }>> {
  const wish = wishOf(request, {
    prompt,
    promptTokens: await options.format?.countTokens(prompt),
    contextTokens: options.contextTokens ?? spoken.contextTokens,
    stops,
    opensThinking,
    canConstrain: spoken.dialect.canConstrain,
    profile: options.profile,
  });
  return 'type' in wish ? { ok: false, failure: { event: wish, said: '' } } : { ok: true, value: { wish, spoken } };
}

function generationOf({ channel, patience, options }: Triton, model: string, wish: Wish, spoken: Spoken) {
  return {
    channel,
    patience,
    request: inferRequest(model, newId('gen', options.clock.now()), wish, spoken),
    reader: createReplyReader(spoken.dialect, wish.maxTokens),
  };
}

async function counted(format: PromptFormat | undefined, prompt: string, answer: string): Promise<Usage | undefined> {
  const [promptTokens, completionTokens] = await Promise.all([
    format?.countTokens(prompt),
    format?.countTokens(answer),
  ]);
  return promptTokens === undefined || completionTokens === undefined ? undefined : { promptTokens, completionTokens };
}

/** Remembers what a failure means for later requests, logs its words, and names the models that there are where one is not. */
async function told(triton: Triton, model: string, failed: Failure, signal: AbortSignal): Promise<Failure> {
  const { models, breaker, options } = triton;
  if (failed.forget === true) models.forget(model);
  if (failed.broken === true) breaker.broke(model);
  const { event, said } = failed;
  if (said !== '')
    options.logger.warn('Triton failed', {
      backend: options.name,
      model,
      code: event.code,
      said: said.slice(0, LOGGED),
    });
  if (event.code !== 'model_not_found') return failed;
  const served = await namesOf(models, signal);
  return served === '' ? failed : { ...failed, event: { ...event, message: `${event.message}; it has: ${served}` } };
}

async function namesOf(models: Models, signal: AbortSignal): Promise<string> {
  const loaded = await models.loaded(signal);
  return loaded.ok ? loaded.value.join(', ') : '';
}

/** Declared names are checked; the first that is not there is why it rejects. */
async function modelsOf(
  { models, options }: Triton,
  declared: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  const names = declared === undefined ? valueOf(await models.loaded(signal)) : declared;
  return Promise.all(
    names.map(async (id) => {
      const spoken = valueOf(await models.find(options.model ?? id, signal));
      const contextTokens = options.contextTokens ?? spoken.contextTokens;
      return { id, backend: options.name, ...(contextTokens === undefined ? {} : { contextTokens }) };
    }),
  );
}

function valueOf<Value>(known: Known<Value>): Value {
  if (known.ok) return known.value;
  const { code, message } = known.failure.event;
  const isOurs = code === 'backend_unreachable' || code === 'backend_garbage' || code === 'model_not_found';
  throw new CaissonError(isOurs ? code : 'backend_failed', message);
}
