// Owns the account of one model answer while its events come: what it is so far, and whether its end is a whole one. Knows no wire format.
import type {
  FinishReason,
  ModelErrorEvent,
  ModelEvent,
  RepairKind,
  TokenLogprob,
  ToolCallEvent,
  Usage,
} from '../contracts/model-events.ts';
import { EngineError } from './errors.ts';

/** A call as far as it has come. */
export interface CallSoFar {
  readonly id: string;
  readonly name: string;
  /** Position in the answer, without gaps from 0 on. */
  readonly position: number;
  arguments: string;
  complete: boolean;
}

export interface AnswerSoFar {
  text: string;
  reasoning: string;
  /** By the engine's index, in the order they began. */
  readonly calls: Map<number, CallSoFar>;
  readonly logprobs: TokenLogprob[];
  readonly repairs: RepairKind[];
  usage: Usage | undefined;
  finish: FinishReason | undefined;
  /** The stop sequence that ended the text, where the engine tells. */
  stop: string | undefined;
}

/** How a whole answer ends. */
export type EndReason = Exclude<FinishReason, 'abort'>;

export interface TakenCall {
  readonly call: CallSoFar;
  /** The event began the call. */
  readonly first: boolean;
}

export function newAnswer(): AnswerSoFar {
  return {
    text: '',
    reasoning: '',
    calls: new Map(),
    logprobs: [],
    repairs: [],
    usage: undefined,
    finish: undefined,
    stop: undefined,
  };
}

/** Takes one event in; gives the call it belongs to, for a tool call. Throws `EngineError` for an error event. */
export function takeEvent(
  answer: AnswerSoFar,
  event: ModelEvent,
  newId: (prefix: string) => string,
): TakenCall | undefined {
  if (event.type === 'error') throw new EngineError(event);
  if (event.type === 'tool_call') return takeCall(answer, event, newId);
  if (event.type === 'text') answer.text += event.text;
  else if (event.type === 'reasoning') answer.reasoning += event.text;
  else if (event.type === 'logprobs') answer.logprobs.push(...event.tokens);
  else if (event.type === 'repair') answer.repairs.push(event.kind);
  else if (event.type === 'finish') {
    answer.finish = event.reason;
    answer.stop = event.stop;
  } else if (event.type === 'usage') {
    const { type: _type, ...usage } = event;
    answer.usage = usage;
  }
  return undefined;
}

/**
 * How the answer ended, for a client. Throws `EngineError` if it was cut: no finish, ended by the engine itself, or a call that
 * was never closed. Such an answer must not look whole: a client would run half a command.
 */
export function finishOf({ finish, calls }: AnswerSoFar): EndReason {
  if (finish === undefined) throw cut('the engine stopped in the middle of the answer');
  if (finish === 'abort') throw cut('the engine gave the answer up');
  for (const call of calls.values()) {
    if (call.complete) continue;
    const why = finish === 'length' ? 'the limit on tokens was reached' : 'the answer ended';
    throw cut(`${why} inside the tool call ${JSON.stringify(call.name)}`);
  }
  return finish === 'stop' && calls.size > 0 ? 'tool_calls' : finish;
}

export function cut(message: string): EngineError {
  const event: ModelErrorEvent = { type: 'error', code: 'backend_failed', message, retryable: true };
  return new EngineError(event);
}

function takeCall({ calls }: AnswerSoFar, event: ToolCallEvent, newId: (prefix: string) => string): TakenCall {
  let call = calls.get(event.index);
  const first = call === undefined;
  if (call === undefined) {
    call = {
      id: event.id ?? newId('call'),
      name: event.name ?? '',
      position: calls.size,
      arguments: '',
      complete: false,
    };
    calls.set(event.index, call);
  }
  call.arguments += event.arguments ?? '';
  call.complete ||= event.complete;
  return { call, first };
}
