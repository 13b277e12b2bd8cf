// Shows on random answers, cut everywhere, that each stream is a lawful one and that its end says what was told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { encodeResponse } from '../../../src/gateway/responses/encode.ts';
import { createEnvelope } from '../../../src/gateway/responses/envelope.ts';
import { responsesBodySchema } from '../../../src/gateway/responses/request.ts';
import { toolboxOf } from '../../../src/gateway/responses/tools.ts';
import type { Sink } from '../../../src/gateway/sink.ts';
import { streamAnswer } from '../../../src/gateway/stream.ts';
import { pick, seeded, upTo } from '../../unit/tools/seeded.ts';
import { checkStream, type Fields } from './checker.ts';
import { eventsOf, plain } from './streams.ts';

const SEEDS = 300;
const BODY = {
  model: 'm',
  input: 'hi',
  tools: [{ type: 'custom' as const, name: 'patch' }],
  reasoning: { summary: 'auto' },
};

function encoderFor(streamed: boolean) {
  let count = 0;
  const body = responsesBodySchema.parse(BODY);
  return encodeResponse({
    envelope: createEnvelope({ id: `resp_${'0'.repeat(26)}`, createdAt: 1, raw: BODY, body }),
    streamed,
    toolbox: toolboxOf(body.tools ?? []),
    newId: (prefix) => `${prefix}_${String((count += 1)).padStart(26, '0')}`,
    summary: true,
    encrypted: false,
    stored: () => false,
    now: () => 2,
    canTake: () => true,
  });
}

/** What a client has: the text, and how it ended. */
function createPaper() {
  let text = '';
  let end: 'open' | 'ended' | 'reset' = 'open';
  const sink: Sink = {
    signal: new AbortController().signal,
    get started() {
      return text !== '';
    },
    blocked: false,
    write: async (given) => {
      text += given;
    },
    offer: (given) => {
      text += given;
    },
    end: () => {
      end = 'ended';
    },
    whole: () => {},
    reset: () => {
      end = 'reset';
    },
  };
  return { sink, told: () => ({ text, end }) };
}

async function play(events: readonly ModelEvent[]) {
  const paper = createPaper();
  const source = async function* source() {
    yield* events;
  };
  const ports = { limits: LIMITS, newId: (prefix: string) => prefix };
  const failure = await streamAnswer(source(), paper.sink, encoderFor(true), ports).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { ...paper.told(), failure };
}

interface Expected {
  readonly texts: string;
  readonly thoughts: string;
  readonly calls: readonly (readonly [name: string, text: string])[];
}

/** An answer as any engine might give it, and what a client must have of it. */
function anyAnswer(random: () => number): { readonly events: readonly ModelEvent[]; readonly expected: Expected } {
  const events: ModelEvent[] = [];
  const open: { index: number; rest: string[]; name: string }[] = [];
  const calls: (readonly [string, string])[] = [];
  let texts = '';
  let thoughts = '';
  const word = () => pick(random, ['a', ' b', '"', '\\', '\n', 'ö', '😀', '', '</think>', '{"x":1}', '\u2028']);
  const beginCall = () => {
    const name = pick(random, ['bash', 'patch']);
    const input = Array.from({ length: upTo(random, 6) }, word).join('');
    const json = name === 'patch' ? JSON.stringify({ input }) : JSON.stringify({ command: input, n: upTo(random, 9) });
    calls.push([name, name === 'patch' ? input : json]);
    const call = { index: calls.length, rest: pieces(random, json), name };
    open.push(call);
    return call;
  };
  const goOn = (closing: boolean) => {
    const call = open[upTo(random, open.length - 1)];
    if (call === undefined) return;
    const piece = call.rest.shift() ?? '';
    const complete = closing && call.rest.length === 0;
    events.push({ type: 'tool_call', index: call.index, arguments: piece, complete });
    if (complete) open.splice(open.indexOf(call), 1);
  };
  for (let step = upTo(random, 25); step > 0; step -= 1) {
    const choice = upTo(random, 9);
    const text = word();
    if (choice < 3) {
      texts += text;
      events.push({ type: 'text', text });
    } else if (choice < 5) {
      thoughts += text;
      events.push({ type: 'reasoning', text });
    } else if (choice === 5) {
      const call = beginCall();
      events.push({ type: 'tool_call', index: call.index, id: `call ${call.index}`, name: call.name, complete: false });
    } else if (choice === 6)
      events.push({ type: 'logprobs', tokens: [{ token: text, logprob: -1, bytes: null, top: [] }] });
    else goOn(random() < 0.5);
  }
  while (open.length > 0) goOn(true);
  if (random() < 0.5) events.push({ type: 'usage', promptTokens: 1, completionTokens: 2 });
  events.push({ type: 'finish', reason: pick(random, ['stop', 'stop', 'length', 'content_filter', 'tool_calls']) });
  return { events, expected: { texts, thoughts, calls } };
}

