// Owns the events and the final form of each kind of item in an answer. Knows no order among items and no engine.
import type { TokenLogprob } from '../../contracts/model-events.ts';
import { createFreeformText } from '../freeform.ts';
import type { ClientTool } from './tools.ts';

export type ItemStatus = 'completed' | 'incomplete';

/** Writes one event with the next sequence number; `fields` is JSON without its braces. */
export type Say = (type: string, fields: string) => string;

export interface ItemPlace {
  readonly say: Say;
  readonly id: string;
  /** Position among the items of the answer. */
  readonly index: number;
}

/** An item that was announced. Each function gives the events to send. */
export interface OpenItem {
  readonly opening: string;
  add(text: string): string;
  close(status: ItemStatus): { readonly events: string; readonly item: string };
}

export interface MessageItem extends OpenItem {
  /** Tokens of the text that comes next, or of the text before. */
  addLogprobs(tokens: readonly TokenLogprob[]): void;
}

export function openMessage({ say, id, index }: ItemPlace): MessageItem {
  const at = `"item_id":"${id}","output_index":${index},"content_index":0`;
  const tokens: string[] = [];
  let untold: string[] = [];
  let whole = '';
  const part = () =>
    `{"type":"output_text","text":${JSON.stringify(whole)},"annotations":[],"logprobs":[${tokens.join(',')}]}`;
  const itemOf = (status: string, content: string) =>
    `{"id":"${id}","type":"message","status":"${status}","role":"assistant","content":[${content}]}`;
  return {
    opening:
      say('response.output_item.added', `"output_index":${index},"item":${itemOf('in_progress', '')}`) +
      say('response.content_part.added', `${at},"part":${part()}`),
    add: (text) => {
      whole += text;
      const told = untold.join(',');
      untold = [];
      return say('response.output_text.delta', `${at},"delta":${JSON.stringify(text)},"logprobs":[${told}]`);
    },
    addLogprobs: (given) => {
      const written = given.map(logprobOf);
      tokens.push(...written);
      untold.push(...written);
    },
    close: (status) => {
      const item = itemOf(status, part());
      const text = `"text":${JSON.stringify(whole)},"logprobs":[${tokens.join(',')}]`;
      const events =
        say('response.output_text.done', `${at},${text}`) +
        say('response.content_part.done', `${at},"part":${part()}`) +
        say('response.output_item.done', `"output_index":${index},"item":${item}`);
      return { events, item };
    },
  };
}

export interface ReasoningOptions {
  /** The client asked for a summary: it is shown the thinking as one too. */
  readonly summary: boolean;
  /** The client asked for the encrypted form; there is none. */
  readonly encrypted: boolean;
}

export function openReasoning({ say, id, index }: ItemPlace, { summary, encrypted }: ReasoningOptions): OpenItem {
  const at = `"item_id":"${id}","output_index":${index}`;
  const hidden = encrypted ? ',"encrypted_content":null' : '';
  let whole = '';
  const part = () => `{"type":"reasoning_text","text":${JSON.stringify(whole)}}`;
  const digest = () => `{"type":"summary_text","text":${JSON.stringify(whole)}}`;
  const itemOf = (status: string, digests: string, content: string) =>
    `{"id":"${id}","type":"reasoning","status":"${status}","summary":[${digests}],"content":[${content}]${hidden}}`;
  const sayDigest = (type: string, fields: () => string) =>
    summary ? say(`response.reasoning_summary_${type}`, `${at},"summary_index":0,${fields()}`) : '';
  return {
    opening:
      say('response.output_item.added', `"output_index":${index},"item":${itemOf('in_progress', '', '')}`) +
      say('response.content_part.added', `${at},"content_index":0,"part":${part()}`) +
      sayDigest('part.added', () => `"part":${digest()}`),
    add: (text) => {
      whole += text;
      const delta = `"delta":${JSON.stringify(text)}`;
      return (
        say('response.reasoning_text.delta', `${at},"content_index":0,${delta}`) + sayDigest('text.delta', () => delta)
      );
    },
    close: (status) => {
      const item = itemOf(status, summary ? digest() : '', part());
      const events =
        say('response.reasoning_text.done', `${at},"content_index":0,"text":${JSON.stringify(whole)}`) +
        say('response.content_part.done', `${at},"content_index":0,"part":${part()}`) +
        sayDigest('text.done', () => `"text":${JSON.stringify(whole)}`) +
        sayDigest('part.done', () => `"part":${digest()}`) +
        say('response.output_item.done', `"output_index":${index},"item":${item}`);
      return { events, item };
    },
  };
}

interface Call extends ClientTool {
  readonly callId: string;
}

/** A call of either kind; what is added is the JSON of the function that the model knows. */
export function openCall(place: ItemPlace, call: Call): OpenItem {
  return call.kind === 'custom' ? openCustomCall(place, call) : openFunctionCall(place, call);
}

function openFunctionCall({ say, id, index }: ItemPlace, call: Call): OpenItem {
  const at = `"item_id":"${id}","output_index":${index}`;
  let whole = '';
  const itemOf = (status: string) =>
    `{"id":"${id}","type":"function_call","status":"${status}",${namesOf(call)},"arguments":${JSON.stringify(whole)}}`;
  return {
    opening: say('response.output_item.added', `"output_index":${index},"item":${itemOf('in_progress')}`),
    add: (text) => {
      whole += text;
      return text === '' ? '' : say('response.function_call_arguments.delta', `${at},"delta":${JSON.stringify(text)}`);
    },
    close: (status) => {
      const item = itemOf(status);
      const events =
        say(
          'response.function_call_arguments.done',
          `${at},"name":${JSON.stringify(call.name)},"arguments":${JSON.stringify(whole)}`,
        ) + say('response.output_item.done', `"output_index":${index},"item":${item}`);
      return { events, item };
    },
  };
}

function openCustomCall({ say, id, index }: ItemPlace, call: Call): OpenItem {
  const at = `"item_id":"${id}","output_index":${index}`;
  const input = createFreeformText();
  const itemOf = (status: string) =>
    `{"id":"${id}","type":"custom_tool_call","status":"${status}",${namesOf(call)},"input":${JSON.stringify(input.text)}}`;
  const delta = (text: string) =>
    text === '' ? '' : say('response.custom_tool_call_input.delta', `${at},"delta":${JSON.stringify(text)}`);
  return {
    opening: say('response.output_item.added', `"output_index":${index},"item":${itemOf('in_progress')}`),
    add: (text) => delta(input.take(text)),
    close: (status) => {
      const rest = delta(input.end());
      const item = itemOf(status);
      const events =
        say('response.custom_tool_call_input.done', `${at},"input":${JSON.stringify(input.text)}`) +
        say('response.output_item.done', `"output_index":${index},"item":${item}`);
      return { events: rest + events, item };
    },
  };
}

function namesOf({ callId, name, namespace }: Call): string {
  const space = namespace === undefined ? '' : `,"namespace":${JSON.stringify(namespace)}`;
  return `"call_id":${JSON.stringify(callId)},"name":${JSON.stringify(name)}${space}`;
}

/** The dialect wants the bytes of each token, also from engines that do not tell them. */
function logprobOf({ token, logprob, bytes, top }: TokenLogprob): string {
  const one = (given: Omit<TokenLogprob, 'top'>) => ({
    token: given.token,
    bytes: given.bytes ?? [...Buffer.from(given.token)],
    logprob: given.logprob,
  });
  return JSON.stringify({ ...one({ token, logprob, bytes }), top_logprobs: top.map(one) });
}
