// Owns how the turns of an Anthropic conversation become messages of ours. Knows no other field of a request.
import type { ContentPart, Message, ToolCall, ToolMessage } from '../../contracts/messages.ts';
import { type Block, type MessagesBody, type Part, textWithin, type ToolResult, type Turn } from './schema.ts';
import { thinkingIn } from './signature.ts';

/** The line changes with each build of a client: before everything else it would spoil every prefix cache. */
const BILLING = /^x-anthropic-billing-header:[^\n]*\n*/;

/**
 * One turn of theirs may be several of ours: the results of a turn come first, in the order of the calls, then what the user says.
 * An assistant's turn stays one, with all its calls.
 */
export function messagesOf({ system, messages }: Pick<MessagesBody, 'system' | 'messages'>): readonly Message[] {
  const lastUser = messages.findLastIndex(({ role }) => role === 'user');
  let calls: readonly string[] = [];
  const turns = messages.flatMap((turn, index): readonly Message[] => {
    const { role, content } = turn;
    if (role === 'user') return userTurn(content, calls);
    if (role === 'system') return isCleared(turn, index < lastUser) ? [] : systemTurn(content);
    calls = content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
    return [assistantTurn(content)];
  });
  return [...systemTurn(system.map(withoutBilling)), ...turns];
}

/** A note for one turn of the user is gone with the next. */
function isCleared({ clear_at: at }: Turn, hasLaterUser: boolean): boolean {
  return at === 'next_user_message' && hasLaterUser;
}

function withoutBilling(block: Block, index: number): Block {
  return index === 0 && block.type === 'text' ? { ...block, text: block.text.replace(BILLING, '') } : block;
}

function systemTurn(blocks: readonly Block[]): readonly Message[] {
  const content = textsOf(blocks).join('\n\n');
  return content === '' ? [] : [{ role: 'system', content }];
}

function userTurn(blocks: readonly Block[], calls: readonly string[]): readonly Message[] {
  const results = blocks.filter((block) => block.type === 'tool_result');
  const said = contentOf(blocks);
  const isEmpty = typeof said === 'string' && said === '';
  const user: readonly Message[] = isEmpty && results.length > 0 ? [] : [{ role: 'user', content: said }];
  return [...inCallOrder(results, calls).map(toolMessage), ...user];
}

/** What answers no call of the turn before stays behind, in its own order. */
function inCallOrder(results: readonly ToolResult[], calls: readonly string[]): readonly ToolResult[] {
  const place = new Map(calls.map((id, index) => [id, index]));
  const placeOf = ({ tool_use_id: id }: ToolResult) => place.get(id) ?? calls.length;
  return results.toSorted((left, right) => placeOf(left) - placeOf(right));
}

function toolMessage({ tool_use_id: callId, content, is_error: isError }: ToolResult): ToolMessage {
  const message: ToolMessage = { role: 'tool', callId, content: contentOf(content) };
  return isError === true ? { ...message, isError } : message;
}

function assistantTurn(blocks: readonly Block[]): Message {
  const reasoning = blocks.flatMap((block) => (block.type === 'thinking' ? [thinkingOf(block)] : []));
  const toolCalls = blocks.flatMap((block) => (block.type === 'tool_use' ? [callOf(block)] : []));
  const thought = reasoning.filter((text) => text !== '').join('\n');
  return {
    role: 'assistant',
    content: textsOf(blocks).join(''),
    ...(thought === '' ? {} : { reasoning: thought }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function thinkingOf({ thinking, signature }: Extract<Block, { type: 'thinking' }>): string {
  return thinking === '' ? thinkingIn(signature ?? '') : thinking;
}

function callOf({ id, name, input }: Extract<Block, { type: 'tool_use' }>): ToolCall {
  return { id, name, arguments: JSON.stringify(input ?? {}) };
}

/** One text, or parts where there are images. */
function contentOf(blocks: readonly Block[]): string | readonly ContentPart[] {
  if (!blocks.some(({ type }) => type === 'image')) return textsOf(blocks).join('\n');
  return blocks.flatMap((block): readonly ContentPart[] => {
    if (block.type === 'image') return [{ type: 'image', url: urlOf(block) }];
    return textsOf([block]).map((text) => ({ type: 'text', text }));
  });
}

function textsOf(blocks: readonly Block[]): readonly string[] {
  return blocks.map(textOf).filter((text) => text !== '');
}

function textOf(block: Block): string {
  if (block.type === 'text' || block.type === 'other') return block.text;
  if (block.type === 'document') return documentText(block);
  if (block.type === 'search_result')
    return [block.title, block.source, textWithin(block.content)].filter(Boolean).join('\n');
  return block.type === 'tool_reference' ? `The tool ${block.tool_name} can be called.` : '';
}

/** Of a document without text the model is told that there was one: it may be what the user speaks of. */
function documentText({ title, source }: Extract<Part, { type: 'document' }>): string {
  const name = title ?? '';
  const text = source.type === 'text' ? textWithin(source['data']) : textWithin(source['content']);
  if (text !== '') return name === '' ? text : `${name}\n${text}`;
  return `[A document${name === '' ? '' : ` named ${JSON.stringify(name)}`} is left out here: only its text could be read.]`;
}

function urlOf({ source }: Extract<Part, { type: 'image' }>): string {
  return source.type === 'url' ? source.url : `data:${source.media_type};base64,${source.data}`;
}
