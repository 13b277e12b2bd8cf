// Owns what a stream of Anthropic's dialect may be: a machine that takes event by event and refuses each that is out of place.
import assert from 'node:assert/strict';

export interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Message {
  readonly id: string;
  readonly model: string;
  readonly content: readonly object[];
  readonly stop_reason: string | null;
  readonly stop_sequence: string | null;
  readonly usage: object;
}

type Stop = Pick<Message, 'stop_reason' | 'stop_sequence'>;

/** `open`: it was cut. `error`: it ended with an error event. `whole`: the message is all there. */
export interface Checked {
  readonly end: 'nothing' | 'open' | 'error' | 'whole';
  /** As far as it came; blocks that were not closed are left out. */
  readonly message: Message | undefined;
  readonly error: object | undefined;
  readonly pings: number;
}

const STOP_REASONS = ['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal'];
const COUNTS = ['input_tokens', 'output_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'];

/** The events of a stream; each has its name twice. Fails for anything that is no whole event, at the end too unless it was `cut`. */
export function eventsOf(text: string, cut = false): readonly Event[] {
  const pieces = text.split('\n\n');
  const rest = pieces.pop();
  if (!cut) assert.equal(rest, '', 'the stream ends in the middle of an event');
  return pieces.map((piece) => {
    const [, name, data] = /^event: (\w+)\ndata: (\{.*\})$/.exec(piece) ?? [];
    assert.ok(name !== undefined && data !== undefined, `this is no event: ${piece}`);
    const event = JSON.parse(data) as Event;
    assert.equal(event.type, name, 'the line of the event and its type differ');
    return event;
  });
}

/** Checks a whole stream or, where it was `cut`, the part that came. */
export function checkStream(text: string, cut = false): Checked {
  const machine = createMachine();
  for (const event of eventsOf(text, cut)) machine.take(event);
  const checked = machine.checked();
  if (!cut) assert.notEqual(checked.end, 'open', 'the stream ended tidily in the middle of a message');
  return checked;
}

interface OpenBlock {
  readonly begun: Record<string, unknown>;
  text: string;
  signature: string | undefined;
  deltas: number;
}

const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ['text_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
};

export function createMachine() {
  let message: Message | undefined;
  const content: object[] = [];
  const ids = new Set<unknown>();
  let block: OpenBlock | undefined;
  let stopped: (Stop & Pick<Message, 'usage'>) | undefined;
  let over = false;
  let error: object | undefined;
  let pings = 0;

  const steps: Readonly<Record<string, (event: Event) => void>> = {
    message_start: (event) => {
      assert.equal(message, undefined, 'a second message_start');
      message = event['message'] as Message;
      checkEmptyMessage(message);
    },
    content_block_start: (event) => {
      assert.ok(message !== undefined && stopped === undefined, 'a block outside of the message');
      assert.equal(block, undefined, 'a block begins before the one before it has ended');
      assert.equal(event['index'], content.length, 'the indexes of the blocks have a gap');
      block = { begun: checkBeginning(event['content_block']), text: '', signature: undefined, deltas: 0 };
      if (block.begun['type'] !== 'tool_use') return;
      assert.ok(!ids.has(block.begun['id']), 'two calls have one id');
      ids.add(block.begun['id']);
    },
    content_block_delta: (event) => {
      assert.ok(block !== undefined, 'a delta outside of a block');
      assert.equal(event['index'], content.length, 'a delta of another block');
      takeDelta(block, event['delta'] as Record<string, unknown>);
    },
    content_block_stop: (event) => {
      assert.ok(block !== undefined, 'a block ends that has not begun');
      assert.equal(event['index'], content.length, 'another block ends');
      content.push(closedBlock(block));
      block = undefined;
    },
    message_delta: (event) => {
      assert.ok(message !== undefined && block === undefined, 'message_delta inside a block or outside of the message');
      assert.equal(stopped, undefined, 'a second message_delta');
      stopped = { ...(event['delta'] as Message), usage: checkUsage(event['usage']) };
      checkStop(stopped, ids.size);
    },
    message_stop: () => {
      assert.ok(stopped !== undefined, 'message_stop without message_delta');
      over = true;
    },
    ping: () => {
      assert.ok(message !== undefined, 'a ping before message_start');
      pings += 1;
    },
    error: (event) => {
      assert.ok(content.length === 0 && block === undefined, 'an error event after content: it must be a reset');
      error = checkError(event);
    },
  };

  return {
    take: (event: Event): void => {
      assert.ok(!over && error === undefined, `${event.type} comes after the end`);
      const step = steps[event.type];
      assert.ok(step !== undefined, `there is no event ${event.type}`);
      step(event);
    },
    checked: (): Checked => ({
      end: endOf(message, over, error),
      message: message === undefined ? undefined : { ...message, content, ...stopped },
      error,
      pings,
    }),
  };
}

