// Owns how the messages of a conversation are written for an OpenAI-compatible chat endpoint. Knows no other field of a request.
import type OpenAI from 'openai';
import {
  type AssistantMessage,
  type ContentPart,
  type Message,
  textOf,
  type ToolMessage,
} from '../../contracts/messages.ts';

type ChatMessage = OpenAI.Chat.Completions.ChatCompletionMessageParam;
type Picture = Extract<ContentPart, { readonly type: 'image' }>;

const SAYS_ERROR = /^\W*(?:error|fail|exception|traceback)/i;

/**
 * A result is text in this dialect. Its pictures follow as words of the user, behind the last result of the turn: between two results
 * of one turn nothing may stand. `without`: fields the endpoint does not take.
 */
export function conversationOf(messages: readonly Message[], without: ReadonlySet<string>): readonly ChatMessage[] {
  const written: ChatMessage[] = [];
  let pictures: Picture[] = [];
  const show = () => {
    if (pictures.length > 0) written.push({ role: 'user', content: pictures.map(partOf) });
    pictures = [];
  };
  for (const message of messages) {
    if (message.role === 'tool') {
      written.push(resultOf(message));
      pictures.push(...picturesOf(message));
    } else if (message.role === 'user') {
      written.push({ role: 'user', content: userContent(pictures, message.content) });
      pictures = [];
    } else {
      show();
      written.push(
        message.role === 'assistant'
          ? assistantMessage(message, without)
          : { role: 'system', content: message.content },
      );
    }
  }
  show();
  return written;
}

function userContent(pictures: readonly Picture[], content: string | readonly ContentPart[]) {
  if (typeof content === 'string' && pictures.length === 0) return content;
  const parts: readonly ContentPart[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  return [...pictures, ...parts].map(partOf);
}

function picturesOf({ content }: ToolMessage): readonly Picture[] {
  return typeof content === 'string' ? [] : content.filter((part) => part.type === 'image');
}

/** This dialect has no word for a tool that failed: it is said in the text, unless the text says so. */
function resultOf({ callId, content, isError = false }: ToolMessage): ChatMessage {
  const text = textOf(content);
  const shown = isError && !SAYS_ERROR.test(text) ? `Error: ${text}` : text;
  return { role: 'tool', tool_call_id: callId, content: shown };
}

function partOf(part: ContentPart) {
  return part.type === 'text'
    ? { type: 'text' as const, text: part.text }
    : { type: 'image_url' as const, image_url: { url: part.url } };
}

/** Thinking goes back under both names: current vLLM takes either, older ones and llama-server only know `reasoning_content`. */
function assistantMessage(
  { content, reasoning, toolCalls = [] }: AssistantMessage,
  without: ReadonlySet<string>,
): ChatMessage {
  const calls = toolCalls.map((call) => ({
    id: call.id,
    type: 'function' as const,
    function: { name: call.name, arguments: call.arguments },
  }));
  return {
    role: 'assistant',
    content,
    ...(reasoning === undefined || without.has('reasoning') ? {} : { reasoning }),
    ...(reasoning === undefined || without.has('reasoning_content') ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}
