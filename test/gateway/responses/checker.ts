// A machine that follows a stream of the Responses dialect and refuses what no stream may have. Knows no service.
import assert from 'node:assert/strict';

export type Fields = Readonly<Record<string, unknown>>;

interface Part {
  readonly type: string;
  text: string;
  logprobs: unknown[];
  /** A text was told as a whole, and then the part. */
  stage: 'open' | 'told' | 'done';
}

interface OpenItem {
  readonly index: number;
  readonly id: string;
  readonly type: string;
  readonly first: Fields;
  readonly content: Part[];
  readonly summary: Part[];
  /** Arguments or input. */
  argument: string;
  argumentDone: boolean;
}

const TERMINAL: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);
const ARGUMENT_EVENTS: Readonly<Record<string, readonly [item: string, field: string]>> = {
  'response.function_call_arguments': ['function_call', 'arguments'],
  'response.custom_tool_call_input': ['custom_tool_call', 'input'],
};
const PART_EVENTS: Readonly<Record<string, string>> = {
  'response.output_text': 'output_text',
  'response.reasoning_text': 'reasoning_text',
};
/** What of the response object may differ between the beginning and the end of a stream. */
const CHANGING: readonly string[] = [
  'status',
  'completed_at',
  'error',
  'incomplete_details',
  'usage',
  'output',
  'store',
];

/**
 * Throws at the first event that may not be there. `whole`: the stream must have ended; `cut`: it must not have, whatever it has
 * come to. Gives what a client has after it: the items it was told are done.
 */
export function checkStream(events: readonly Fields[], expected: 'whole' | 'cut'): readonly Fields[] {
  const machine = createMachine();
  for (const [index, event] of events.entries()) {
    try {
      machine.take(event, index);
    } catch (error) {
      assert.fail(`event ${index} ${JSON.stringify(event)}: ${(error as Error).message}`);
    }
  }
  assert.equal(machine.ended(), expected === 'whole', `the stream is ${expected}`);
  return machine.done;
}

function createMachine() {
  const done: Fields[] = [];
  const ids = new Set<string>();
  let response: Fields | undefined;
  let open: OpenItem | undefined;
  let ended = false;

  const takeLifecycle = (event: Fields, index: number) => {
    const given = fieldsOf(event['response']);
    if (index === 0) {
      assert.equal(event['type'], 'response.created');
      response = given;
    }
    assert.ok(response !== undefined);
    assert.deepEqual(unchanging(given), unchanging(response), 'one response from beginning to end');
    if (TERMINAL.has(String(event['type']))) {
      ended = true;
      checkEnd(event, given, done, open);
      return;
    }
    assert.equal(given['status'], 'in_progress');
    assert.deepEqual(given['output'], []);
    assert.equal(given['usage'], null);
  };

  const addItem = (event: Fields) => {
    assert.equal(open, undefined, 'one item is open at a time');
    const item = fieldsOf(event['item']);
    assert.equal(event['output_index'], done.length, 'items are numbered without gaps');
    const id = textOf(item['id']);
    assert.ok(id !== '' && !ids.has(id), 'each item has an id of its own');
    ids.add(id);
    assert.equal(item['status'], 'in_progress');
    open = {
      index: done.length,
      id,
      type: textOf(item['type']),
      first: item,
      content: [],
      summary: [],
      argument: '',
      argumentDone: false,
    };
    checkFirst(open);
  };

  const closeItem = (event: Fields) => {
    assert.ok(open !== undefined, 'an item is open');
    assert.equal(event['output_index'], open.index);
    const item = fieldsOf(event['item']);
    checkDone(open, item);
    done.push(item);
    open = undefined;
  };

  return {
    done,
    ended: () => ended,
    take: (event: Fields, index: number) => {
      assert.ok(!ended, 'nothing follows the end');
      assert.equal(event['sequence_number'], index, 'numbers have no gaps');
      const type = textOf(event['type']);
      if (index === 1) assert.equal(type, 'response.in_progress');
      if ('response' in event) takeLifecycle(event, index);
      else {
        assert.ok(index > 1, 'the response begins first');
        if (type === 'response.output_item.added') addItem(event);
        else if (type === 'response.output_item.done') closeItem(event);
        else {
          assert.ok(open !== undefined, 'an item is open');
          assert.equal(event['item_id'], open.id);
          assert.equal(event['output_index'], open.index);
          takeInside(open, type, event);
        }
      }
    },
  };
}

function checkEnd(event: Fields, response: Fields, done: readonly Fields[], open: OpenItem | undefined): void {
  assert.equal(open, undefined, 'every item is closed');
  assert.deepEqual(response['output'], done, 'the object is what was told');
  assert.equal(event['type'], `response.${textOf(response['status'])}`);
  const { error, incomplete_details: incomplete, completed_at: completedAt } = response;
  assert.equal(error !== null, response['status'] === 'failed');
  assert.equal(incomplete !== null, response['status'] === 'incomplete');
  assert.equal(completedAt !== null, response['status'] === 'completed');
  const cut = done.filter((item) => item['status'] !== 'completed');
  assert.ok(
    cut.length === 0 || response['status'] === 'incomplete',
    'only an incomplete answer has an incomplete item',
  );
}

