// Owns how items become the messages of a conversation: one turn of the assistant for all its items in a row. Knows no store and no tool.
import { CaissonError } from '../../base/errors.ts';
import type { ContentPart, Message, ToolCall, ToolMessage } from '../../contracts/messages.ts';
import type { CallItem, Item, Part, ResultItem } from './items.ts';
import { argumentsOf } from '../freeform.ts';
import { shownName } from './tools.ts';

export interface PlacedItem {
  readonly item: Item;
  /** Where the client wrote it, as `input[3]`. */
  readonly field: string;
}

interface Turn {
  readonly texts: string[];
  readonly thoughts: string[];
  readonly calls: ToolCall[];
  readonly results: Map<string, ToolMessage>;
}

/**
 * Results follow the turn that called, in the order of its calls, wherever the client put them. Thinking that no answer follows
 * is left out. Throws `invalid_input` for a result without a call.
 */
export function messagesOf(instructions: string, items: readonly PlacedItem[]): readonly Message[] {
  const told: (Message | Turn)[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  /** The turn that called last by that id. */
  const callers = new Map<string, Turn>();
  let open: Turn | undefined;
  const turn = () => {
    if (open === undefined) told.push((open = { texts: [], thoughts: [], calls: [], results: new Map() }));
    return open;
  };
  for (const { item, field } of items) {
    if (item.type === 'reasoning') turn().thoughts.push(thoughtOf(item));
    else if (item.type === 'function_call' || item.type === 'custom_tool_call') {
      turn().calls.push(callOf(item));
      callers.set(item.call_id, turn());
    } else if (item.type === 'function_call_output' || item.type === 'custom_tool_call_output') {
      callerOf(callers, item, field).results.set(item.call_id, resultOf(item));
      open = undefined;
    } else if (item.type !== 'message') continue;
    else if (item.role === 'assistant') turn().texts.push(plainText(item.content, ''));
    else {
      told.push(
        item.role === 'user'
          ? { role: 'user', content: contentOf(item.content) }
          : { role: 'system', content: plainText(item.content, '\n') },
      );
      open = undefined;
    }
  }
  return told.flatMap((one) => ('role' in one ? [one] : turnMessages(one)));
}

function callerOf(callers: ReadonlyMap<string, Turn>, { call_id: id }: ResultItem, field: string): Turn {
  const caller = callers.get(id);
  if (caller !== undefined) return caller;
  const place = { field: `${field}.call_id` };
  throw new CaissonError('invalid_input', `${place.field}: there is no call ${JSON.stringify(id)} before this result`, {
    place,
  });
}

function turnMessages({ texts, thoughts, calls, results }: Turn): readonly Message[] {
  if (texts.length === 0 && calls.length === 0) return [];
  const reasoning = thoughts.filter((thought) => thought !== '').join('\n');
  const answer: Message = {
    role: 'assistant',
    content: texts.filter((text) => text !== '').join('\n'),
    ...(reasoning === '' ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { toolCalls: calls }),
  };
  return [answer, ...calls.flatMap(({ id }) => results.get(id) ?? [])];
}

function callOf(item: CallItem): ToolCall {
  return {
    id: item.call_id,
    name: shownName(item.name, item.namespace),
    arguments: item.type === 'function_call' ? item.arguments : argumentsOf(item.input),
  };
}

function resultOf({ call_id: callId, output }: ResultItem): ToolMessage {
  return { role: 'tool', callId, content: contentOf(output) };
}

/** The thinking itself; only where it is not there, its summary. */
function thoughtOf({ content, summary }: Extract<Item, { type: 'reasoning' }>): string {
  const parts = content === undefined || content === null || content.length === 0 ? (summary ?? []) : content;
  return parts.map(({ text }) => text).join('\n');
}

/** Parts only where there are images: a plain text is what every template can render. */
function contentOf(parts: readonly Part[]): string | readonly ContentPart[] {
  if (!parts.some(({ type }) => type === 'input_image')) return plainText(parts, '\n');
  return parts.flatMap((part): readonly ContentPart[] => {
    if (part.type === 'input_image') return [{ type: 'image', url: part.image_url }];
    return textsOf(part).map((text) => ({ type: 'text', text }));
  });
}

function plainText(parts: readonly Part[], separator: string): string {
  return parts.flatMap(textsOf).join(separator);
}

function textsOf(part: Part): readonly string[] {
  if (part.type === 'refusal') return [part.refusal];
  return 'text' in part ? [part.text] : [];
}
