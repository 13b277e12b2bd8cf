// Owns the words of a conversation with a model, the same for every dialect and engine. Knows no wire format.
import type { JsonObject } from '../base/json.ts';

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text exactly as the model wrote it; it may be malformed. */
  readonly arguments: string;
}

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly url: string };

/** The text of a content; images are left out. */
export function textOf(content: string | readonly ContentPart[]): string {
  return typeof content === 'string'
    ? content
    : content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

export type Message =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user'; readonly content: string | readonly ContentPart[] }
  | AssistantMessage
  | ToolMessage;

/** `isError`: the tool failed, where the client's dialect says so. */
export interface ToolMessage {
  readonly role: 'tool';
  readonly callId: string;
  readonly content: string | readonly ContentPart[];
  readonly isError?: boolean;
}

export interface AssistantMessage {
  readonly role: 'assistant';
  readonly content: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCall[];
}

/** A tool as the model is told of it; `parameters` is a JSON schema of type object. */
export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonObject;
  /** The arguments must match the schema to the letter. */
  readonly strict?: boolean;
}

/** What form the text of an answer must have. */
export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | { readonly type: 'json_schema'; readonly name: string; readonly schema: JsonObject; readonly strict?: boolean };

/** Whether and how long the model may think; an absent field is the model's own choice. */
export interface Thinking {
  readonly enabled?: boolean;
  readonly effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh';
  readonly budgetTokens?: number;
}

export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

export interface ChatRequest {
  /** Name the client asked for; the router maps it to a backend's model. */
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tools?: readonly ToolDefinition[];
  readonly toolChoice?: ToolChoice;
  readonly temperature?: number;
  readonly topP?: number;
  /** Completion tokens at most. */
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly topK?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** False: at most one call in an answer. */
  readonly parallelToolCalls?: boolean;
  readonly responseFormat?: ResponseFormat;
  readonly thinking?: Thinking;
  /** Ask for log-probabilities, with so many alternatives each. */
  readonly logprobs?: number;
  /** Fields of a chat request that are not ours: an engine of that dialect gets them as they are, others do not. */
  readonly extra?: JsonObject;
  /** Requests of one run or conversation carry the same value, so that they meet a warm prefix cache. */
  readonly affinity?: string;
  /** Whose prompt it is, for an engine that keeps the caches of teams apart. */
  readonly team?: string;
  /** Others may go first, where an engine can tell them apart. */
  readonly background?: boolean;
  /** Asked instead where nobody can be asked for the model. */
  readonly fallbackModel?: string;
}
