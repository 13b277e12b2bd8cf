// Owns the words between the service and the process of its engine: lines of JSON over the channel that Node gives them. Runs nothing.
import { type Late, late } from '../../base/schema.ts';

/** The process refuses a service that speaks another version. */
export const WIRE_VERSION = 1;

/** What the service says. It is trusted. */
export type Order =
  | LoadOrder
  | GenerateOrder
  | EmbedOrder
  | { readonly type: 'cancel'; readonly id: number }
  | CountOrder;

/** The first one, and only once. */
export interface LoadOrder {
  readonly type: 'load';
  readonly version: number;
  readonly file: string;
  readonly threads: number;
  /** Tokens of each slot; absent: as many as the model was made for, within bounds. */
  readonly context?: number;
  /** Answers at the same time. */
  readonly slots: number;
  readonly gpu: boolean;
}

export interface GenerateOrder {
  readonly type: 'generate';
  readonly id: number;
  readonly prompt: string;
  /** Not from a chat template: what the model wants at the beginning of a text stands before it. */
  readonly plain: boolean;
  readonly maxTokens?: number;
  readonly sampling: SamplingOrder;
  readonly stops: readonly string[];
  readonly stopTokenIds: readonly number[];
  /** GBNF that the whole answer must follow. */
  readonly grammar?: string;
  /** Orders of one conversation carry the same. */
  readonly affinity?: string;
}

export interface SamplingOrder {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
}

export interface CountOrder {
  readonly type: 'count';
  readonly id: number;
  readonly text: string;
}

export interface EmbedOrder {
  readonly type: 'embed';
  readonly id: number;
  /** Texts, or the numbers of their tokens. */
  readonly inputs: readonly (string | readonly number[])[];
}

/** What the process says. It runs foreign code, so each of its words is checked. */
export const reportSchema = late((z) => {
  const id = z.int();
  const count = z.int().min(0);
  return z.discriminatedUnion('type', [
    z.object({
      type: z.literal('loaded'),
      version: z.literal(WIRE_VERSION),
      engine: z.string(),
      contextTokens: count,
      threads: count,
      embeddingSize: count,
      template: z.string().optional(),
      bos: z.string().optional(),
      eos: z.string().optional(),
    }),
    z.object({ type: z.literal('refused'), message: z.string() }),
    z.object({ type: z.literal('text'), id, text: z.string() }),
    z.object({
      type: z.literal('end'),
      id,
      reason: z.enum(['stop', 'length', 'aborted']),
      stop: z.string().optional(),
      promptTokens: count,
      completionTokens: count,
      cachedTokens: count,
    }),
    z.object({
      type: z.literal('failed'),
      id,
      code: z.enum(['context_exceeded', 'invalid_input', 'backend_failed']),
      message: z.string(),
    }),
    z.object({ type: z.literal('counted'), id, tokens: count }),
    z.object({ type: z.literal('embedded'), id, vectors: z.array(z.array(z.number())), promptTokens: count }),
    z.object({
      /** The engine's own count of what it evaluated and gave out since it was loaded. */
      type: z.literal('meter'),
      active: count,
      evaluatedTokens: count,
      generatedTokens: count,
    }),
  ]);
});

export type Report = Late<typeof reportSchema>;
export type Loaded = Extract<Report, { readonly type: 'loaded' }>;
export type Ended = Extract<Report, { readonly type: 'end' }>;
export type Meter = Omit<Extract<Report, { readonly type: 'meter' }>, 'type'>;
