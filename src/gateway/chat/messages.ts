// Owns how the messages of an OpenAI chat request become ours. Knows no other field of a request.
import { CaissonError } from '../../base/errors.ts';
import { type ContentPart, type Message, textOf, type ToolCall } from '../../contracts/messages.ts';
import { argumentsOf } from '../freeform.ts';
import type { CalledFunction, Content, GivenAnswer, GivenCall, GivenMessage, Part } from './schema.ts';

/** Throws `invalid_input` for an image without an address. */
export function messagesOf(given: readonly GivenMessage[]): readonly Message[] {
  // The older form of a call has no id: its result means the last call.
  let functionCall = '';
  return given.map((message, index): Message => {
    const field = `messages[${index}].content`;
    if (message.role === 'assistant') {
      functionCall = `call_${index}`;
      return answerOf(message, field, functionCall);
    }
    const content = contentOf(message.content ?? '', field);
    if (message.role === 'user') return { role: 'user', content };
    if (message.role === 'tool') return { role: 'tool', callId: message.tool_call_id ?? '', content };
    if (message.role === 'function') return { role: 'tool', callId: functionCall, content };
    return { role: 'system', content: textOf(content) };
  });
}

function answerOf(message: GivenAnswer, field: string, functionCall: string): Message {
  const said = textOf(contentOf(message.content ?? '', field));
  const calls = [
    ...(message.tool_calls?.map(callOf) ?? []),
    ...(message.function_call ? [{ id: functionCall, ...calledOf(message.function_call) }] : []),
  ];
  const reasoning = message.reasoning ?? message.reasoning_content ?? undefined;
  return {
    role: 'assistant',
    content: said === '' ? (message.refusal ?? '') : said,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { toolCalls: calls }),
  };
}

function callOf(call: GivenCall): ToolCall {
  const id = call.id ?? '';
  if (call.type === 'function') return { id, ...calledOf(call.function) };
  return { id, name: call.custom.name, arguments: argumentsOf(call.custom.input) };
}

function calledOf({ name, arguments: given }: CalledFunction): Omit<ToolCall, 'id'> {
  return { name, arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}) };
}

/** One text, or parts where there are images. */
function contentOf(content: Content, field: string): string | readonly ContentPart[] {
  if (typeof content === 'string') return content;
  const parts = content.flatMap((part, index) => partOf(part, `${field}[${index}]`));
  return parts.some(({ type }) => type === 'image') ? parts : textOf(parts);
}

const IMAGES: ReadonlySet<string> = new Set(['image_url', 'input_image']);

/** Of a part without text the model is told that there was one: it may be what the user speaks of. */
function partOf(part: Part, field: string): readonly ContentPart[] {
  if (IMAGES.has(part.type)) return [{ type: 'image', url: urlOf(part['image_url'], field) }];
  const text = part['text'] ?? part['refusal'];
  if (typeof text === 'string') return text === '' ? [] : [{ type: 'text', text }];
  return [{ type: 'text', text: `[A part of type ${part.type} is left out here: only text and images can be read.]` }];
}

function urlOf(image: unknown, field: string): string {
  const url: unknown = typeof image === 'object' && image !== null && 'url' in image ? image.url : image;
  if (typeof url === 'string' && url !== '') return url;
  const at = `${field}.image_url`;
  throw new CaissonError('invalid_input', `${at}: expected an object with a url`, { place: { field: at } });
}
