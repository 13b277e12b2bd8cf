// Owns the engine of one model file: its process, started when it is needed and again after its death, and its answers. Knows no prompt.
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ModelErrorEvent } from '../../contracts/model-events.ts';
import type { TextPiece } from '../text/answer.ts';
import { createUnread } from '../text/unread.ts';
import { createLine } from './line.ts';
import { type EngineProcess, launch, type LaunchOptions, type Refused, whyNot } from './process.ts';
import type { EmbedOrder, GenerateOrder, Loaded, Meter, Report } from './wire.ts';

export interface EngineOptions extends LaunchOptions {
  readonly name: string;
  /** Characters of an answer that a slow reader may leave unread. */
  readonly mostUnread: number;
  /** An engine that works and says nothing for so long hangs: it is killed. */
  readonly silenceMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Failed = Extract<TextPiece, { readonly type: 'failed' }>;
type End = Exclude<TextPiece, { readonly type: 'text' }>;

export interface Running {
  readonly loaded: Loaded;
  readonly child: EngineProcess;
}

export interface LlamaEngine {
  /** Why it would not start now, or does not; its window where it runs. Starts nothing. Never rejects. */
  known(): Promise<Refused | Pick<Loaded, 'contextTokens'> | undefined>;
  /** Starts it if need be. Never rejects. */
  ready(): Promise<Running | Failed>;
  /** Texts, then one end or failure. Never throws. */
  generate(order: Omit<GenerateOrder, 'type' | 'id'>, signal: AbortSignal): AsyncGenerator<TextPiece, void>;
  /** Undefined: there is no engine now. Never rejects. */
  count(text: string): Promise<number | undefined>;
  embed(inputs: EmbedOrder['inputs'], signal: AbortSignal): Promise<Extract<Report, { type: 'embedded' }> | Failed>;
  /** As it said after the last answer. */
  meter(): Meter;
  /** Of the process, while there is one. */
  pid(): number | undefined;
  /** Resolves when the process is dead. */
  close(): Promise<void>;
  /** The same when nothing is under way any more. */
  retire(): void;
}

/** Answers that may wait for a slot. */
const MOST_WAITING = 256;
const RETRY_SECONDS = 2;
const WATCH_MS = 500;
/** After a death the first start is at once. */
const BACK_OFF_MS = [0, 1000, 2000, 4000, 8000, 16_000, 30_000];
/** A file or an installation that is wrong may be mended meanwhile. */
const REFUSED_MS = 3000;
const ABORTED = failed('aborted', 'the request was aborted', false);

type Heard = Extract<Report, { readonly id: number }> | { readonly type: 'died'; readonly how: string };

interface Inner {
  readonly options: EngineOptions;
  readonly waiting: Map<number, (heard: Heard) => void>;
  launched: Promise<Running | Failed> | undefined;
  running: Running | undefined;
  refused: Refused | undefined;
  nextId: number;
  /** Since an answer came to its end. */
  deaths: number;
  notBefore: number;
  meter: Meter;
  heardAt: number;
  /** Answers under way, those that wait for a slot included. */
  answers: number;
  closed: boolean;
}

export function createEngine(options: EngineOptions): LlamaEngine {
  const inner: Inner = {
    options,
    waiting: new Map(),
    launched: undefined,
    running: undefined,
    refused: undefined,
    nextId: 1,
    deaths: 0,
    notBefore: Number.NEGATIVE_INFINITY,
    meter: { active: 0, evaluatedTokens: 0, generatedTokens: 0 },
    heardAt: Number.NEGATIVE_INFINITY,
    answers: 0,
    closed: false,
  };
  const line = createLine(options.order.slots, MOST_WAITING);
  return {
    known: async () => inner.running?.loaded ?? inner.refused ?? whyNot(options),
    ready: () => ready(inner),
    generate: (order, signal) => counted(inner, generate(inner, line, order, signal)),
    count: async (text) => {
      const running = await ready(inner);
      if ('type' in running) return undefined;
      const heard = await ask(inner, running, (id) => ({ type: 'count', id, text }));
      return heard.type === 'counted' ? heard.tokens : undefined;
    },
    embed: (inputs, signal) => embed(inner, inputs, signal),
    meter: () => inner.meter,
    pid: () => inner.running?.child.pid,
    close: () => close(inner),
    retire: () => retire(inner),
  };
}

function retire(inner: Inner): void {
  if (inner.answers === 0 && inner.waiting.size === 0) void close(inner);
  else setTimeout(() => retire(inner), WATCH_MS).unref();
}

async function close(inner: Inner): Promise<void> {
  inner.closed = true;
  const running = await inner.launched;
  if (running !== undefined && 'child' in running) await running.child.kill();
}

async function* counted(inner: Inner, pieces: AsyncIterable<TextPiece>): AsyncGenerator<TextPiece, void> {
  inner.answers += 1;
  try {
    yield* pieces;
  } finally {
    inner.answers -= 1;
  }
}

function ready(inner: Inner): Promise<Running | Failed> {
  const { clock } = inner.options;
  if (inner.closed) return Promise.resolve(failed('backend_unreachable', 'the engine is closed', false));
  const wait = inner.notBefore - clock.monotonic();
  if (inner.launched === undefined && wait > 0) {
    const message = `the engine of ${inner.options.name} ended ${inner.deaths} times in a row and is started again later`;
    const event = { ...failed('backend_unreachable', message, true).event, unsent: true as const };
    return Promise.resolve({ type: 'failed', event: { ...event, retryAfter: Math.ceil(wait / 1000) } });
  }
  inner.launched ??= begin(inner);
  return inner.launched;
}

async function begin(inner: Inner): Promise<Running | Failed> {
  const { name, logger } = inner.options;
  const launched = await launch(inner.options, {
    report: (report) => hear(inner, report),
    died: (how, said) => mourn(inner, how, said),
  });
  if ('child' in launched) {
    inner.running = launched;
    watch(inner, launched);
    logger.info('the engine is ready', {
      backend: name,
      pid: launched.child.pid,
      tokens: launched.loaded.contextTokens,
    });
    return launched;
  }
  logger.warn('the engine does not start', { backend: name, reason: launched.refused });
  inner.refused = launched;
  setTimeout(() => {
    inner.launched = undefined;
    inner.refused = undefined;
  }, REFUSED_MS).unref();
  return refusedBy(name);
}

/** It speaks at each token and at each part of a prompt: only one that hangs is silent. Ends with the process. */
function watch(inner: Inner, running: Running): void {
  const { name, silenceMs, clock, logger } = inner.options;
  const timer = setInterval(() => {
    if (inner.running !== running) clearInterval(timer);
    else if (inner.waiting.size > 0 && clock.monotonic() - inner.heardAt > silenceMs) {
      logger.error('the engine hangs and is killed', { backend: name, pid: running.child.pid });
      void running.child.kill();
    }
  }, WATCH_MS);
  timer.unref();
}

/** Why is for who runs the service, not for clients. */
function refusedBy(name: string): Failed {
  const message = `the engine of ${name} does not start: caisson doctor says why`;
  return { type: 'failed', event: { ...failed('backend_unreachable', message, false).event, unsent: true } };
}

function hear(inner: Inner, report: Extract<Report, { readonly id: number } | { readonly type: 'meter' }>): void {
  inner.heardAt = inner.options.clock.monotonic();
  if (report.type === 'meter') {
    const { type: _type, ...meter } = report;
    inner.meter = meter;
    return;
  }
  if (report.type === 'end') inner.deaths = 0;
  inner.waiting.get(report.id)?.(report);
}

/** Whatever was under way has failed; the next request starts it again, at once after the first death. */
function mourn(inner: Inner, how: string, said: string): void {
  const { name, logger, clock } = inner.options;
  if (!inner.closed) logger.error('the engine ended', { backend: name, how, said });
  inner.running = undefined;
  inner.launched = undefined;
  inner.meter = { active: 0, evaluatedTokens: 0, generatedTokens: 0 };
  inner.notBefore = clock.monotonic() + (BACK_OFF_MS[Math.min(inner.deaths, BACK_OFF_MS.length - 1)] ?? 0);
  inner.deaths += 1;
  for (const hearDeath of inner.waiting.values()) hearDeath({ type: 'died', how });
}

async function* generate(
  inner: Inner,
  line: ReturnType<typeof createLine>,
  order: Omit<GenerateOrder, 'type' | 'id'>,
  signal: AbortSignal,
): AsyncGenerator<TextPiece, void> {
  const entering = line.enter(signal);
  if (entering === 'full') {
    yield overloaded(inner);
    return;
  }
  const leave = await entering.catch(() => undefined);
  if (leave === undefined || signal.aborted) {
    leave?.();
    yield ABORTED;
    return;
  }
  const running = await Promise.race([ready(inner), aborted(signal)]);
  if ('type' in running) {
    leave();
    yield running;
    return;
  }
  yield* listen(inner, running, order, { signal, leave });
}

function overloaded({ options: { name, order } }: Inner): Failed {
  const message = `${name} answers ${order.slots} requests at a time, and ${MOST_WAITING} wait already`;
  const { event } = failed('overloaded', message, true);
  return { type: 'failed', event: { ...event, retryAfter: RETRY_SECONDS } };
}

/** The place is given back when the engine says that the answer is over, not when nobody listens any more. */
async function* listen(
  inner: Inner,
  running: Running,
  order: Omit<GenerateOrder, 'type' | 'id'>,
  { signal, leave }: { readonly signal: AbortSignal; readonly leave: () => void },
): AsyncGenerator<TextPiece, void> {
  const unread = createUnread<End>(inner.options.mostUnread);
  const id = take(inner, running, (heard, done) => {
    if (heard.type === 'text') {
      if (unread.add(heard.text)) return;
      unread.end(failed('backend_failed', 'nobody took the words of the answer', false));
      running.child.send({ type: 'cancel', id });
      return;
    }
    unread.end(endOf(heard, inner.options.name));
    done();
    leave();
  });
  const abort = () => unread.cut(ABORTED);
  signal.addEventListener('abort', abort, { once: true });
  running.child.send({ ...order, type: 'generate', id });
  try {
    for (;;) {
      const taken = await unread.take();
      yield 'end' in taken ? taken.end : { type: 'text', text: taken.text };
      if ('end' in taken) return;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    running.child.send({ type: 'cancel', id });
  }
}

function endOf(heard: Exclude<Heard, { readonly type: 'text' }>, name: string): End {
  if (heard.type === 'end') {
    const { promptTokens, completionTokens, cachedTokens, stop } = heard;
    const usage = { promptTokens, completionTokens, cachedTokens };
    if (heard.reason === 'aborted') return ABORTED;
    return { type: 'end', reason: heard.reason, usage, ...(stop === undefined ? {} : { stop }) };
  }
  return failureOf(heard, name);
}

function failureOf(heard: Heard, name: string): Failed {
  if (heard.type === 'failed') return failed(heard.code, heard.message, heard.code === 'backend_failed');
  const how = heard.type === 'died' ? heard.how : 'it spoke out of turn';
  return failed('backend_failed', `the engine of ${name} ended in the middle of the work (${how})`, true);
}

async function embed(
  inner: Inner,
  inputs: EmbedOrder['inputs'],
  signal: AbortSignal,
): ReturnType<LlamaEngine['embed']> {
  const running = await Promise.race([ready(inner), aborted(signal)]);
  if ('type' in running) return running;
  const heard = await Promise.race([ask(inner, running, (id) => ({ type: 'embed', id, inputs })), aborted(signal)]);
  if (heard.type === 'embedded') return heard;
  return 'event' in heard ? heard : failureOf(heard, inner.options.name);
}

async function ask(
  inner: Inner,
  running: Running,
  order: (id: number) => Parameters<EngineProcess['send']>[0],
): Promise<Heard> {
  const { promise, resolve } = Promise.withResolvers<Heard>();
  const id = take(inner, running, (heard, done) => {
    done();
    resolve(heard);
  });
  running.child.send(order(id));
  return promise;
}

/** A number under which words are heard until they are done. The process is kept in mind as long as one is. */
function take(inner: Inner, running: Running, listener: (heard: Heard, done: () => void) => void): number {
  const id = inner.nextId;
  inner.nextId += 1;
  const done = () => {
    inner.waiting.delete(id);
    if (inner.waiting.size === 0) running.child.keepAlive(false);
  };
  if (inner.waiting.size === 0) inner.heardAt = inner.options.clock.monotonic();
  inner.waiting.set(id, (heard) => listener(heard, done));
  running.child.keepAlive(true);
  // It died before anybody listened.
  if (inner.running !== running) queueMicrotask(() => listener({ type: 'died', how: 'before it began' }, done));
  return id;
}

function aborted(signal: AbortSignal): Promise<Failed> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(ABORTED);
    signal.addEventListener('abort', () => resolve(ABORTED), { once: true });
  });
}

function failed(code: ModelErrorEvent['code'], message: string, retryable: boolean): Failed {
  return { type: 'failed', event: { type: 'error', code, message, retryable } };
}
