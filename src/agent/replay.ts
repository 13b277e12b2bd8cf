// Owns the way back: the state of the loop from the events of a run. Knows no table; contents come through a port.
import type { Message, ToolCall } from '../contracts/messages.ts';
import type { EventOf, RunEvent } from '../contracts/run-events.ts';
import { countRepeat, countUsage, personSays, refuseClaim } from './loop.ts';
import { type AgentState, newState } from './state.ts';

export const UNKNOWN_OUTCOME =
  'unknown: the service stopped while this call ran, so nobody knows what came of it and it is not repeated. ' +
  'The shell was started anew. Look at the present state before you go on.';

export interface Replayed {
  readonly state: AgentState;
  /** Calls that had started and have no result: their outcome is unknown. */
  readonly unknownCalls: readonly string[];
  /** Words of a person that no request has held yet. */
  readonly unread: readonly string[];
}

type ReadContent = (hash: string) => Promise<string>;

interface Replay {
  state: AgentState;
  readonly started: Set<string>;
  readonly unread: string[];
}

/**
 * Rebuilds the state after `events` of one run, oldest first. `content` must reject when a content is gone.
 * `first` is the conversation before the first answer if no request was sent yet.
 */
export async function replayRun(
  events: readonly RunEvent[],
  first: readonly Message[],
  content: ReadContent,
): Promise<Replayed> {
  const replay: Replay = { state: newState(first), started: new Set(), unread: [] };
  for (const event of events) await takeEvent(replay, event, content);
  return { state: replay.state, unknownCalls: [...replay.started], unread: replay.unread };
}

async function takeEvent(replay: Replay, { body }: RunEvent, content: ReadContent): Promise<void> {
  switch (body.type) {
    case 'model_requested':
      return takeRequest(replay, body, content);
    case 'model_answered':
      return takeAnswer(replay, body, content);
    case 'answer_refused':
      return takeRefusal(replay.state, await content(body.replyHash));
    case 'tool_started':
      replay.started.add(body.call);
      return;
    case 'tool_finished':
      return takeResult(replay, body, content);
    case 'finish_claimed':
      return takeClaim(replay.state, body, content);
    case 'finish_refused':
      if (replay.state.claim !== undefined)
        refuseClaim(replay.state, replay.state.claim, await content(body.reportHash));
      return;
    case 'message_received':
      replay.unread.push(await content(body.textHash));
      return;
    case 'run_resumed':
      leaveUnknown(replay.state, body.unknownCalls);
      for (const call of body.unknownCalls) replay.started.delete(call);
      return;
    default:
  }
}

async function takeRequest(replay: Replay, body: EventOf<'model_requested'>, content: ReadContent): Promise<void> {
  const { state } = replay;
  if (state.lastRequest === '') {
    const request = JSON.parse(await content(body.requestHash)) as { messages: Message[] };
    const people = replay.unread.length;
    state.messages.splice(0, state.messages.length, ...request.messages);
    replay.unread.splice(0, Math.min(people, Math.max(0, request.messages.length - 2)));
  }
  while (state.messages.length < body.messages) {
    const text = replay.unread.shift();
    if (text === undefined) break;
    state.messages.push(personSays(text));
  }
  state.lastRequest = body.requestHash;
  state.sent = body.messages;
}

async function takeAnswer(replay: Replay, body: EventOf<'model_answered'>, content: ReadContent): Promise<void> {
  const message = JSON.parse(await content(body.messageHash)) as Extract<Message, { role: 'assistant' }>;
  replay.state.steps += 1;
  replay.state.messages.push(message);
  replay.state.pendingCalls = message.toolCalls ?? [];
  countUsage(replay.state, { usage: body.usage });
}

function takeRefusal(state: AgentState, reply: string): void {
  const last = state.messages.pop();
  const text = last?.role === 'assistant' ? last.content : '';
  state.messages.push({ role: 'assistant', content: text }, { role: 'user', content: reply });
  state.pendingCalls = [];
  state.formatErrors += 1;
}

async function takeResult(replay: Replay, body: EventOf<'tool_finished'>, content: ReadContent): Promise<void> {
  const output = await content(body.resultHash);
  replay.started.delete(body.call);
  const call = answerCall(replay.state, body.call, output);
  if (body.status === 'invalid') {
    replay.state.formatErrors += 1;
    return;
  }
  replay.state.formatErrors = 0;
  if (call !== undefined && body.tool !== 'finish')
    countRepeat(replay.state, `${call.name}\n${call.arguments}\n${output}`);
}

/** Gives the calls whose outcome nobody knows a result that says so. */
export function leaveUnknown(state: AgentState, calls: readonly string[]): void {
  for (const call of calls) answerCall(state, call, UNKNOWN_OUTCOME);
}

function answerCall(state: AgentState, id: string, output: string): ToolCall | undefined {
  const call = state.pendingCalls.find((pending) => pending.id === id);
  if (call === undefined) return undefined;
  state.pendingCalls = state.pendingCalls.filter((pending) => pending.id !== id);
  state.messages.push({ role: 'tool', callId: id, content: output });
  return call;
}

async function takeClaim(state: AgentState, body: EventOf<'finish_claimed'>, content: ReadContent): Promise<void> {
  const claim = JSON.parse(await content(body.summaryHash)) as { summary: string; checked: string };
  state.claim = { ...claim, call: body.call };
}
