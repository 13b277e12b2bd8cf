// Owns the response object: what it tells back of its request, and how it ends. Knows no event and no item.
import type { Json, JsonObject } from '../../base/json.ts';
import type { FinishReason, Usage } from '../../contracts/model-events.ts';
import type { ResponsesBody } from './request.ts';

export interface EnvelopeOptions {
  readonly id: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** The body as it was sent: tools and the choice among them are told back to the letter. */
  readonly raw: unknown;
  readonly body: ResponsesBody;
}

export interface Ending {
  readonly status: 'completed' | 'incomplete' | 'failed' | 'cancelled';
  /** Items of the answer, as JSON. */
  readonly output: readonly string[];
  readonly stored: boolean;
  readonly completedAt?: number;
  readonly finish?: FinishReason;
  readonly error?: { readonly code: string; readonly message: string };
  readonly usage?: Usage;
}

export interface Envelope {
  readonly id: string;
  answeredBy(model: string): void;
  /** The object before its first item, as JSON. `stored`: the answer will be kept. */
  begun(stored: boolean): string;
  /** The object at its end, as JSON. */
  ended(ending: Ending): string;
}

/** What is long in it (instructions, tools) is written out once. */
export function createEnvelope(options: EnvelopeOptions): Envelope {
  let written: string | undefined;
  let { model } = options.body;
  const head = () => (written ??= JSON.stringify({ ...staticFields(options), model }).slice(0, -1));
  const whole = (fields: object, output: readonly string[]) =>
    `${head()},${JSON.stringify(fields).slice(1, -1)},"output":[${output.join(',')}]}`;
  return {
    id: options.id,
    answeredBy: (other) => {
      model = other;
      written = undefined;
    },
    begun: (store) => whole({ store, ...dynamicFields({ status: 'in_progress' }) }, []),
    ended: ({ output, stored: store, ...ending }) => whole({ store, ...dynamicFields(ending) }, output),
  };
}

/** What is told back as it was sent, or as the dialect takes it where it was not. */
const TOLD_BACK = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  model: null,
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  safety_identifier: null,
  service_tier: 'default',
  temperature: 1,
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
} as const satisfies Partial<Readonly<Record<keyof ResponsesBody, Json>>>;
const NAMES = Object.keys(TOLD_BACK) as readonly (keyof typeof TOLD_BACK)[];

function staticFields({ id, createdAt, raw, body }: EnvelopeOptions): object {
  const { reasoning } = body;
  return {
    id,
    object: 'response',
    created_at: createdAt,
    background: false,
    ...Object.fromEntries(NAMES.map((name) => [name, body[name] ?? TOLD_BACK[name]])),
    reasoning: {
      effort: reasoning?.effort ?? null,
      summary: reasoning?.summary ?? reasoning?.generate_summary ?? null,
    },
    text: textOf(raw, body),
    tool_choice: rawField(raw, 'tool_choice') ?? 'auto',
    tools: rawField(raw, 'tools') ?? [],
  };
}

function textOf(raw: unknown, { text }: ResponsesBody): Json {
  const verbosity = text?.verbosity ?? undefined;
  return {
    format: rawField(rawField(raw, 'text'), 'format') ?? { type: 'text' },
    ...(verbosity === undefined ? {} : { verbosity }),
  };
}

/** A body is JSON: it was parsed before it came here. */
function rawField(raw: unknown, name: string): Json | undefined {
  return typeof raw === 'object' && raw !== null ? (raw as JsonObject)[name] : undefined;
}

const WHY_INCOMPLETE: Partial<Readonly<Record<FinishReason, string>>> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
};

interface DynamicFields extends Pick<Ending, 'completedAt' | 'finish' | 'error' | 'usage'> {
  readonly status: Ending['status'] | 'in_progress';
}

function dynamicFields({ status, completedAt, finish, error, usage }: DynamicFields): object {
  const reason = finish === undefined ? undefined : WHY_INCOMPLETE[finish];
  return {
    status,
    completed_at: completedAt ?? null,
    error: error ?? null,
    incomplete_details: status === 'incomplete' && reason !== undefined ? { reason } : null,
    usage: usage === undefined ? null : usageOf(usage),
  };
}

function usageOf({ promptTokens, completionTokens, cachedTokens = 0, reasoningTokens = 0 }: Usage): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  };
}
