// Owns the gathering of one model answer from its events. Knows no retry and no tool.
import { LIMITS } from '../base/limits.ts';
import type { AssistantMessage, ToolCall } from '../contracts/messages.ts';
import type { FinishReason, ModelErrorEvent, ModelEvent, ToolCallEvent, Usage } from '../contracts/model-events.ts';
import type { Progress } from '../contracts/ports.ts';

export interface Answer {
  readonly message: AssistantMessage;
  /** `cut`: the stream ended without a finish. */
  readonly finish: FinishReason | 'cut';
  readonly usage: Usage | undefined;
  /** Calls that the engine began and never closed: they must not be run. */
  readonly cutCalls: number;
  /** What the reading of its text repaired, by kind; absent: nothing. */
  readonly repairs?: Readonly<Record<string, number>>;
}

export type Gathered =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly error: ModelErrorEvent };

interface PartialCall {
  id: string;
  name: string;
  arguments: string;
  complete: boolean;
}

interface Gathering {
  text: string;
  reasoning: string;
  readonly calls: Map<number, PartialCall>;
  finish: FinishReason | 'cut';
  usage: Usage | undefined;
  readonly repairs: Map<string, number>;
}

/** Reads the stream to its end. Text and reasoning are shown as they come; nothing of a failed answer is kept. */
export async function gatherAnswer(events: AsyncIterable<ModelEvent>, progress: Progress): Promise<Gathered> {
  const gathering = newGathering();
  for await (const event of events) {
    if (event.type === 'error') return { ok: false, error: event };
    take(gathering, event, progress);
    if (gathering.text.length + gathering.reasoning.length > LIMITS.modelAnswerBytes) return tooLong();
  }
  return { ok: true, answer: answerOf(gathering) };
}

function newGathering(): Gathering {
  return { text: '', reasoning: '', calls: new Map(), finish: 'cut', usage: undefined, repairs: new Map() };
}

function take(gathering: Gathering, event: Exclude<ModelEvent, ModelErrorEvent>, progress: Progress): void {
  switch (event.type) {
    case 'text':
      gathering.text += event.text;
      progress({ type: 'text', text: event.text });
      return;
    case 'reasoning':
      gathering.reasoning += event.text;
      progress({ type: 'reasoning', text: event.text });
      return;
    case 'tool_call':
      takeCall(gathering.calls, event);
      return;
    case 'usage': {
      const { type: _, ...usage } = event;
      gathering.usage = usage;
      return;
    }
    case 'finish':
      gathering.finish = event.reason;
      return;
    case 'repair':
      gathering.repairs.set(event.kind, (gathering.repairs.get(event.kind) ?? 0) + 1);
      return;
    case 'logprobs':
    case 'passed_on':
  }
}

function takeCall(calls: Map<number, PartialCall>, event: ToolCallEvent): void {
  const call = calls.get(event.index) ?? { id: '', name: '', arguments: '', complete: false };
  call.id ||= event.id ?? '';
  call.name ||= event.name ?? '';
  call.arguments += event.arguments ?? '';
  call.complete ||= event.complete;
  calls.set(event.index, call);
}

function answerOf(gathering: Gathering): Answer {
  const calls = [...gathering.calls.entries()].sort(([left], [right]) => left - right).map(([, call]) => call);
  const whole = calls.filter((call) => call.complete);
  const toolCalls = whole.map((call, index): ToolCall => ({
    id: call.id === '' ? `call_${index}` : call.id,
    name: call.name,
    arguments: call.arguments,
  }));
  const message: AssistantMessage = {
    role: 'assistant',
    content: gathering.text,
    ...(gathering.reasoning === '' ? {} : { reasoning: gathering.reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls: distinctIds(toolCalls) }),
  };
  const { finish, usage, repairs } = gathering;
  return {
    message,
    finish,
    usage,
    cutCalls: calls.length - whole.length,
    ...(repairs.size === 0 ? {} : { repairs: Object.fromEntries(repairs) }),
  };
}

function distinctIds(calls: readonly ToolCall[]): readonly ToolCall[] {
  const seen = new Set<string>();
  return calls.map((call, index) => {
    const id = seen.has(call.id) ? `${call.id}_${index}` : call.id;
    seen.add(id);
    return { ...call, id };
  });
}

function tooLong(): Gathered {
  const message = `the answer is longer than ${LIMITS.modelAnswerBytes} characters`;
  return { ok: false, error: { type: 'error', code: 'backend_failed', message, retryable: false } };
}
