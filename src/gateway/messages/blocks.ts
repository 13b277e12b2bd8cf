// Owns the order of content blocks in a stream: strictly one after the other, however the engine mixes them. Knows no message.
import type { ModelEvent } from '../../contracts/model-events.ts';
import type { CallSoFar, TakenCall } from '../answer.ts';
import { hiddenSignature, SHOWN_SIGNATURE } from './signature.ts';

export interface Blocks {
  /** What can be sent once the event has come; '' for nothing yet. */
  take(event: ModelEvent, taken: TakenCall | undefined): string;
  /** All that is left of a whole answer. */
  rest(): string;
}

/** How thinking is shown. */
export type Shown = 'whole' | 'omitted' | 'none';

/** A block as far as it has come. */
type Block =
  | { readonly type: 'text'; unsent: string; over: boolean }
  | { readonly type: 'thinking'; unsent: string; over: boolean; hidden: string }
  | CallBlock;

interface CallBlock {
  readonly type: 'call';
  readonly call: CallSoFar;
  unsent: string;
  /** Nothing of its arguments was sent yet. */
  bare: boolean;
  /** The newest piece of its arguments. */
  newest: string;
}

/** The first block is sent as it comes; those that begin before it is over wait behind it. */
export function createBlocks(shown: Shown): Blocks {
  const waiting: Block[] = [];
  let index = 0;
  let begun = false;

  const speak = (text: string) => {
    const last = waiting.at(-1);
    if (last?.type === 'text') last.unsent += text;
    else begin({ type: 'text', unsent: text, over: false });
  };
  const think = (text: string) => {
    const last = waiting.at(-1);
    const [unsent, hidden] = shown === 'omitted' ? ['', text] : [text, ''];
    if (last?.type === 'thinking') {
      last.unsent += unsent;
      last.hidden += hidden;
    } else begin({ type: 'thinking', unsent, over: false, hidden });
  };
  const call = ({ call, first }: TakenCall, text: string) => {
    if (first) begin({ type: 'call', call, unsent: text, bare: true, newest: text });
    const block = waiting.find((waits) => waits.type === 'call' && waits.call === call);
    if (first || text === '' || block?.type !== 'call') return;
    block.unsent += text;
    block.newest = text;
  };
  const begin = (block: Block) => {
    endSpeech(waiting.at(-1));
    waiting.push(block);
  };

  /** What of the blocks may be sent now, in their order. */
  const flush = (): string => {
    let text = '';
    for (let block = waiting[0]; block !== undefined; block = waiting[0]) {
      if (!begun) text += startOf(block, index);
      begun = true;
      text += deltaOf(block, index);
      if (!isOver(block, waiting.length > 1)) break;
      text += endOf(block, index, shown);
      waiting.shift();
      index += 1;
      begun = false;
    }
    return text;
  };

  return {
    take: (event, taken) => {
      if (event.type === 'tool_call' && taken !== undefined) call(taken, event.arguments ?? '');
      else if (event.type === 'text' && event.text !== '') speak(event.text);
      else if (event.type === 'reasoning' && event.text !== '' && shown !== 'none') think(event.text);
      return waiting.length === 0 ? '' : flush();
    },
    rest: () => {
      endSpeech(waiting.at(-1));
      return flush();
    },
  };
}

function endSpeech(block: Block | undefined): void {
  if (block !== undefined && block.type !== 'call') block.over = true;
}

/**
 * A call is over when the engine says so. Some say it of all calls at the end of the answer: one that is followed by something else
 * and whole as it stands is over too. If it was not, the answer is cut and the connection breaks.
 */
function isOver(block: Block, isFollowed: boolean): boolean {
  if (block.type !== 'call') return block.over;
  return block.call.complete || (isFollowed && isWhole(block));
}

function isWhole(block: CallBlock): boolean {
  if (!block.newest.endsWith('}')) return false;
  block.newest = '';
  try {
    JSON.parse(block.call.arguments);
    return true;
  } catch {
    return false;
  }
}

function startOf(block: Block, index: number): string {
  return encodeEvent('content_block_start', { index, content_block: beginningOf(block) });
}

function beginningOf(block: Block): object {
  if (block.type === 'text') return { type: 'text', text: '' };
  if (block.type === 'thinking') return { type: 'thinking', thinking: '', signature: '' };
  return { type: 'tool_use', id: block.call.id, name: block.call.name, input: {} };
}

function deltaOf(block: Block, index: number): string {
  const { unsent } = block;
  if (unsent === '') return '';
  block.unsent = '';
  if (block.type === 'text') return delta(index, 'text_delta', 'text', unsent);
  if (block.type === 'thinking') return delta(index, 'thinking_delta', 'thinking', unsent);
  block.bare = false;
  return delta(index, 'input_json_delta', 'partial_json', unsent);
}

function endOf(block: Block, index: number, shown: Shown): string {
  return `${lastDelta(block, index, shown)}${encodeEvent('content_block_stop', { index })}`;
}

function lastDelta(block: Block, index: number, shown: Shown): string {
  if (block.type === 'call') return block.bare ? delta(index, 'input_json_delta', 'partial_json', '{}') : '';
  if (block.type === 'text') return '';
  const signature = shown === 'omitted' ? hiddenSignature(block.hidden) : SHOWN_SIGNATURE;
  return delta(index, 'signature_delta', 'signature', signature);
}

/** By hand: there is one for each token. */
function delta(index: number, type: string, field: string, text: string): string {
  const fields = `"type":"${type}","${field}":${JSON.stringify(text)}`;
  return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{${fields}}}\n\n`;
}

/** One event of a stream as it is on the wire: its name stands in the line of the event and in the data. */
export function encodeEvent(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
