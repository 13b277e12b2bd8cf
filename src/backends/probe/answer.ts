// Owns what one answer to a probe came to. Knows no case and no engine.
import type { FinishReason, ModelEvent, RepairKind, Usage } from '../../contracts/model-events.ts';
import type { JsonObject } from '../../base/json.ts';

export interface ProbedCall {
  readonly name: string;
  /** Undefined: they are no JSON object, or the call was never closed. */
  readonly arguments: JsonObject | undefined;
}

export interface ProbedAnswer {
  readonly thinking: string;
  readonly text: string;
  readonly calls: readonly ProbedCall[];
  readonly usage?: Usage;
  readonly finish?: FinishReason;
  readonly stop?: string;
  readonly logprobs: number;
  readonly repairs: readonly RepairKind[];
  readonly error?: string;
  /** Events with a part of the answer. */
  readonly pieces: number;
}

export function answerOf(events: readonly ModelEvent[]): ProbedAnswer {
  const calls = new Map<number, { name: string; text: string; whole: boolean }>();
  const answer = { thinking: '', text: '', logprobs: 0, pieces: 0 };
  const repairs: RepairKind[] = [];
  let rest: Pick<ProbedAnswer, 'usage' | 'finish' | 'stop' | 'error'> = {};
  for (const event of events) {
    if (event.type === 'reasoning') answer.thinking += event.text;
    else if (event.type === 'text') answer.text += event.text;
    else if (event.type === 'logprobs') answer.logprobs += event.tokens.length;
    else if (event.type === 'repair') repairs.push(event.kind);
    else if (event.type === 'tool_call') takeCall(calls, event);
    else rest = { ...rest, ...endOf(event) };
    if (event.type === 'reasoning' || event.type === 'text' || event.type === 'tool_call') answer.pieces += 1;
  }
  return { ...answer, ...rest, repairs, calls: [...calls.values()].map(callOf) };
}

function takeCall(
  calls: Map<number, { name: string; text: string; whole: boolean }>,
  event: Extract<ModelEvent, { readonly type: 'tool_call' }>,
): void {
  const { name, text, whole } = calls.get(event.index) ?? { name: '', text: '', whole: false };
  calls.set(event.index, {
    name: name + (event.name ?? ''),
    text: text + (event.arguments ?? ''),
    whole: whole || event.complete,
  });
}

function endOf(event: ModelEvent): Pick<ProbedAnswer, 'usage' | 'finish' | 'stop' | 'error'> {
  if (event.type === 'usage') return { usage: event };
  if (event.type === 'error') return { error: `${event.code}: ${event.message}` };
  if (event.type !== 'finish') return {};
  return { finish: event.reason, ...(event.stop === undefined ? {} : { stop: event.stop }) };
}

function callOf({ name, text, whole }: { readonly name: string; readonly text: string; readonly whole: boolean }) {
  return { name, arguments: whole ? objectIn(text) : undefined };
}

/** Undefined: it is no JSON object. */
export function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
