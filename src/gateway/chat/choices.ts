// Owns several answers to one request as one stream of events: each choice is an answer of its own. Knows no wire format and no engine.
import type { ModelEvent, Usage } from '../../contracts/model-events.ts';
import { type AnswerSoFar, type EndReason, finishOf, newAnswer, type TakenCall, takeEvent } from '../answer.ts';
import { EngineError } from '../errors.ts';
import type { GatewayPorts } from '../ports.ts';

/** What an event is in its own choice. */
export interface Spoken {
  readonly index: number;
  readonly taken: TakenCall | undefined;
  /** The choice is whole with this event. */
  readonly finish: EndReason | undefined;
}

export interface Choices {
  readonly answers: readonly AnswerSoFar[];
  /** The events as they come, whoever speaks. One that fails ends all: half of the choices is no answer. */
  merge(streams: readonly AsyncIterable<ModelEvent>[]): AsyncIterable<ModelEvent>;
  /** Undefined for the events that stand for all choices together. */
  spoken(event: ModelEvent): Spoken | undefined;
}

/** Numbers of calls of different choices must not meet. */
const CALLS_APART = 1_000_000;

/** The merged stream ends as one answer does: with the usage of all and one finish. */
export function createChoices(count: number, { newId }: Pick<GatewayPorts, 'newId'>): Choices {
  const answers = Array.from({ length: count }, newAnswer);
  const spoken = new WeakMap<ModelEvent, Spoken>();
  const tell = (event: ModelEvent, index: number): ModelEvent | undefined => {
    const answer = answers[index];
    if (answer === undefined || event.type === 'error') return event;
    const taken = takeEvent(answer, event, newId);
    if (event.type === 'usage') return undefined;
    const told = event.type === 'tool_call' ? { ...event, index: index * CALLS_APART + event.index } : { ...event };
    spoken.set(told, { index, taken, finish: event.type === 'finish' ? finishOf(answer) : undefined });
    return told;
  };
  return {
    answers,
    spoken: (event) => spoken.get(event),
    merge: async function* merge(streams) {
      try {
        for await (const { event, index } of together(streams)) {
          const told = tell(event, index);
          if (told === undefined) continue;
          yield told;
          if (told.type === 'error') return;
        }
        for (const answer of answers) finishOf(answer);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        yield error.event;
        return;
      }
      const usage = sumOf(answers);
      if (usage !== undefined) yield { type: 'usage', ...usage };
      yield { type: 'finish', reason: 'stop' };
    },
  };
}

interface Heard {
  readonly event: ModelEvent;
  readonly index: number;
}

async function* together(streams: readonly AsyncIterable<ModelEvent>[]): AsyncGenerator<Heard> {
  const sources = streams.map((stream) => stream[Symbol.asyncIterator]());
  const waiting = new Map<number, Promise<{ readonly index: number; readonly result: IteratorResult<ModelEvent> }>>();
  const listen = (source: AsyncIterator<ModelEvent>, index: number) => {
    waiting.set(
      index,
      source.next().then((result) => ({ index, result })),
    );
  };
  for (const [index, source] of sources.entries()) listen(source, index);
  try {
    while (waiting.size > 0) {
      const { index, result } = await Promise.race(waiting.values());
      waiting.delete(index);
      if (result.done === true) continue;
      yield { event: result.value, index };
      const source = sources[index];
      if (source !== undefined) listen(source, index);
    }
  } finally {
    // Whoever still waits for its engine is told by the abort of the request; it must not be waited for.
    for (const promise of waiting.values()) promise.catch(() => undefined);
    for (const source of sources) source.return?.().catch(() => undefined);
  }
}

/** What all of them used. Undefined if one of them does not say. */
function sumOf(answers: readonly AnswerSoFar[]): Usage | undefined {
  const all = answers.flatMap(({ usage }) => usage ?? []);
  if (all.length < answers.length) return undefined;
  const sum = (of: (usage: Usage) => number | undefined) => {
    const known = all.flatMap((usage) => of(usage) ?? []);
    return known.length === 0 ? undefined : known.reduce((total, number) => total + number, 0);
  };
  const cachedTokens = sum((usage) => usage.cachedTokens);
  const reasoningTokens = sum((usage) => usage.reasoningTokens);
  return {
    promptTokens: sum((usage) => usage.promptTokens) ?? 0,
    completionTokens: sum((usage) => usage.completionTokens) ?? 0,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
  };
}
