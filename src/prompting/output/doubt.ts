// Owns the settling of what a value was that holds marks of calls: both readings are tried, one of them must fail. Knows no stream.
import type { ModelEvent } from '../../contracts/model-events.ts';
import { AnswerReader, type Mode, type Parts } from './answer.ts';
import type { CallWriter } from './call.ts';
import type { Item } from './marks.ts';

export interface Settled {
  readonly events: readonly ModelEvent[];
  readonly calls: readonly CallWriter[];
}

/**
 * `items`: from the opening of the call to the end of the answer. `told`: events that were told of it already; what comes back goes
 * on from there. Undefined: both readings can be meant, or none.
 */
export function settle(
  items: readonly Item[],
  parts: Parts,
  index: number,
  told: readonly ModelEvent[],
): Settled | undefined {
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
function without(events: readonly ModelEvent[], told: readonly ModelEvent[]): readonly ModelEvent[] | undefined {
  const before = told.map((event) => JSON.stringify(event));
  const written = new Map<number, string>();
  for (const event of told)
    if (event.type === 'tool_call')
      written.set(event.index, (written.get(event.index) ?? '') + (event.arguments ?? ''));
  const left: ModelEvent[] = [];
  for (const event of events) {
    const text = event.type === 'tool_call' ? event.arguments : undefined;
    if (event.type === 'tool_call' && text !== undefined) {
      const known = written.get(event.index) ?? '';
      const shared = Math.min(known.length, text.length);
      if (known.slice(0, shared) !== text.slice(0, shared)) return undefined;
      written.set(event.index, known.slice(shared));
      if (shared < text.length) left.push({ ...event, arguments: text.slice(shared) });
    } else {
      const at = before.indexOf(JSON.stringify(event));
      if (at === -1) left.push(event);
      else before.splice(at, 1);
    }
  }
  return [...written.values()].every((rest) => rest === '') ? left : undefined;
}