function pieces(random: () => number, text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = 1 + upTo(random, 4);
    found.push(text.slice(at, at + length));
    at += length;
  }
  return found;
}

function given(items: readonly Fields[]): Expected {
  const textsIn = (type: string) =>
    items
      .filter((item) => item['type'] === type)
      .map((item) => String((item['content'] as readonly Fields[])[0]?.['text']))
      .join('');
  return {
    texts: textsIn('message'),
    thoughts: textsIn('reasoning'),
    calls: items
      .filter((item) => 'call_id' in item)
      .map((item) => [String(item['name']), String(item['arguments'] ?? item['input'])] as const),
  };
}

test('every answer is told to the end, streamed and whole alike', async () => {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { events, expected } = anyAnswer(seeded(seed));
    const { text, end } = await play(events);
    assert.equal(end, 'ended', `seed ${seed}`);
    const heard = eventsOf(text);
    const items = checkStream(heard, 'whole');
    assert.deepEqual(given(items), expected, `seed ${seed}`);
    const plainEncoder = encoderFor(false);
    for (const event of events) assert.equal(plainEncoder.event(event, undefined), '');
    const whole = JSON.parse(plainEncoder.settle() ?? 'null') as unknown;
    assert.deepEqual(plain(whole), plain(heard.at(-1)?.['response']), `seed ${seed}`);
  }
});

test('an answer that is cut anywhere is never told as whole, and no call in it that was not closed', async () => {
  for (let seed = 0; seed < SEEDS; seed += 10) {
    const { events } = anyAnswer(seeded(seed));
    const finishAt = events.findIndex(({ type }) => type === 'finish');
    for (let length = 0; length <= finishAt; length += 1) {
      const some = events.slice(0, length);
      const { text, end, failure } = await play(some);
      assert.equal(end, text === '' ? 'open' : 'reset', `seed ${seed}, ${length} events`);
      assert.equal(failure !== undefined, text === '');
      const done = text === '' ? [] : checkStream(eventsOf(text), 'cut');
      const closed = some.flatMap((event) =>
        event.type === 'tool_call' && event.complete ? [`call ${event.index}`] : [],
      );
      for (const item of done) if ('call_id' in item) assert.ok(closed.includes(String(item['call_id'])));
    }
  }
});

test('an answer of very many calls that are all closed at its end is told in time that grows with its length', async () => {
  const indexes = Array.from({ length: 40_000 }, (_, index) => index);
  const events: ModelEvent[] = indexes.map((index) => ({
    type: 'tool_call',
    index,
    id: `call ${index}`,
    name: 'bash',
    arguments: '{}',
    complete: false,
  }));
  events.push(...indexes.map((index): ModelEvent => ({ type: 'tool_call', index, complete: true })));
  events.push({ type: 'finish', reason: 'tool_calls' });
  const { text, end } = await play(events);
  assert.equal(end, 'ended');
  assert.equal(checkStream(eventsOf(text), 'whole').length, indexes.length);
});

test('the machine that checks streams refuses one in which an event is missing, comes twice or comes too late', async () => {
  for (let seed = 0; seed < 40; seed += 1) {
    const { text } = await play(anyAnswer(seeded(seed)).events);
    const events = eventsOf(text);
    const numbered = (given: readonly Fields[]) => given.map((event, index) => ({ ...event, sequence_number: index }));
    for (const [at, event] of events.entries()) {
      const wrongs = [events.toSpliced(at, 1), events.toSpliced(at, 0, event)];
      const next = events[at + 1];
      if (next !== undefined) wrongs.push(events.toSpliced(at, 2, next, event));
      for (const [kind, wrong] of wrongs.entries()) {
        if (isHarmless(events, at, kind)) continue;
        assert.throws(() => checkStream(numbered(wrong), 'whole'), `seed ${seed}, event ${at}, change ${kind}`);
      }
    }
    assert.throws(() => checkStream(events.toSpliced(2, 1), 'whole'), /no gaps/);
  }
});

/** The one that says that it goes on may come again; two pieces of two texts, or that together say the same, may change places. */
function isHarmless(events: readonly Fields[], at: number, kind: number): boolean {
  const [one = {}, next = {}] = [events[at], events[at + 1]];
  const [first, second] = [String(one['type']), String(next['type'])];
  if (kind === 1) return first === 'response.in_progress';
  if (kind !== 2) return false;
  if (first.includes('summary') !== second.includes('summary')) return true;
  const [left, right] = [String(one['delta']), String(next['delta'])];
  return first === second && left + right === right + left;
}
