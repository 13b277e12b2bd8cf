// Reads an output of a model with the real parser and gathers its events into one value that tests compare.
import type { ChatRequest, ToolDefinition } from '../../../src/contracts/messages.ts';
import type { FinishReason, ModelEvent } from '../../../src/contracts/model-events.ts';
import type { CallSyntax, ModelProfile } from '../../../src/contracts/model-profile.ts';
import { createPromptFormat } from '../../../src/prompting/create.ts';

export const TOOLS: readonly ToolDefinition[] = [
  {
    name: 'f',
    description: 'A tool',
    parameters: {
      type: 'object',
      properties: {
        a: { type: 'string' },
        b: { type: 'string' },
        n: { type: 'integer' },
        x: { type: 'number' },
        t: { type: 'boolean' },
        z: { type: 'null' },
        l: { type: 'array', items: {} },
        o: { type: 'object' },
        ns: { type: ['integer', 'string'] },
        nn: { type: ['string', 'null'] },
        ni: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
        e: { enum: ['7', 'red', 7, null] },
        r: { $ref: '#/$defs/Count' },
        u: {},
      },
      $defs: { Count: { type: 'integer' } },
    },
  },
  { name: 'g', description: 'Another tool', parameters: { type: 'object', properties: {} } },
];

export interface Read {
  readonly reasoning: string;
  readonly text: string;
  /** `name{arguments}`; … behind one that is not complete. */
  readonly calls: readonly string[];
  readonly repairs: readonly string[];
  readonly finish: string;
}

export interface Reading {
  readonly thinking?: boolean;
  readonly reason?: FinishReason;
  readonly syntax?: CallSyntax;
  readonly stopTexts?: readonly string[];
  readonly request?: Partial<ChatRequest>;
}

export function profileOf(toolCalls: CallSyntax, stopTexts: readonly string[] = ['<|im_end|>']): ModelProfile {
  return {
    name: 'test',
    templateArguments: {},
    thinksByDefault: true,
    output: {
      startsInsideThinking: true,
      thinkingStart: '<think>',
      thinkingEnd: '</think>',
      toolCalls,
      stopTexts,
      stopTokenIds: [11],
    },
    sampling: { thinking: {}, toolCalls: {}, text: {} },
  };
}

export const TEMPLATE = '<|im_start|>{{ messages[0].content }}<|im_end|><think></think><tool_call></tool_call>';

/** `pieces`: the output as it comes. */
export function eventsOf(
  pieces: readonly string[],
  { thinking = false, reason = 'stop', syntax = 'xml', stopTexts, request = {} }: Reading,
): ModelEvent[] {
  const format = createPromptFormat({ template: TEMPLATE, specialTokens: {}, profile: profileOf(syntax, stopTexts) });
  const reader = format.read({ model: 'm', messages: [], tools: TOOLS, ...request }, thinking);
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end(reason)];
}

export function readOutput(pieces: readonly string[], how: Reading = {}): Read {
  return gather(eventsOf(pieces, how));
}

export function gather(events: readonly ModelEvent[]): Read {
  const calls = new Map<number, { name: string; text: string; complete: boolean }>();
  const read = { reasoning: '', text: '', repairs: [] as string[], finish: '' };
  for (const event of events) {
    if (event.type === 'reasoning' || event.type === 'text') read[event.type] += event.text;
    else if (event.type === 'repair') read.repairs.push(event.kind);
    else if (event.type === 'finish') read.finish += event.reason;
    else if (event.type === 'tool_call') {
      const call = calls.get(event.index) ?? { name: '', text: '', complete: false };
      call.name += event.name ?? '';
      call.text += event.arguments ?? '';
      call.complete ||= event.complete;
      calls.set(event.index, call);
    }
  }
  const told = [...calls.values()].map(({ name, text, complete }) => `${name}${text}${complete ? '' : '…'}`);
  return { ...read, calls: told };
}
