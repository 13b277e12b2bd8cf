// Owns which chat requests may pass to an engine as they are, and the one change that is made in their bytes. Knows no engine.
import { canStay } from './conversation.ts';
import { openingOf } from './opening.ts';
import { readTopLevel, type Span, valueAt } from './top-level.ts';

export interface PassingRequest {
  readonly model: string;
  readonly streamed: boolean;
  /** What the engine is sent. */
  readonly body: Buffer;
  /** The client did not ask for the usage that the engine is asked for: its chunk is kept back. */
  readonly hidesUsage: boolean;
  /** At most: each token has a byte. */
  readonly promptBytes: number;
  /** How its conversation begins, as a name. */
  readonly opening: string;
  /** Whether the client gave that member. */
  readonly has: (name: string) => boolean;
  /** What the client allows the answer; undefined: all that is left. */
  readonly maxTokens: number | undefined;
}

/** With one of these something must be read, mended or put together that bytes do not show. */
const SLOW_MEMBERS: readonly string[] = [
  'functions',
  'function_call',
  'prompt_cache_key',
  'reasoning',
  'fallback_model',
];
const ASK_USAGE = Buffer.from('"stream_options":{"include_usage":true},');

/**
 * Undefined if the request must go the other way, where it is read whole: when it is no JSON object, when anything is unsure, when it
 * has tools and is not streamed (only a stream tells the truth about a cut call), or when messages may have to be mended.
 */
export function passingRequest(bytes: Buffer): PassingRequest | undefined {
  const members = readTopLevel(bytes, 'messages');
  if (members === undefined || SLOW_MEMBERS.some((name) => members.has(name))) return undefined;
  const wish = wishOf((name) => valueAt(bytes, members.get(name)));
  const messages = members.get('messages');
  if (wish === undefined || messages === undefined || !canStay(bytes, messages)) return undefined;
  const tools = members.get('tools');
  if (tools !== undefined && (!wish.streamed || isEmptyList(bytes, tools) || mayBeFreeform(bytes, tools)))
    return undefined;
  const sent = sentBytes(
    bytes,
    wish.streamed,
    members.has('stream_options') ? valueAt(bytes, members.get('stream_options')) : NONE,
  );
  return sent === undefined
    ? undefined
    : {
        ...wish,
        ...sent,
        has: (name) => members.has(name),
        promptBytes: bytes.length,
        opening: openingOf(bytes, messages),
      };
}

const NONE = Symbol('no options of a stream');

/** Undefined if a member has a value that nobody expects: whoever reads the request whole says what is wrong. */
function wishOf(read: (name: string) => unknown): Pick<PassingRequest, 'model' | 'streamed' | 'maxTokens'> | undefined {
  const model = read('model');
  const streamed = read('stream') ?? false;
  const maxTokens = read('max_completion_tokens') ?? read('max_tokens') ?? undefined;
  if (typeof model !== 'string' || model === '' || typeof streamed !== 'boolean') return undefined;
  if ((read('n') ?? 1) !== 1 || (maxTokens !== undefined && typeof maxTokens !== 'number')) return undefined;
  return { model, streamed, maxTokens };
}

function sentBytes(
  bytes: Buffer,
  streamed: boolean,
  options: unknown,
): Pick<PassingRequest, 'body' | 'hidesUsage'> | undefined {
  if (options === NONE)
    return streamed ? { body: withUsage(bytes), hidesUsage: true } : { body: bytes, hidesUsage: false };
  return streamed && asksUsage(options) ? { body: bytes, hidesUsage: false } : undefined;
}

function withUsage(bytes: Buffer): Buffer {
  const at = bytes.indexOf(0x7b) + 1;
  return Buffer.concat([bytes.subarray(0, at), ASK_USAGE, bytes.subarray(at)]);
}

function asksUsage(options: unknown): boolean {
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}

/** No engine knows freeform tools: they are shown to it as functions. */
function mayBeFreeform(bytes: Buffer, { start, end }: Span): boolean {
  return bytes.subarray(start, end).includes('"custom"');
}

function isEmptyList(bytes: Buffer, { start, end }: Span): boolean {
  return /^\[\s*\]$|^null$/.test(bytes.toString('latin1', start, Math.min(end, start + 64)));
}