function checkFirst({ type, first }: OpenItem): void {
  if (type === 'message') assert.deepEqual([first['role'], first['content']], ['assistant', []]);
  else if (type === 'reasoning') assert.deepEqual([first['summary'], first['content']], [[], []]);
  else {
    assert.ok(type === 'function_call' || type === 'custom_tool_call', `no items of type ${type} are made`);
    assert.ok(textOf(first['call_id']) !== '' && textOf(first['name']) !== '');
    assert.equal(first[type === 'function_call' ? 'arguments' : 'input'], '');
  }
}

function takeInside(item: OpenItem, type: string, event: Fields): void {
  if (type === 'response.content_part.added') return addPart(item, item.content, event, 'content_index');
  if (type === 'response.content_part.done') return closePart(item.content, event, 'content_index');
  if (type === 'response.reasoning_summary_part.added') return addPart(item, item.summary, event, 'summary_index');
  if (type === 'response.reasoning_summary_part.done') return closePart(item.summary, event, 'summary_index');
  const [, subject = '', verb = ''] = /^(.*)\.(delta|done)$/.exec(type) ?? [];
  const argument = ARGUMENT_EVENTS[subject];
  if (argument !== undefined) return takeArgument(item, argument, verb, event);
  if (subject === 'response.reasoning_summary_text') {
    assert.equal(item.type, 'reasoning');
    return takeText(partAt(item.summary, event, 'summary_index', 'summary_text'), verb, event);
  }
  const part = PART_EVENTS[subject];
  assert.ok(part !== undefined, `no event is called ${type}`);
  takeText(partAt(item.content, event, 'content_index', part), verb, event);
}

function addPart(item: OpenItem, parts: Part[], event: Fields, indexName: string): void {
  assert.equal(event[indexName], parts.length, 'parts are numbered without gaps');
  const part = fieldsOf(event['part']);
  const types = item.type === 'message' ? ['output_text'] : ['reasoning_text', 'summary_text'];
  assert.ok(types.includes(textOf(part['type'])));
  assert.equal(part['text'], '');
  parts.push({ type: textOf(part['type']), text: '', logprobs: [], stage: 'open' });
}

function closePart(parts: readonly Part[], event: Fields, indexName: string): void {
  const given = fieldsOf(event['part']);
  const part = partAt(parts, event, indexName, textOf(given['type']));
  assert.equal(part.stage, 'told', 'the text was told before its part');
  assert.equal(given['text'], part.text);
  if (part.type === 'output_text') assert.deepEqual([given['annotations'], given['logprobs']], [[], part.logprobs]);
  part.stage = 'done';
}

function takeText(part: Part, verb: string, event: Fields): void {
  assert.equal(part.stage, 'open', 'the text is not told yet');
  const logprobs = part.type === 'output_text' ? (event['logprobs'] as unknown[]) : [];
  assert.ok(Array.isArray(logprobs));
  if (verb === 'delta') {
    assert.notEqual(event['delta'], '', 'no delta is empty');
    part.text += textOf(event['delta']);
    part.logprobs.push(...logprobs);
    return;
  }
  assert.equal(event['text'], part.text, 'the text is what the deltas were');
  assert.deepEqual(logprobs.slice(0, part.logprobs.length), part.logprobs);
  part.logprobs = logprobs;
  part.stage = 'told';
}

function takeArgument(item: OpenItem, [type, field]: readonly [string, string], verb: string, event: Fields): void {
  assert.equal(item.type, type);
  assert.ok(!item.argumentDone);
  if (verb === 'delta') {
    assert.notEqual(event['delta'], '', 'no delta is empty');
    item.argument += textOf(event['delta']);
    return;
  }
  assert.equal(event[field], item.argument, 'the arguments are what the deltas were');
  item.argumentDone = true;
}

function checkDone(open: OpenItem, item: Fields): void {
  const { first, type } = open;
  assert.ok(item['status'] === 'completed' || item['status'] === 'incomplete');
  assert.deepEqual([item['id'], item['type']], [first['id'], first['type']]);
  for (const part of [...open.content, ...open.summary]) assert.equal(part.stage, 'done', 'every part is done');
  if (type === 'message' || type === 'reasoning') {
    assert.equal(open.content.length, 1);
    assert.deepEqual(
      textsOf(item['content']),
      open.content.map(({ text }) => text),
    );
    if (type === 'reasoning')
      assert.deepEqual(
        textsOf(item['summary']),
        open.summary.map(({ text }) => text),
      );
    return;
  }
  assert.ok(open.argumentDone, 'the arguments were told');
  const { status: _was, arguments: _none, input: _nothing, ...kept } = first;
  const { status, arguments: json, input, ...rest } = item;
  assert.deepEqual(rest, kept, 'a call keeps its names');
  assert.equal(status, 'completed', 'no call is half of one');
  assert.equal(type === 'function_call' ? json : input, open.argument);
  if (type === 'function_call')
    assert.equal(typeof JSON.parse(open.argument), 'object', 'a call that is done can be run');
}

function partAt(parts: readonly Part[], event: Fields, indexName: string, type: string): Part {
  const part = parts[Number(event[indexName])];
  assert.ok(part !== undefined, 'the part was added');
  assert.equal(part.type, type);
  return part;
}

function textsOf(parts: unknown): readonly unknown[] {
  assert.ok(Array.isArray(parts));
  return parts.map((part) => fieldsOf(part)['text']);
}

function unchanging(response: Fields): Fields {
  return Object.fromEntries(Object.entries(response).filter(([name]) => !CHANGING.includes(name)));
}

function fieldsOf(value: unknown): Fields {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), 'an object');
  return value as Fields;
}

function textOf(value: unknown): string {
  assert.equal(typeof value, 'string');
  return String(value);
}