function endOf(message: Message | undefined, over: boolean, error: object | undefined): Checked['end'] {
  if (error !== undefined) return 'error';
  if (message === undefined) return 'nothing';
  return over ? 'whole' : 'open';
}

function checkEmptyMessage({ id, model, usage, ...rest }: Message): void {
  assert.ok(typeof id === 'string' && id !== '' && typeof model === 'string' && model !== '');
  checkUsage(usage);
  assert.deepEqual(rest, {
    type: 'message',
    role: 'assistant',
    content: [],
    stop_reason: null,
    stop_sequence: null,
  });
}

function checkUsage(usage: unknown): object {
  assert.ok(typeof usage === 'object' && usage !== null, 'there is no usage');
  for (const name of COUNTS) {
    const count = (usage as Record<string, unknown>)[name];
    assert.ok(Number.isInteger(count) && (count as number) >= 0, `${name} is no count: ${String(count)}`);
  }
  return usage;
}

function checkBeginning(block: unknown): Record<string, unknown> {
  assert.ok(typeof block === 'object' && block !== null, 'a block without a beginning');
  const begun = block as Record<string, unknown>;
  if (begun['type'] === 'text') assert.deepEqual(begun, { type: 'text', text: '' });
  else if (begun['type'] === 'thinking') assert.deepEqual(begun, { type: 'thinking', thinking: '', signature: '' });
  else {
    const { id, name, ...rest } = begun;
    assert.deepEqual(rest, { type: 'tool_use', input: {} });
    assert.ok(typeof id === 'string' && id !== '' && typeof name === 'string' && name !== '');
  }
  return begun;
}

function takeDelta(block: OpenBlock, delta: Record<string, unknown>): void {
  const { type, ...fields } = delta;
  const allowed = DELTAS[String(block.begun['type'])] ?? [];
  assert.ok(allowed.includes(String(type)), `a ${String(type)} in a block of type ${String(block.begun['type'])}`);
  const [text, ...others] = Object.values(fields);
  assert.ok(typeof text === 'string' && text !== '' && others.length === 0, 'a delta without its one text');
  assert.equal(block.signature, undefined, 'something follows the signature');
  if (type === 'signature_delta') block.signature = text;
  else block.text += text;
  block.deltas += 1;
}

/** The block as a client puts it together. */
function closedBlock({ begun, text, signature, deltas }: OpenBlock): object {
  assert.ok(deltas > 0, 'a block with nothing in it');
  if (begun['type'] === 'text') return { type: 'text', text };
  if (begun['type'] === 'thinking') {
    assert.ok(signature !== undefined, 'a thinking block without a signature');
    return { type: 'thinking', thinking: text, signature };
  }
  const input = jsonOf(text);
  assert.ok(typeof input === 'object' && input !== null && !Array.isArray(input), 'the input of a call is no object');
  return { ...begun, input };
}

/** Undefined if it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkStop({ stop_reason: reason, stop_sequence: sequence }: Stop, calls: number): void {
  assert.ok(STOP_REASONS.includes(String(reason)), `there is no stop_reason ${String(reason)}`);
  assert.equal(reason === 'stop_sequence', typeof sequence === 'string', 'stop_sequence and stop_reason differ');
  if (reason === 'tool_use') assert.ok(calls > 0, 'tool_use without a call');
  if (calls > 0) assert.ok(reason === 'tool_use' || reason === 'max_tokens', 'calls that nobody is told to run');
}

function checkError({ error, request_id: id, ...rest }: Event): object {
  assert.deepEqual(rest, { type: 'error' });
  assert.match(String(id), /^req_/);
  assert.deepEqual(Object.keys(error as object), ['type', 'message']);
  return error as object;
}
