// Owns the tap on a stream that passes: whether its answer is whole, what it used, and the events that must be kept back. Changes no
// event. Almost every event is only compared with one before it, or searched; what ends an answer is read.
import type { FinishReason } from '../../contracts/model-events.ts';
import { isWholeCall } from '../../contracts/whole-call.ts';
import { createFrames, type Frames } from '../../backends/openai/reading/frames.ts';

export interface TappedUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

export interface Tap {
  /** The whole events of what came so far, to be sent on; undefined if there is none yet. */
  take(chunk: Buffer): Buffer | undefined;
  /** True after something that must not wait for others to be gathered: the first event, a tool call, an end. */
  urgent(): boolean;
  /** Why the answer must not look whole; asked at the end of the stream, or as soon as `broken`. */
  verdict(): 'whole' | 'cut';
  /** The engine said that it failed, or is no engine of this dialect. */
  broken(): boolean;
  usage(): TappedUsage | undefined;
  /** Events that were sent on, where the engine says no usage: about one token each. */
  events(): number;
}

const EVENT_END = '\n\n';
const NEEDLES: readonly string[] = ['"finish_reason":"', '"usage":{', '"tool_calls":[', '"error"', '[DONE]'];
/** In this form each chunk of vLLM says that it is not the last: a server that writes it otherwise is read event by event. */
const GOES_ON = '"finish_reason":null';
const BROKEN_OFF: ReadonlySet<string> = new Set(['abort', 'error']);

interface Seen {
  tail: Buffer;
  events: number;
  urgent: boolean;
  first: boolean;
  finish: string | undefined;
  broken: boolean;
  done: boolean;
  usage: TappedUsage | undefined;
  /** Argument text by the engine's index. */
  readonly calls: Map<number, string>;
}

export function createTap({
  hidesUsage,
  maxEventBytes,
}: {
  readonly hidesUsage: boolean;
  readonly maxEventBytes: number;
}): Tap {
  const frames = createFrames();
  const seen: Seen = {
    tail: Buffer.alloc(0),
    events: 0,
    urgent: false,
    first: true,
    finish: undefined,
    broken: false,
    done: false,
    usage: undefined,
    calls: new Map(),
  };
  return {
    take: (chunk) => {
      const all = seen.tail.length === 0 ? chunk : Buffer.concat([seen.tail, chunk]);
      const at = all.lastIndexOf(EVENT_END);
      if (at === -1) {
        seen.tail = all;
        seen.broken ||= all.length > maxEventBytes;
        return undefined;
      }
      const whole = all.subarray(0, at + EVENT_END.length);
      seen.tail = all.subarray(at + EVENT_END.length);
      seen.urgent = seen.first;
      seen.first = false;
      // Behind a call every event is read.
      const plain = seen.calls.size > 0 ? 0 : plainPart(whole, frames, seen);
      if (plain === whole.length) return whole;
      seen.urgent = true;
      const rest = readEvents(whole.subarray(plain), seen, hidesUsage);
      return plain === 0 ? rest : joined(whole, plain, rest);
    },
    urgent: () => seen.urgent,
    verdict: () => (isWhole(seen) ? 'whole' : 'cut'),
    broken: () => seen.broken,
    usage: () => seen.usage,
    events: () => seen.events,
  };
}

/** Bytes of the events before the first one that ends, calls, counts or fails. */
function plainPart(whole: Buffer, frames: Frames, seen: Seen): number {
  const text = whole.toString('latin1');
  let at = 0;
  while (at < text.length) {
    const { to, count } = frames.skip(text, at);
    seen.events += count;
    at = to;
    const end = text.indexOf(EVENT_END, at) + EVENT_END.length;
    const event = text.slice(at, end);
    if (at === text.length || !saysOnly(event) || !frames.learn(event)) break;
    seen.events += 1;
    at = end;
  }
  const searched = at === whole.length ? 0 : searchedPart(whole.subarray(at));
  if (searched > 0) seen.events += 1;
  return at + searched;
}

/** True for a chunk that is nothing but a piece of text or of thinking. */
function saysOnly(event: string): boolean {
  const chunk = event.startsWith('data: {') ? parsed(event.slice('data: '.length)) : undefined;
  const [choice, ...others] = chunk?.choices ?? [];
  if (chunk === undefined || choice === undefined || others.length > 0) return false;
  return [chunk.error, chunk.usage, choice.finish_reason, choice.delta?.tool_calls].every(
    (value) => (value ?? undefined) === undefined,
  );
}

/** The same for events of which no two are alike; 0 where one is not sure. */
function searchedPart(events: Buffer): number {
  if (!events.includes(GOES_ON)) return 0;
  let first = events.length;
  for (const needle of NEEDLES) {
    const at = events.indexOf(needle);
    if (at !== -1 && at < first) first = at;
  }
  if (first === events.length) return first;
  const end = events.lastIndexOf(EVENT_END, first);
  return end === -1 ? 0 : end + EVENT_END.length;
}

