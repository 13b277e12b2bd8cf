// Owns how a conversation is written for an OpenAI-compatible chat endpoint. Knows no connection.
import type OpenAI from 'openai';
import {
  type AssistantMessage,
  type ChatRequest,
  type ContentPart,
  type Message,
  textOf,
  type ToolChoice,
  type ToolMessage,
} from '../../contracts/messages.ts';

export type ChatBody = OpenAI.Chat.Completions.ChatCompletionCreateParamsStreaming;
type ChatMessage = OpenAI.Chat.Completions.ChatCompletionMessageParam;

/** Fields that some endpoints refuse and that an answer does not hang on. */
export const OPTIONAL_FIELDS = ['stream_options', 'reasoning_content', 'reasoning'] as const;
export type OptionalField = (typeof OPTIONAL_FIELDS)[number];

/**
 * Always streaming: the streamed form tells the truth about cut calls, the plain one does not. `refused`: fields this endpoint does
 * not take. An empty list of tools is left out, and a choice among no tools too: both are refused.
 */
export function chatBody(request: ChatRequest, refused: ReadonlySet<OptionalField>): ChatBody {
  const { model, messages, temperature, topP, maxTokens, stop, seed } = request;
  return {
    model,
    stream: true,
    ...(refused.has('stream_options') ? {} : { stream_options: { include_usage: true } }),
    messages: messages.flatMap((message) => chatMessages(message, refused)),
    ...toolsOf(request),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(stop === undefined || stop.length === 0 ? {} : { stop: [...stop] }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** Whether leaving the field out would change the request. */
export function holdsField(request: ChatRequest, field: OptionalField): boolean {
  if (field === 'stream_options') return true;
  return request.messages.some((message) => message.role === 'assistant' && message.reasoning !== undefined);
}

function toolsOf({ tools = [], toolChoice }: ChatRequest): Pick<ChatBody, 'tools' | 'tool_choice'> {
  if (tools.length === 0) return {};
  return {
    tools: tools.map(({ name, description, parameters }) => ({
      type: 'function',
      function: { name, description, parameters: { ...parameters } },
    })),
    ...(toolChoice === undefined ? {} : { tool_choice: choiceOf(toolChoice) }),
  };
}

function choiceOf(choice: ToolChoice): NonNullable<ChatBody['tool_choice']> {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}

function chatMessages(message: Message, refused: ReadonlySet<OptionalField>): readonly ChatMessage[] {
  if (message.role === 'assistant') return [assistantMessage(message, refused)];
  if (message.role === 'tool') return toolMessages(message);
  if (message.role === 'system') return [{ role: 'system', content: message.content }];
  const { content } = message;
  return [{ role: 'user', content: typeof content === 'string' ? content : content.map(partOf) }];
}

/** A result is text in this dialect; its pictures follow as words of the user. */
function toolMessages({ callId, content }: ToolMessage): readonly ChatMessage[] {
  const pictures = typeof content === 'string' ? [] : content.filter((part) => part.type === 'image');
  const result: ChatMessage = { role: 'tool', tool_call_id: callId, content: textOf(content) };
  return pictures.length === 0 ? [result] : [result, { role: 'user', content: pictures.map(partOf) }];
}

function partOf(part: ContentPart) {
  return part.type === 'text'
    ? { type: 'text' as const, text: part.text }
    : { type: 'image_url' as const, image_url: { url: part.url } };
}

/** Thinking goes back under both names: current vLLM takes either, older ones and llama-server only know `reasoning_content`. */
function assistantMessage(
  { content, reasoning, toolCalls = [] }: AssistantMessage,
  refused: ReadonlySet<OptionalField>,
): ChatMessage {
  const calls = toolCalls.map((call) => ({
    id: call.id,
    type: 'function' as const,
    function: { name: call.name, arguments: call.arguments },
  }));
  return {
    role: 'assistant',
    content,
    ...(reasoning === undefined || refused.has('reasoning') ? {} : { reasoning }),
    ...(reasoning === undefined || refused.has('reasoning_content') ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}
