// Owns the items of one answer in their order: which event opens, continues and closes which item. Knows no stream and no response object.
import type { ModelEvent, TokenLogprob, ToolCallEvent, Usage } from '../../contracts/model-events.ts';
import {
  type ItemStatus,
  type MessageItem,
  openCall,
  type OpenItem,
  openMessage,
  openReasoning,
} from './item-events.ts';
import type { ReasoningOptions, Say } from './item-events.ts';
import type { Toolbox } from './tools.ts';

export interface OutputOptions extends ReasoningOptions {
  readonly say: Say;
  readonly toolbox: Toolbox;
  readonly newId: (prefix: string) => string;
}

export interface Output {
  /** The events to send for what the model said; '' for none. */
  take(event: ModelEvent): string;
  /** Closes what is open. `status`: of the item that was open last. */
  end(status: ItemStatus): string;
  /** Items that were closed, as JSON. */
  readonly items: readonly string[];
  /** A call was begun that the engine has not closed. */
  readonly hasOpenCall: boolean;
  readonly usage: Usage | undefined;
}

/**
 * One item is open at a time: several clients mix up items that overlap. An open call stays open until the engine has closed it;
 * what comes meanwhile waits.
 */
export function createOutput(options: OutputOptions): Output {
  const state = createState(options);
  const line = createLine();
  return {
    take: (event) => {
      if (state.mustWait(event)) {
        line.add(event);
        return '';
      }
      let events = state.take(event);
      while (!state.hasOpenCall() && !line.isEmpty()) for (const late of line.next()) events += state.take(late);
      return events;
    },
    end: (status) => state.end(status),
    items: state.items,
    get hasOpenCall() {
      return state.hasOpenCall();
    },
    get usage() {
      return state.usage();
    },
  };
}

/** Events that wait, in groups: all of one call, or what was said between two calls. A group stands where its first event came. */
function createLine() {
  let groups: ModelEvent[][] = [];
  let head = 0;
  let lastSpoken: ModelEvent[] | undefined;
  const calls = new Map<number, ModelEvent[]>();
  const open = () => {
    const group: ModelEvent[] = [];
    groups.push(group);
    return group;
  };
  return {
    isEmpty: () => head === groups.length,
    add: (event: ModelEvent) => {
      if (event.type !== 'tool_call') {
        lastSpoken ??= open();
        lastSpoken.push(event);
        return;
      }
      const known = calls.get(event.index);
      if (known !== undefined) known.push(event);
      else {
        lastSpoken = undefined;
        const group = open();
        group.push(event);
        calls.set(event.index, group);
      }
    },
    next: (): readonly ModelEvent[] => {
      const group = groups[head] ?? [];
      head += 1;
      const [first] = group;
      if (first?.type === 'tool_call') calls.delete(first.index);
      if (group === lastSpoken) lastSpoken = undefined;
      if (head === groups.length) {
        groups = [];
        head = 0;
      }
      return group;
    },
  };
}

interface Opened {
  readonly kind: 'reasoning' | 'message' | 'call';
  readonly item: OpenItem;
}

function createState(options: OutputOptions) {
  const items: string[] = [];
  const speech = createSpeech(options, items);
  let usage: Usage | undefined;
  let call: { readonly index: number } | undefined;
  const closed = new Set<number>();
  const takeCall = (event: ToolCallEvent): string => {
    if (closed.has(event.index)) return '';
    let events = '';
    if (call === undefined) {
      events = speech.openCall(event);
      call = { index: event.index };
    }
    events += speech.addToCall(event.arguments ?? '');
    if (!event.complete) return events;
    call = undefined;
    closed.add(event.index);
    return events + speech.close('completed');
  };
  return {
    items,
    usage: () => usage,
    hasOpenCall: () => call !== undefined,
    mustWait: (event: ModelEvent) => {
      if (call === undefined || event.type === 'usage' || event.type === 'finish') return false;
      return event.type !== 'tool_call' || event.index !== call.index;
    },
    take: (event: ModelEvent): string => {
      if (event.type === 'tool_call') return takeCall(event);
      if (event.type === 'text') return speech.text(event.text);
      if (event.type === 'reasoning') return speech.reasoning(event.text);
      if (event.type === 'logprobs') speech.logprobs(event.tokens);
      else if (event.type === 'usage') {
        const { type: _type, ...given } = event;
        usage = given;
      }
      return '';
    },
    end: (status: ItemStatus) => speech.close(status),
  };
}

function createSpeech({ say, toolbox, newId, ...thinking }: OutputOptions, items: string[]) {
  const callIds = new Set<string>();
  let open: Opened | undefined;
  let message: MessageItem | undefined;
  /** Tokens that came while no text was open: they may be of the text that comes next. */
  let early: readonly TokenLogprob[] = [];
  const place = (prefix: string) => ({ say, id: newId(prefix), index: items.length });
  const close = (status: ItemStatus): string => {
    if (open === undefined) return '';
    const { events, item } = open.item.close(status);
    items.push(item);
    open = undefined;
    message = undefined;
    return events;
  };
  const begin = (kind: Opened['kind'], make: () => OpenItem): string => {
    if (open?.kind === kind) return '';
    const closing = close('completed');
    const item = make();
    open = { kind, item };
    return closing + item.opening;
  };
  return {
    close,
    text: (text: string): string => {
      if (text === '') return '';
      const opening = begin('message', () => (message = openMessage(place('msg'))));
      message?.addLogprobs(tokensOf(early, text));
      early = [];
      return opening + (open?.item.add(text) ?? '');
    },
    reasoning: (text: string): string => {
      if (text === '') return '';
      const opening = begin('reasoning', () => openReasoning(place('rs'), thinking));
      return opening + (open?.item.add(text) ?? '');
    },
    openCall: ({ id = '', name = '' }: ToolCallEvent): string => {
      const tool = toolbox.meaning(name);
      const callId = id === '' || callIds.has(id) ? newId('call') : id;
      callIds.add(callId);
      return begin('call', () => openCall(place(tool.kind === 'custom' ? 'ctc' : 'fc'), { ...tool, callId }));
    },
    addToCall: (json: string): string => open?.item.add(json) ?? '',
    logprobs: (tokens: readonly TokenLogprob[]): void => {
      if (message === undefined) early = tokens;
      else message.addLogprobs(tokens);
    },
  };
}

/** The last tokens that together are the text; those before them were of something else. */
function tokensOf(tokens: readonly TokenLogprob[], text: string): readonly TokenLogprob[] {
  let joined = '';
  for (let from = tokens.length - 1; from >= 0; from -= 1) {
    joined = `${tokens[from]?.token ?? ''}${joined}`;
    if (joined === text) return tokens.slice(from);
    if (joined.length > text.length) return [];
  }
  return [];
}
