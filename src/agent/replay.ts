// Owns the way back: the state of the loop from the events of a run. Knows no table; contents come through a port.
import type { Message, ToolCall } from '../contracts/messages.ts';
import type { EventOf, EventType, RunEvent } from '../contracts/run-events.ts';
import { countRepeat, countUsage, personSays, refuseClaim } from './loop.ts';
import { type AgentState, newState } from './state.ts';

export const UNKNOWN_OUTCOME =
  'unknown: the service stopped while this call ran, so nobody knows what came of it and it is not repeated. ' +
  'The shell was started anew. Look at the present state before you go on.';

/** Those that are there before anybody says anything. */
const FIRST_MESSAGES = 2;

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

type Take<Type extends EventType> = (
  replay: Replay,
  body: EventOf<Type>,
  content: ReadContent,
) => Promise<void> | undefined;

/** An event that is not here changes nothing of what the loop holds. */
const TAKES: { readonly [Type in EventType]?: Take<Type> } = {
  model_requested: takeRequest,
  model_answered: takeAnswer,
  answer_refused: async ({ state }, { replyHash }, content) => takeRefusal(state, await content(replyHash)),
  tool_started: async ({ started }, { call }) => void started.add(call),
  tool_finished: takeResult,
  finish_claimed: async ({ state }, body, content) => takeClaim(state, body, content),
  finish_refused: async ({ state }, { reportHash }, content) => {
    if (state.claim !== undefined) refuseClaim(state, state.claim, await content(reportHash));
  },
  message_received: async ({ unread }, { textHash }, content) => void unread.push(await content(textHash)),
  run_rewound: async (replay, { stateHash }, content) => {
    replay.state = JSON.parse(await content(stateHash)) as AgentState;
  },
  run_resumed: async ({ state, started }, { unknownCalls }) => {
    leaveUnknown(state, unknownCalls);
    for (const call of unknownCalls) started.delete(call);
  },
};

async function takeEvent(replay: Replay, { body }: RunEvent, content: ReadContent): Promise<void> {
  // The table gives each type the function of that type.
  const take = TAKES[body.type] as Take<EventType> | undefined;
  await take?.(replay, body, content);
}

async function takeRequest(replay: Replay, body: EventOf<'model_requested'>, content: ReadContent): Promise<void> {
  const { state } = replay;
  if (state.lastRequest === '') {
    const request = JSON.parse(await content(body.requestHash)) as { messages: Message[] };
    const people = replay.unread.length;
    const others = Math.max(FIRST_MESSAGES, state.messages.length);
    state.messages.splice(0, state.messages.length, ...request.messages);
    replay.unread.splice(0, Math.min(people, Math.max(0, request.messages.length - others)));
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
