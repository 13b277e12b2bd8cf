// Owns one generation: a stream of its own, its silence, its end, and how it is cancelled. Knows no template and no dialect.
import type { ServiceError } from '@grpc/grpc-js';
import type { FinishReason, Usage } from '../../contracts/model-events.ts';
import { abortedFailure, type Failure, failure, failureOfStatus, failureOfWords, type Where } from './failure.ts';
import type { ReplyReader } from './replies.ts';
import { createUnread, type Unread } from '../text/unread.ts';
import type { Channel, Generating } from './wire/channel.ts';
import type { InferReply, InferRequest, StreamReply } from './wire/messages.ts';

export interface Patience {
  readonly connectMs: number;
  /** Until the first reply, and between two. */
  readonly firstMs: number;
  readonly betweenMs: number;
  /** Characters of an answer, and of it those that wait for a slow reader. */
  readonly maxCharacters: number;
  readonly maxUnread: number;
}

export type Piece =
  | { readonly type: 'text'; readonly text: string }
  /** `takenBack`: characters at the end of the text that the model wants unsaid. */
  | {
      readonly type: 'end';
      readonly reason: FinishReason;
      readonly usage: Usage | undefined;
      readonly takenBack: number;
    }
  | { readonly type: 'failed'; readonly failure: Failure };

type End = Exclude<Piece, { readonly type: 'text' }>;

export interface GenerationOptions {
  readonly channel: Channel;
  readonly request: InferRequest;
  readonly reader: ReplyReader;
  readonly patience: Patience;
}

/** Texts, then one end or failure. Leaving it early cancels the generation. Never throws. */
export async function* generate(options: GenerationOptions, signal: AbortSignal): AsyncGenerator<Piece, void> {
  if (signal.aborted) {
    yield { type: 'failed', failure: abortedFailure() };
    return;
  }
  const { channel, request, patience } = options;
  const unread = createUnread<End>(patience.maxUnread);
  const call = channel.open();
  const writtenAt = performance.now();
  // At once, and not when the reader comes back: it may never do.
  const fail = (failed: Failure) => {
    unread.end({ type: 'failed', failure: failed });
    cancel(call, writtenAt);
  };
  const watch = createWatch(patience, channel, fail);
  const abort = () => {
    unread.cut({ type: 'failed', failure: abortedFailure() });
    cancel(call, writtenAt);
  };
  signal.addEventListener('abort', abort, { once: true });
  hear(call, unread, options, { heard: watch.heard, fail });
  try {
    call.write(request);
    // What is in flight goes on to its end.
    call.end();
    for (;;) {
      const taken = await unread.take();
      if ('end' in taken) {
        yield taken.end;
        return;
      }
      yield { type: 'text', text: taken.text };
    }
  } finally {
    watch.stop();
    signal.removeEventListener('abort', abort);
    cancel(call, writtenAt);
  }
}

/** A cancellation that comes in the same moment as the request is overlooked: the model would go on to its end. */
const CANCEL_AFTER_MS = 50;

/** Harmless for a call that is over. */
function cancel(call: Generating, writtenAt: number): void {
  const wait = writtenAt + CANCEL_AFTER_MS - performance.now();
  if (wait <= 0) call.cancel();
  else setTimeout(() => call.cancel(), wait);
}

interface Listener {
  readonly heard: () => void;
  readonly fail: (failed: Failure) => void;
}

function hear(call: Generating, unread: Unread<End>, options: GenerationOptions, { heard, fail }: Listener): void {
  const { channel, request, reader, patience } = options;
  let begun = false;
  let characters = 0;
  const where = (): Where => ({ address: channel.address, model: request.modelName, begun });
  const refuse = (message: string) => fail({ event: failure('backend_failed', message, false), said: '' });
  const add = (text: string) => {
    characters += text.length;
    if (characters > patience.maxCharacters) refuse(`the answer is longer than ${patience.maxCharacters} characters`);
    else if (!unread.add(text))
      refuse(`the answer was not read: more than ${patience.maxUnread} characters of it waited`);
  };
  const take = (reply: InferReply) => {
    begun ||= reply.outputs.length > 0;
    const taken = reader.take(reply);
    if ('problem' in taken) refuse(`the model at ${channel.address} ${taken.problem}`);
    else add(taken.text);
    if (reply.parameters['triton_final_response']?.boolParam !== true) return;
    add(reader.rest());
    const [reason, usage, takenBack] = [reader.reason(), reader.usage(), reader.takenBack()];
    unread.end({ type: 'end', reason, usage, takenBack });
  };
  call.on('data', ({ errorMessage, inferResponse }: StreamReply) => {
    heard();
    if (errorMessage !== '') fail(failureOfWords(errorMessage, where()));
    else if (inferResponse !== null && inferResponse.id === request.id) take(inferResponse);
  });
  // Also after the end: an error that nobody hears would end the process.
  call.on('error', (error: ServiceError) => fail(failureOfStatus(error, where())));
  call.on('end', () => fail(brokenOff(where())));
}

function brokenOff({ address, model }: Where): Failure {
  const message = `the model ${JSON.stringify(model)} at ${address} ended its answer in the middle`;
  return { event: failure('backend_failed', message, true), said: '' };
}

/** Neither a dead model process nor a lost packet is ever told: silence is all there is. */
function createWatch(patience: Patience, channel: Channel, fail: (failed: Failure) => void) {
  const { connectMs, firstMs, betweenMs } = patience;
  const silent = (ms: number) => {
    const event = failure('backend_failed', `${channel.address} sent nothing for ${ms} ms`, true);
    fail({ event, said: '', forget: true });
  };
  const connecting = setTimeout(() => {
    if (channel.isConnected()) return;
    const words = `${channel.address} cannot be reached: no connection within ${connectMs} ms`;
    fail({ event: { ...failure('backend_unreachable', words, true), unsent: true }, said: '' });
  }, connectMs);
  let timer = setTimeout(() => silent(firstMs), firstMs);
  let isFirst = true;
  let isOver = false;
  return {
    heard: () => {
      // A timer that was cleared would run again.
      if (isOver) return;
      if (!isFirst) {
        timer.refresh();
        return;
      }
      isFirst = false;
      clearTimeout(connecting);
      clearTimeout(timer);
      timer = setTimeout(() => silent(betweenMs), betweenMs);
    },
    stop: () => {
      isOver = true;
      clearTimeout(connecting);
      clearTimeout(timer);
    },
  };
}
