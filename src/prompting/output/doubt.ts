// Owns the settling of what a value was that holds marks of calls: both readings are tried, one of them must fail. Knows no stream.
import type { ModelEvent } from '../../contracts/model-events.ts';
import { AnswerReader, type Parts } from './answer.ts';
import type { Mode } from './call-body.ts';
import type { CallWriter } from './call.ts';
import type { Item } from './marks.ts';

export interface Settled {
  readonly events: readonly ModelEvent[];
  readonly calls: readonly CallWriter[];
}

/** What was told of a call already: the text of its arguments by its index, and every other event. */
export interface Told {
  readonly events: ModelEvent[];
  readonly written: Map<number, string>;
}

/**
 * `items`: from the opening of the call to the end of the answer. `told`: events that were told of it already; what comes back goes
 * on from there. Undefined: both readings can be meant, or none.
 */
export function settle(items: readonly Item[], parts: Parts, index: number, told: Told): Settled | undefined {
  const sound = (['nested', 'flat'] as const)
    .map((mode) => readAs(mode, items, parts, index))
    .filter((read) => read !== undefined);
  const [read, other] = sound;
  if (read === undefined || other !== undefined) return undefined;
  const events = without(read.events, told);
  return events === undefined ? undefined : { events, calls: read.calls };
}

function readAs(mode: Mode, items: readonly Item[], parts: Parts, index: number): Settled | undefined {
  const events: ModelEvent[] = [];
  const reader = new AnswerReader({ ...parts, emit: (event) => events.push(event) }, mode, { thinking: false, index });
  for (const item of items) reader.take(item);
  reader.end(true);
  const isWhole = reader.isSound && reader.calls.every((call) => call.closed && call.refused === undefined);
  return isWhole ? { events, calls: reader.calls } : undefined;
}

/** The events without what was told; undefined if they do not begin with it. */
function without(events: readonly ModelEvent[], told: Told): readonly ModelEvent[] | undefined {
  const before = told.events.map((event) => JSON.stringify(event));
  const written = new Map(told.written);
  const left: ModelEvent[] = [];
  for (const event of events) {
    if (event.type === 'tool_call' && event.arguments !== undefined) {
      const known = written.get(event.index) ?? '';
      const shared = Math.min(known.length, event.arguments.length);
      if (known.slice(0, shared) !== event.arguments.slice(0, shared)) return undefined;
      written.set(event.index, known.slice(shared));
      if (shared < event.arguments.length) left.push({ ...event, arguments: event.arguments.slice(shared) });
    } else if (!taken(before, JSON.stringify(event))) left.push(event);
  }
  return [...written.values()].every((rest) => rest === '') ? left : undefined;
}

function taken(texts: string[], text: string): boolean {
  const at = texts.indexOf(text);
  if (at !== -1) texts.splice(at, 1);
  return at !== -1;
}
