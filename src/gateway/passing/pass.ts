// Owns one request whose bytes pass between a client and an engine of its own dialect: the door, the tap, the end. Knows no member of it.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ModelErrorEvent } from '../../contracts/model-events.ts';
import type { PassBytes, PassingControl } from '../../contracts/passing.ts';
import { letIn } from '../admission/let-in.ts';
import { cut } from '../answer.ts';
import { EngineError } from '../errors.ts';
import { sessionOf } from '../infer.ts';
import type { AdmissionPass } from '../ports.ts';
import type { RouteContext } from '../route-context.ts';
import { createSink, type Sink } from '../sink.ts';
import { keepAlive, STREAM_HEADERS } from '../stream.ts';
import type { Gatherer } from './gather.ts';
import { createOutlet } from './outlet.ts';
import { readPlainAnswer } from './plain-answer.ts';
import { type PassingRequest, passingRequest } from './request.ts';
import { createTap, type Tap, type TappedUsage } from './tap.ts';

export interface Passing {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly context: RouteContext;
  readonly gatherer: Gatherer;
  /** A chunk that says nothing, for silence. */
  keepAlive(model: string): string;
}

/**
 * False if the request must go the way on which it is read whole; an engine that refuses the bytes may take it in other words there.
 * True if it is answered. Rejects while nothing was written.
 */
export async function passThrough(bytes: Buffer, passing: Passing): Promise<boolean> {
  const { ports } = passing.context;
  const wish = passingRequest(bytes);
  const send = wish === undefined ? undefined : await ports.passing?.(wish.model);
  if (wish === undefined || send === undefined || (await mayOverflow(wish, passing))) return false;
  const sink = createSink(passing.reply, STREAM_HEADERS, passing.context.closing);
  const { request, reply } = passing;
  const pass = await letIn({ request, reply, model: wish.model, promptTokens: guessed(wish) }, passing.context);
  try {
    return await (wish.streamed ? stream : answer)({ wish, send, sink, pass, passing });
  } finally {
    pass.close();
  }
}

/** By bytes, of which every token has one. */
async function mayOverflow({ model, promptBytes, maxTokens }: PassingRequest, { context }: Passing): Promise<boolean> {
  if (maxTokens === undefined) return false;
  const window = await context.ports.contextTokens?.(model);
  return window !== undefined && promptBytes + maxTokens > window;
}

interface Journey {
  readonly wish: PassingRequest;
  readonly send: PassBytes;
  readonly sink: Sink;
  readonly pass: AdmissionPass;
  readonly passing: Passing;
}

/** What is known of the answer at its end. */
interface Verdict {
  readonly isWhole: () => boolean;
  readonly usage: () => TappedUsage | undefined;
}

/** How it ended: `refused` means that nothing was begun. */
type Ending = { readonly end: 'ended' | 'refused' } | { readonly end: 'failed'; readonly error: ModelErrorEvent };

async function stream(journey: Journey): Promise<boolean> {
  const { wish, sink, passing } = journey;
  const { limits } = passing.context.ports;
  const tap = createTap({ hidesUsage: wish.hidesUsage, maxEventBytes: limits.modelAnswerBytes });
  const outlet = createOutlet(passing.reply, sink, passing.gatherer);
  const alive = () => passing.keepAlive(wish.model);
  const silence = keepAlive(sink, { open: alive, keepAlive: alive }, limits);
  try {
    const ending = await travel(
      journey,
      (chunk, control) => {
        const events = tap.take(chunk);
        if (tap.broken()) return 'stop';
        if (events !== undefined) {
          silence.broken();
          outlet.write(events, tap.urgent(), control);
        }
        return 'go';
      },
      { isWhole: () => tap.verdict() === 'whole', usage: () => tap.usage() },
    );
    if (ending.end === 'ended' && tap.verdict() === 'whole') outlet.end();
    else if (sink.started || sink.signal.aborted) outlet.reset();
    else if (ending.end === 'refused') return false;
    else
      throw ending.end === 'failed'
        ? new EngineError(ending.error)
        : cut('the engine stopped in the middle of the answer');
    return true;
  } finally {
    silence.end();
    account(journey, tap);
  }
}

function account({ wish, pass, passing }: Journey, tap: Tap): void {
  const usage = tap.usage();
  const exact = tap.verdict() === 'whole' && usage !== undefined;
  const guess = { promptTokens: guessed(wish), completionTokens: tap.events(), cachedTokens: 0 };
  if (usage !== undefined || tap.events() > 0) pass.used({ exact, ...(usage ?? guess) });
  if (usage !== undefined) passing.context.ports.tally.tokens(usage);
}

/** A plain answer is small and told whole; only then its text is sent. */
async function answer(journey: Journey): Promise<boolean> {
  const { pass, passing, sink } = journey;
  const { limits, tally } = passing.context.ports;
  const parts: Buffer[] = [];
  let bytes = 0;
  const ending = await travel(
    journey,
    (chunk) => {
      parts.push(chunk);
      bytes += chunk.length;
      return bytes > limits.modelAnswerBytes ? 'stop' : 'go';
    },
    { isWhole: () => true, usage: () => readPlainAnswer(Buffer.concat(parts))?.usage },
  );
  if (ending.end === 'refused') return false;
  if (ending.end === 'failed') throw new EngineError(ending.error);
  const [first = NOTHING, ...others] = parts;
  const body = others.length === 0 ? first : Buffer.concat(parts);
  const read = readPlainAnswer(body);
  if (read === undefined || sink.signal.aborted) throw cut('the engine gave the answer up');
  if (read.usage !== undefined) {
    pass.used({ exact: true, ...read.usage });
    tally.tokens(read.usage);
  }
  sink.whole(body, 'application/json; charset=utf-8');
  return true;
}

const NOTHING = Buffer.alloc(0);
const CHARACTERS_PER_TOKEN = 4;

function guessed({ promptBytes }: PassingRequest): number {
  return Math.ceil(promptBytes / CHARACTERS_PER_TOKEN);
}

/** `take` says `stop` when nothing more is wanted: the engine is told to stop, and it counts as a failure. */
async function travel(
  { wish, send, sink, pass, passing }: Journey,
  take: (chunk: Buffer, control: PassingControl) => 'go' | 'stop',
  { isWhole, usage }: Verdict,
): Promise<Ending> {
  const refusal = await pass.enter(sink.signal);
  if (refusal !== undefined) return { end: 'failed', error: refusal };
  return new Promise((over: (ending: Ending) => void) => {
    let stopped = false;
    const control = send(
      {
        body: wish.body,
        model: wish.model,
        has: wish.has,
        signal: sink.signal,
        affinity: sessionOf(passing.request) ?? wish.opening,
      },
      {
        begin: () => {},
        data: (chunk) => {
          if (stopped || sink.signal.aborted || take(chunk, control) === 'go') return;
          stopped = true;
          control.stop();
          over({ end: 'failed', error: cut('the engine sent no whole answer').event });
        },
        end: () => {
          over({ end: 'ended' });
          return isWhole();
        },
        usage,
        refused: () => over({ end: 'refused' }),
        // Nobody got it: on the other way the next replica is asked.
        fail: (error) => over(error.unsent === true ? { end: 'refused' } : { end: 'failed', error }),
      },
    );
  });
}
