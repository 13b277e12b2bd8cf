// Owns one request on its way to an engine: it waits for its place, asks, counts what it uses, and gives everything back. Knows no limit.
import type { RequestClass } from '../../contracts/accounts.ts';
import type { ModelErrorEvent, ModelEvent, PassedOnEvent } from '../../contracts/model-events.ts';
import type { AdmissionPass, UsedAmount } from '../ports.ts';
import { createCounting } from './counting.ts';
import type { Engines } from './engines.ts';
import type { Entered } from './queue.ts';

export interface PassOrder {
  /** Account. */
  readonly key: string;
  readonly model: string;
  /** A guess. */
  readonly promptTokens: number;
  readonly class: RequestClass;
  readonly patient: boolean;
  /** Once, when all is over: undefined if the engine did nothing. */
  end(amount: (UsedAmount & Spent) | undefined): void;
  /** The model has said something: it is one that is served. */
  heard(model: string): void;
}

export interface Spent {
  /** Of every backend that was asked. */
  readonly gpuSeconds: number;
  /** The one that answered. */
  readonly model: string;
}

type Reason = Extract<Entered, { readonly ok: false }>['why'];

const RETRY_SECONDS = 5;
const WORDS: Readonly<Record<Reason, string>> = {
  full: 'too many requests wait for this model',
  late: 'no place became free for this request in time',
  gone: 'the client has gone',
};

interface Held {
  place: (() => void) | undefined;
  /** Of the backend that is at work. */
  work: (() => number) | undefined;
  /** GPU seconds of those before it. */
  spent: number;
  over: boolean;
}

export function createPass(order: PassOrder, engines: Engines): AdmissionPass {
  const held: Held = { place: undefined, work: undefined, spent: 0, over: false };
  let { model } = order;
  let amount: () => UsedAmount | undefined = () => undefined;
  let known = false;
  const heard = () => {
    if (!known) order.heard(model);
    known = true;
  };
  const close = () => {
    if (held.over) return;
    held.over = true;
    held.place?.();
    const gpuSeconds = held.spent + (held.work?.() ?? 0);
    const used = amount();
    order.end(used === undefined ? undefined : { ...used, gpuSeconds, model });
  };
  /** Each backend counts its own time; the place stays with the line that gave it. */
  const passOn = (event: PassedOnEvent) => {
    ({ model } = event);
    held.spent += held.work?.() ?? 0;
    held.work = engines.workAt(event.backend);
  };
  return {
    stream: (stream, request, signal) => {
      const counting = createCounting(order.promptTokens);
      let asked = false;
      amount = () => counting.amount(asked);
      const hear = (result: IteratorResult<ModelEvent>) => {
        if (result.done === true) close();
        else {
          counting.hear(result.value);
          if (result.value.type === 'passed_on') passOn(result.value);
          else if (result.value.type !== 'error') heard();
        }
        return result;
      };
      const begin = async (): Promise<AsyncIterator<ModelEvent>> => {
        const refusal = await enter(order, engines, held, signal);
        asked = refusal === undefined;
        return (asked ? stream(request, signal) : alone(refusal))[Symbol.asyncIterator]();
      };
      return iterate(begin, hear, close);
    },
    enter: (signal) => enter(order, engines, held, signal),
    used: (told) => {
      heard();
      amount = () => told;
    },
    close,
  };
}

/** No generator of its own: one layer less for each event. */
function iterate(
  begin: () => Promise<AsyncIterator<ModelEvent>>,
  hear: (result: IteratorResult<ModelEvent>) => IteratorResult<ModelEvent>,
  close: () => void,
): AsyncIterable<ModelEvent> {
  let inner: AsyncIterator<ModelEvent> | undefined;
  const fail = (error: unknown): never => {
    close();
    throw error;
  };
  const start = async () => {
    inner = await begin();
    return inner.next();
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => (inner === undefined ? start() : inner.next()).then(hear, fail),
      return: async () => {
        close();
        await inner?.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}

/** Undefined once the request may be sent: it has its place, or there is no engine to wait for. */
async function enter(
  { key, model, patient, class: of }: PassOrder,
  engines: Engines,
  held: Held,
  signal: AbortSignal,
): Promise<ModelErrorEvent | undefined> {
  const engine = await engines.engineOf(model, signal);
  if (engine === undefined) return undefined;
  const entered = await engine.queue.enter({ key, class: of, model, patient }, signal);
  if (!entered.ok) return refusalOf(entered.why);
  if (held.over) {
    entered.leave();
    return refusalOf('gone');
  }
  held.place = entered.leave;
  held.work = entered.work();
  return undefined;
}

function refusalOf(why: Reason): ModelErrorEvent {
  const message = WORDS[why];
  if (why === 'gone') return { type: 'error', code: 'aborted', message, retryable: true };
  return { type: 'error', code: 'overloaded', message, retryable: true, retryAfter: RETRY_SECONDS };
}

async function* alone(event: ModelErrorEvent | undefined): AsyncGenerator<ModelEvent> {
  if (event !== undefined) yield event;
}
