// Owns how a conversation is written for an OpenAI-compatible chat endpoint. Knows no connection.
import type OpenAI from 'openai';
import type { ChatRequest, Message, ToolChoice } from '../../contracts/messages.ts';

export type ChatBody = OpenAI.Chat.Completions.ChatCompletionCreateParamsStreaming;
type ChatMessage = OpenAI.Chat.Completions.ChatCompletionMessageParam;

/** Always streaming: the streamed form tells the truth about cut calls, the plain one does not. */
export function chatBody(request: ChatRequest, model: string): ChatBody {
  const { tools, toolChoice, temperature, topP, maxTokens, stop, seed } = request;
  return {
    model,
    stream: true,
    stream_options: { include_usage: true },
    messages: request.messages.map(chatMessage),
    ...(tools === undefined || tools.length === 0
      ? {}
      : {
          tools: tools.map((tool) => ({
            type: 'function' as const,
            function: { ...tool, parameters: { ...tool.parameters } },
          })),
        }),
    ...(toolChoice === undefined ? {} : { tool_choice: choiceOf(toolChoice) }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(stop === undefined ? {} : { stop: [...stop] }),
    ...(seed === undefined ? {} : { seed }),
  };
}

function choiceOf(choice: ToolChoice): NonNullable<ChatBody['tool_choice']> {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}

function chatMessage(message: Message): ChatMessage {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.content };
    case 'user':
      return {
        role: 'user',
        content: typeof message.content === 'string' ? message.content : message.content.map(partOf),
      };
    case 'tool':
      return { role: 'tool', tool_call_id: message.callId, content: message.content };
    case 'assistant':
      return assistantMessage(message);
  }
}

function partOf(part: Exclude<Extract<Message, { role: 'user' }>['content'], string>[number]) {
  return part.type === 'text'
    ? { type: 'text' as const, text: part.text }
    : { type: 'image_url' as const, image_url: { url: part.url } };
}

/** Thinking goes back under the name that current engines render; one that does not know it ignores it. */
function assistantMessage({ content, reasoning, toolCalls }: Extract<Message, { role: 'assistant' }>): ChatMessage {
  const base = { role: 'assistant' as const, content, ...(reasoning === undefined ? {} : { reasoning }) };
  if (toolCalls === undefined || toolCalls.length === 0) return base;
  const calls = toolCalls.map((call) => ({
    id: call.id,
    type: 'function' as const,
    function: { name: call.name, arguments: call.arguments },
  }));
  return { ...base, tool_calls: calls };
}
