// Owns the mending of a conversation that chat templates cannot render. Knows no dialect and no engine.
import {
  type AssistantMessage,
  type ContentPart,
  type Message,
  textOf,
  type ToolMessage,
} from '../../contracts/messages.ts';

/** What was mended, as it is counted. */
export type Mending =
  | 'system_joined'
  | 'system_as_user'
  | 'user_joined'
  | 'result_missing'
  | 'result_without_call'
  | 'result_order'
  | 'answer_empty';

export interface Mended {
  /** The same list if nothing was to be done. */
  readonly messages: readonly Message[];
  /** Each kind once for each time it was done. */
  readonly kinds: readonly Mending[];
}

const MISSING = 'Error: the result of this call is missing';
const NONE: readonly Mending[] = [];

/**
 * Many templates render only one system message, at the beginning, refuse two turns of the user in a row, and show results without
 * their ids, in the order of the calls. A later system message becomes a part of the user's turn at its place: joined to the first
 * one it would change the beginning of the prompt, and no cache of its prefix would hold.
 */
export function mend(messages: readonly Message[]): Mended {
  if (!needsMending(messages)) return { messages, kinds: NONE };
  const kinds: Mending[] = [];
  const written: Message[] = [];
  let turn: Turn | undefined;
  const close = () => {
    if (turn !== undefined) for (const message of closed(turn, kinds)) write(written, message, kinds);
    turn = undefined;
  };
  for (const message of messages) {
    if (message.role === 'assistant') {
      close();
      if (isEmpty(message)) kinds.push('answer_empty');
      else turn = open(written, message);
    } else if (message.role === 'tool') {
      if (turn === undefined || !takeResult(turn, message, kinds)) say(turn, written, lonely(message, kinds), kinds);
    } else say(turn, written, message, kinds);
  }
  close();
  return { messages: written.length === 0 ? messages : written, kinds };
}

/** One look at each message, without making anything. */
export function needsMending(messages: readonly Message[]): boolean {
  let calls: AssistantMessage['toolCalls'] = [];
  let answered = 0;
  let before: Message['role'] | undefined;
  for (const message of messages) {
    const { role } = message;
    if (role === 'tool') {
      if (calls[answered]?.id !== message.callId) return true;
      answered += 1;
    } else {
      if (answered < calls.length || isOutOfPlace(message, before)) return true;
      calls = role === 'assistant' ? (message.toolCalls ?? []) : [];
      answered = 0;
    }
    before = role;
  }
  return answered < calls.length;
}

function isOutOfPlace(message: Message, before: Message['role'] | undefined): boolean {
  if (message.role === 'system') return before !== undefined;
  return message.role === 'user' ? before === 'user' : message.role === 'assistant' && isEmpty(message);
}

function isEmpty({ content, reasoning = '', toolCalls = [] }: AssistantMessage): boolean {
  return toolCalls.length === 0 && content.trim() === '' && reasoning.trim() === '';
}

/** An answer with calls, until the next answer. */
interface Turn {
  readonly calls: readonly string[];
  readonly results: Map<string, ToolMessage>;
  /** What was said meanwhile stands behind the results. */
  readonly behind: Message[];
}

function open(written: Message[], message: AssistantMessage): Turn | undefined {
  written.push(message);
  const calls = message.toolCalls?.map(({ id }) => id) ?? [];
  return calls.length === 0 ? undefined : { calls, results: new Map(), behind: [] };
}

/** False if it answers no call of the turn, or one that is answered. */
function takeResult({ calls, results, behind }: Turn, message: ToolMessage, kinds: Mending[]): boolean {
  const { callId } = message;
  if (!calls.includes(callId) || results.has(callId)) return false;
  if (calls[results.size] !== callId || behind.length > 0) kinds.push('result_order');
  results.set(callId, message);
  return true;
}

function closed({ calls, results, behind }: Turn, kinds: Mending[]): readonly Message[] {
  const all = calls.map((callId): Message => {
    const found = results.get(callId);
    if (found === undefined) kinds.push('result_missing');
    return found ?? { role: 'tool', callId, content: MISSING, isError: true };
  });
  return [...all, ...behind];
}

function lonely({ content }: ToolMessage, kinds: Mending[]): Message {
  kinds.push('result_without_call');
  const said = 'The result of a tool, whose call is not shown:\n';
  if (typeof content === 'string') return { role: 'user', content: `${said}${content}` };
  return { role: 'user', content: [{ type: 'text', text: said }, ...content] };
}

function say(turn: Turn | undefined, written: Message[], message: Message, kinds: Mending[]): void {
  if (turn === undefined) write(written, message, kinds);
  else turn.behind.push(message);
}

/** Behind the last message, or into it. */
function write(written: Message[], message: Message, kinds: Mending[]): void {
  if (message.role === 'system') writeSystem(written, message.content, kinds);
  else if (message.role === 'user') writeUser(written, message.content, kinds);
  else written.push(message);
}

function writeSystem(written: Message[], content: string, kinds: Mending[]): void {
  const [first] = written;
  if (first === undefined) written.push({ role: 'system', content });
  else if (first.role === 'system' && written.length === 1) {
    kinds.push('system_joined');
    written[0] = { role: 'system', content: `${first.content}\n\n${content}` };
  } else {
    kinds.push('system_as_user');
    writeUser(written, `<system>\n${content}\n</system>`, undefined);
  }
}

/** `kinds`: undefined if it is counted as something else. */
function writeUser(written: Message[], content: Content, kinds: Mending[] | undefined): void {
  const last = written.at(-1);
  if (last?.role !== 'user') {
    written.push({ role: 'user', content });
    return;
  }
  kinds?.push('user_joined');
  written[written.length - 1] = { role: 'user', content: joined(last.content, content) };
}

type Content = string | readonly ContentPart[];

function joined(first: Content, second: Content): Content {
  if (typeof first === 'string' && typeof second === 'string') return `${first}\n\n${second}`;
  const between = textOf(first) === '' || textOf(second) === '' ? [] : [{ type: 'text' as const, text: '\n\n' }];
  return [...partsOf(first), ...between, ...partsOf(second)];
}

function partsOf(content: Content): readonly ContentPart[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}