/** Nothing is copied where nothing was kept back. */
function joined(whole: Buffer, plain: number, rest: Buffer | undefined): Buffer {
  if (rest === undefined) return whole.subarray(0, plain);
  return plain + rest.length === whole.length ? whole : Buffer.concat([whole.subarray(0, plain), rest]);
}

function isWhole({ finish, done, broken, tail, calls }: Seen): boolean {
  if (broken || finish === undefined || (!done && tail.toString('latin1').trim() !== '')) return false;
  return isWholeEnd(finish, calls);
}

/** Engines leave `{}` out where a call has no arguments. A client would run half a command. */
function isWholeEnd(finish: string, calls: ReadonlyMap<number, string>): boolean {
  if (BROKEN_OFF.has(finish)) return false;
  const texts = [...calls.values()];
  // Words that are not ours mean an end as well.
  return texts.every((text, at) =>
    isWholeCall(text.trim() === '' ? '{}' : text, finish as FinishReason, at === texts.length - 1),
  );
}

/** Undefined if all of it is kept back. */
function readEvents(events: Buffer, seen: Seen, hidesUsage: boolean): Buffer | undefined {
  const kept: string[] = [];
  let hidden = false;
  for (const event of events.toString('utf8').split(EVENT_END)) {
    if (event === '') continue;
    seen.events += 1;
    const kind = readEvent(event, seen);
    if (kind === 'stray' || (kind === 'usage' && hidesUsage)) hidden = true;
    else kept.push(event);
  }
  if (!hidden) return events;
  return kept.length === 0 ? undefined : Buffer.from(`${kept.join(EVENT_END)}${EVENT_END}`);
}

/** `stray`: the line break that a model writes behind its calls, which is no part of the answer. */
type Kind = 'usage' | 'stray' | 'other';

function readEvent(event: string, seen: Seen): Kind {
  const data = event
    .split('\n')
    .flatMap((line) => (line.startsWith('data:') ? [line.slice('data:'.length).trim()] : []))
    .join('\n');
  if (data === '') return 'other';
  if (data === '[DONE]') {
    seen.done = true;
    return 'other';
  }
  const chunk = parsed(data);
  if (chunk !== undefined && (chunk.error ?? undefined) === undefined) return takeChunk(seen, chunk);
  seen.broken = true;
  return 'other';
}

function takeChunk(seen: Seen, { choices = [], usage }: ChunkText): Kind {
  if (usage !== undefined && usage !== null) seen.usage = usageOf(usage);
  for (const choice of choices) takeChoice(seen, choice);
  if (choices.length === 0 && seen.usage !== undefined) return 'usage';
  return seen.calls.size > 0 && choices.every(isBlank) ? 'stray' : 'other';
}

function takeChoice(seen: Seen, { delta, finish_reason: finish }: ChoiceText): void {
  for (const call of delta?.tool_calls ?? []) takeCall(seen, call);
  if (typeof finish !== 'string') return;
  seen.finish = finish;
  // The event that ends a cut answer must not reach the client.
  seen.broken ||= !isWholeEnd(finish, seen.calls);
}

function isBlank({ delta, finish_reason: finish }: ChoiceText): boolean {
  const { content, tool_calls: calls } = delta ?? {};
  return (finish ?? null) === null && (calls ?? null) === null && typeof content === 'string' && content.trim() === '';
}

interface CallDelta {
  readonly index?: number;
  readonly function?: { readonly arguments?: unknown } | null;
}

interface UsageText {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number | null } | null;
}

interface ChoiceText {
  readonly delta?: { readonly content?: unknown; readonly tool_calls?: readonly CallDelta[] | null } | null;
  readonly finish_reason?: unknown;
}

interface ChunkText {
  readonly error?: unknown;
  readonly choices?: readonly ChoiceText[];
  readonly usage?: UsageText | null;
}

function takeCall({ calls }: Seen, { index = 0, function: called }: CallDelta): void {
  const text = called?.arguments;
  calls.set(index, `${calls.get(index) ?? ''}${typeof text === 'string' ? text : ''}`);
}

function usageOf(usage: UsageText): TappedUsage {
  return {
    promptTokens: usage.prompt_tokens ?? 0,
    completionTokens: usage.completion_tokens ?? 0,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
  };
}

/** Undefined for what is no chunk. */
function parsed(data: string): ChunkText | undefined {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== 'object' || value === null) return undefined;
    const chunk = value as ChunkText;
    return chunk.choices === undefined || Array.isArray(chunk.choices) ? chunk : undefined;
  } catch {
    return undefined;
  }
}
