// Owns when an answer is read again for calls that the engine left in its text, and what that says of the engine. Knows no mark.
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelEvent, RepairKind } from '../../contracts/model-events.ts';
import type { TextRepair } from '../../prompting/repair-text.ts';

export type MakeRepair = (request: ChatRequest) => Promise<TextRepair>;

/**
 * Bytes that pass are not searched: it would cost an engine with a parser of its own the way that is made for it. But each answer that
 * is read (of a run, a probe, another dialect, or not streamed) tells on which side the parser is. While calls are left in the text,
 * nothing passes, and every client gets its calls; one call that the engine tells itself opens that way again.
 */
export function createCallRepair(make: MakeRepair | undefined) {
  let areLeft = false;
  let asked = false;
  const isFirst = () => !asked && (asked = true);
  const hear: Hear = { isFirst, left: () => (areLeft = true), own: () => (areLeft = false) };
  return {
    areLeft: () => areLeft,
    read: (request: ChatRequest, events: AsyncIterable<ModelEvent>): AsyncIterable<ModelEvent> => {
      const { tools = [], toolChoice } = request;
      if (make === undefined || tools.length === 0 || toolChoice === 'none') return events;
      return repaired(request, events, make, hear);
    },
  };
}

interface Hear {
  isFirst(): boolean;
  left(): void;
  own(): void;
}

const LEFT: ReadonlySet<RepairKind> = new Set<RepairKind>(['call_in_text', 'call_in_thinking']);

/** A request is long under way then, and its answer seldom there. */
const EARLY_MS = 300;

/** What it is read with is loaded while the engine works on its first answer: before that it would delay the request. */
async function* repaired(
  request: ChatRequest,
  events: AsyncIterable<ModelEvent>,
  make: MakeRepair,
  hear: Hear,
): AsyncGenerator<ModelEvent> {
  let repair: TextRepair | undefined;
  const early = hear.isFirst() ? setTimeout(() => void make(request).catch(() => {}), EARLY_MS).unref() : undefined;
  for await (const event of events) {
    clearTimeout(early);
    if (event.type === 'tool_call') hear.own();
    repair ??= await make(request);
    for (const told of repair.take(event)) {
      if (told.type === 'repair' && LEFT.has(told.kind)) hear.left();
      yield told;
    }
  }
  if (repair !== undefined) yield* repair.end();
}
