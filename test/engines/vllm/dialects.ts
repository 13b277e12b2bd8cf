// Owns how a client of each dialect asks the service, and what it makes of the answer. Knows no engine.
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { Served } from '../../sdk/service.ts';
import { cueFor, type PlayName } from './plays.ts';
import { MODEL } from './server.ts';
import { TOOLS } from './stage.ts';
import { jsonOr, type Told } from './told.ts';

/** `limit`: tokens of the answer at most. */
export interface Wish {
  readonly play: PlayName;
  readonly limit?: number;
}

export type Dialect = (service: Served, wish: Wish) => Promise<Told>;

/** Only the first passes as bytes: the others are read and written anew. */
export const DIALECTS: Readonly<Record<string, Dialect>> = {
  'chat, streamed': chatStream,
  'chat, whole': chat,
  'responses, streamed': responsesStream,
  'responses, whole': responses,
  'messages, streamed': async (service, wish) => toldOfMessage(await messages(service, wish, true)),
  'messages, whole': async (service, wish) => toldOfMessage(await messages(service, wish, false)),
};

const LIMIT = 4000;

export function openai({ url, key }: Served): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
}

export function chatBody({ play, limit = LIMIT }: Wish) {
  return {
    model: MODEL,
    messages: [{ role: 'user' as const, content: cueFor(play) }],
    tools: TOOLS.map((tool) => ({
      type: 'function' as const,
      function: { ...tool, parameters: { ...tool.parameters } },
    })),
    max_tokens: limit,
  };
}

async function chatStream(service: Served, wish: Wish): Promise<Told> {
  const calls = new Map<number, { name: string; text: string }>();
  let thinking = '';
  let text = '';
  let end = 'cut';
  for await (const { choices } of await openai(service).chat.completions.create({ ...chatBody(wish), stream: true })) {
    const [choice] = choices;
    if (choice === undefined) continue;
    thinking += thoughtIn(choice.delta);
    text += choice.delta.content ?? '';
    for (const { index, function: called } of choice.delta.tool_calls ?? []) {
      const call = calls.get(index) ?? { name: '', text: '' };
      calls.set(index, { name: call.name + (called?.name ?? ''), text: call.text + (called?.arguments ?? '') });
    }
    end = choice.finish_reason ?? end;
  }
  return told({ thinking, text, calls: [...calls.values()], end });
}

async function chat(service: Served, wish: Wish): Promise<Told> {
  const { choices } = await openai(service).chat.completions.create(chatBody(wish));
  const [choice] = choices;
  if (choice === undefined) throw new Error('an answer without a choice');
  const calls = (choice.message.tool_calls ?? []).flatMap((call) =>
    call.type === 'function' ? [{ name: call.function.name, text: call.function.arguments }] : [],
  );
  const { message, finish_reason: end } = choice;
  return told({ thinking: thoughtIn(message), text: message.content ?? '', calls, end });
}

/** The SDK knows no field for thinking; engines name it in two ways. */
function thoughtIn(part: object): string {
  const { reasoning, reasoning_content: older } = part as {
    reasoning?: string | null;
    reasoning_content?: string | null;
  };
  return reasoning ?? older ?? '';
}

function responsesBody({ play, limit = LIMIT }: Wish) {
  return {
    model: MODEL,
    input: cueFor(play),
    tools: TOOLS.map((tool) => ({
      type: 'function' as const,
      ...tool,
      parameters: { ...tool.parameters },
      strict: false,
    })),
    max_output_tokens: limit,
    store: false,
  };
}

async function responsesStream(service: Served, wish: Wish): Promise<Told> {
  const stream = await openai(service).responses.create({ ...responsesBody(wish), stream: true });
  for await (const event of stream)
    if (event.type === 'response.completed' || event.type === 'response.incomplete')
      return toldOfResponse(event.response);
  throw new Error('a stream without an end');
}

async function responses(service: Served, wish: Wish): Promise<Told> {
  return toldOfResponse(await openai(service).responses.create(responsesBody(wish)));
}

function toldOfResponse({ output, status, incomplete_details: why }: OpenAI.Responses.Response): Told {
  const parts = { thinking: '', text: '', calls: [] as { name: string; text: string }[] };
  for (const item of output) {
    if (item.type === 'reasoning') parts.thinking += (item.content ?? []).map((part) => part.text).join('');
    else if (item.type === 'function_call') parts.calls.push({ name: item.name, text: item.arguments });
    else if (item.type === 'message')
      parts.text += item.content.map((part) => (part.type === 'output_text' ? part.text : '')).join('');
  }
  const ends = parts.calls.length > 0 ? 'tool_calls' : 'stop';
  return told({
    ...parts,
    end: status === 'incomplete' ? (why?.reason === 'max_output_tokens' ? 'length' : 'cut') : ends,
  });
}

function messages({ url, key }: Served, { play, limit = LIMIT }: Wish, stream: boolean): Promise<Anthropic.Message> {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
  const body = {
    model: MODEL,
    max_tokens: limit,
    thinking: { type: 'enabled' as const, budget_tokens: 3000 },
    messages: [{ role: 'user' as const, content: cueFor(play) }],
    tools: TOOLS.map(({ name, description, parameters }) => ({
      name,
      description,
      input_schema: { ...parameters, type: 'object' as const },
    })),
  };
  return stream ? client.messages.stream(body).finalMessage() : client.messages.create(body);
}

const ENDS: Readonly<Record<string, string>> = { end_turn: 'stop', tool_use: 'tool_calls', max_tokens: 'length' };

function toldOfMessage({ content, stop_reason: end }: Anthropic.Message): Told {
  const parts = { thinking: '', text: '', calls: [] as { name: string; text: string }[] };
  for (const block of content) {
    if (block.type === 'thinking') parts.thinking += block.thinking;
    else if (block.type === 'text') parts.text += block.text;
    else if (block.type === 'tool_use') parts.calls.push({ name: block.name, text: JSON.stringify(block.input) });
  }
  return told({ ...parts, end: ENDS[end ?? ''] ?? 'cut' });
}

interface Parts {
  readonly thinking: string;
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly text: string }[];
  readonly end: string;
}

/** Clients see no mark of the end of a call: the end of the answer is it. */
function told({ thinking, text, calls, end }: Parts): Told {
  return {
    thinking: thinking.trim(),
    text: text.trim(),
    calls: calls.map((call) => ({ name: call.name, arguments: jsonOr(call.text), whole: end === 'tool_calls' })),
    end,
  };
}
