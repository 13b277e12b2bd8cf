// Shows that any lawful sequence of events gives one lawful stream with the same content, and that no part of it looks whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ModelErrorEvent, ModelEvent, ToolCallEvent } from '../../../src/contracts/model-events.ts';
import { EngineError } from '../../../src/gateway/errors.ts';
import type { Shown } from '../../../src/gateway/messages/blocks.ts';
import { type Envelope, messageOf, messagesEncoder } from '../../../src/gateway/messages/encode.ts';
import { thinkingIn } from '../../../src/gateway/messages/signature.ts';
import type { Sink } from '../../../src/gateway/sink.ts';
import { collectAnswer, streamAnswer } from '../../../src/gateway/stream.ts';
import { checkStream } from './checker.ts';
import { type Random, randomFrom } from './random.ts';

const SEQUENCES = 400;
const PORTS = { limits: LIMITS, newId: (prefix: string) => `${prefix}_x` };
const SHOWN: readonly Shown[] = ['whole', 'omitted', 'none'];

interface Played {
  readonly text: string;
  readonly end: 'end' | 'reset' | 'thrown';
}

/** What a client would have got, from the frame that serves all dialects. */
async function play(events: readonly ModelEvent[], shown: Shown, alone: boolean): Promise<Played> {
  let text = '';
  let end: Played['end'] = 'thrown';
  let started = alone;
  const encoder = messagesEncoder(envelope(shown));
  if (alone) text += encoder.open();
  const sink: Sink = {
    signal: new AbortController().signal,
    get started() {
      return started;
    },
    blocked: false,
    write: async (more) => {
      started = true;
      text += more;
    },
    offer: (more) => {
      text += more;
    },
    end: () => {
      end = 'end';
    },
    whole: () => {},
    reset: () => {
      end = 'reset';
    },
  };
  try {
    await streamAnswer(given(events), sink, encoder, PORTS);
  } catch (error) {
    assert.ok(error instanceof EngineError);
  }
  return { text, end };
}

function envelope(thinking: Shown): Envelope {
  return {
    id: 'msg_1',
    model: 'm',
    thinking,
    stopSequences: [],
    estimate: () => 1,
    errorBody: ({ message }) => ({ type: 'error', error: { type: 'api_error', message }, request_id: 'req_1' }),
  };
}

async function* given(events: readonly ModelEvent[]): AsyncGenerator<ModelEvent> {
  yield* events;
}

const PIECES = ['a', ' \n', 'ö', '"}', '\\', '😀', 'event: x\n\n', '', '{', 'data: [DONE]'];
const INPUTS = ['{}', '{"a":1}', '{"command":"ls -a && cat \\"x}\\""}', '{"b":{"c":[{}]}}', '{"ö":"😀"}'];

/** Speech and groups of calls by turns; within a group the engine mixes fragments as it likes, speech among them. */
function randomEvents(random: Random): readonly ModelEvent[] {
  const events: ModelEvent[] = [];
  let calls = 0;
  for (let turn = random(5); turn >= 0; turn -= 1) {
    for (let pieces = random(4); pieces > 0; pieces -= 1) events.push(randomSpeech(random));
    const group = Array.from({ length: random(4) }, () => randomCall(random, (calls += 1)));
    while (group.some((fragments) => fragments.length > 0)) {
      const fragment = group[random(group.length)]?.shift();
      if (fragment !== undefined) events.push(fragment);
      if (random(8) === 0) events.push(randomSpeech(random));
    }
  }
  const usage: ModelEvent = { type: 'usage', promptTokens: 9, completionTokens: 3, cachedTokens: random(10) };
  const finish: ModelEvent = { type: 'finish', reason: calls === 0 && random(3) === 0 ? 'length' : 'stop' };
  return [...events, ...(random(2) === 0 ? [usage, finish] : [finish, usage])];
}

function randomSpeech(random: Random): ModelEvent {
  return { type: random(3) === 0 ? 'reasoning' : 'text', text: PIECES[random(PIECES.length)] ?? '' };
}

function randomCall(random: Random, number: number): ToolCallEvent[] {
  const index = number * 3;
  let rest = INPUTS[random(INPUTS.length)] ?? '';
  // Engines leave the arguments out where there are none.
  if (rest === '{}' && random(2) === 0) rest = '';
  const fragments: ToolCallEvent[] = [{ type: 'tool_call', index, id: `c${number}`, name: 'bash', complete: false }];
  while (rest !== '') {
    const size = 1 + random(rest.length);
    fragments.push({ type: 'tool_call', index, arguments: rest.slice(0, size), complete: false });
    rest = rest.slice(size);
  }
  return [...fragments, { type: 'tool_call', index, complete: true }];
}

/** The blocks in the order in which they began, put together by other means than the encoder has. */
function expectedContent(events: readonly ModelEvent[], shown: Shown): readonly object[] {
  const blocks: { key: string; text: string; id: string }[] = [];
  for (const event of events) {
    const piece = pieceOf(event, shown);
    if (piece === undefined) continue;
    const { key } = piece;
    const known = event.type === 'tool_call' ? blocks.find((block) => block.key === key) : blocks.at(-1);
    if (known?.key === key) known.text += piece.text;
    else blocks.push(piece);
  }
  return blocks.map(({ key, text, id }) => {
    if (key === 'text') return { type: 'text', text };
    if (key === 'reasoning') return { type: 'thinking', thinking: text };
    return { type: 'tool_use', id, name: 'bash', input: JSON.parse(text === '' ? '{}' : text) as object };
  });
}

/** Of which block the event is a piece. */
function pieceOf(event: ModelEvent, shown: Shown): { key: string; text: string; id: string } | undefined {
  if (event.type === 'tool_call')
    return { key: `call ${event.index}`, text: event.arguments ?? '', id: event.id ?? '' };
  if (event.type !== 'text' && event.type !== 'reasoning') return undefined;
  if (event.text === '' || (event.type === 'reasoning' && shown === 'none')) return undefined;
  return { key: event.type, text: event.text, id: '' };
}

/** With the thinking where it can be read, and without signatures. */
function readable(content: readonly object[] = []): readonly object[] {
  return content.map((block) => {
    const { signature, ...rest } = block as { signature?: string; thinking?: string };
    return rest.thinking === '' ? { ...rest, thinking: thinkingIn(signature ?? '') } : rest;
  });
}

test('any sequence of events is one lawful stream with all of its content, however it is shown', async () => {
  for (let seed = 1; seed <= SEQUENCES; seed += 1) {
    const events = randomEvents(randomFrom(seed));
    for (const shown of SHOWN) {
      const { text, end } = await play(events, shown, seed % 2 === 0);
      const checked = checkStream(text);
      assert.deepEqual([end, checked.end], ['end', 'whole'], `seed ${seed}`);
      assert.deepEqual(readable(checked.message?.content), expectedContent(events, shown), `seed ${seed}`);
    }
  }
});

test('what is streamed and what is given whole say the same', async () => {
  const joined = (content: readonly object[], field: string) =>
    content.map((block) => (block as Record<string, string>)[field] ?? '').join('');
  for (let seed = 1; seed <= SEQUENCES; seed += 1) {
    const events = randomEvents(randomFrom(seed));
    for (const shown of SHOWN) {
      const { message } = checkStream((await play(events, shown, false)).text);
      const { answer, finish } = await collectAnswer(given(events), new AbortController().signal, PORTS);
      const whole = messageOf(envelope(shown), answer, finish) as NonNullable<typeof message>;
      const { content, ...rest } = whole;
      assert.ok(message !== undefined);
      const { content: streamed, ...restStreamed } = message;
      assert.deepEqual(restStreamed, rest);
      const [left, right] = [readable(streamed), readable(content)];
      for (const field of ['text', 'thinking']) assert.equal(joined(left, field), joined(right, field), `seed ${seed}`);
      const calls = (blocks: readonly object[]) => blocks.filter((block) => 'input' in block);
      assert.deepEqual(calls(left), calls(right), `seed ${seed}`);
    }
  }
});

test('a sequence that is cut at any position is never whole, and what came of it is the beginning of the whole', async () => {
  const dead: ModelErrorEvent = { type: 'error', code: 'backend_failed', message: 'dead', retryable: true };
  for (let seed = 1; seed <= SEQUENCES / 4; seed += 1) {
    const events = randomEvents(randomFrom(seed));
    const shown = SHOWN[seed % 3] ?? 'whole';
    const expected = expectedContent(events, shown);
    const finish = events.findIndex(({ type }) => type === 'finish');
    for (let at = 0; at <= finish; at += 1)
      for (const last of [[], [dead], [{ type: 'finish', reason: 'abort' } as const]]) {
        const alone = at % 2 === 0;
        const { text, end } = await play([...events.slice(0, at), ...last], shown, alone);
        const { end: seen, message } = checkStream(text, true);
        assert.equal(seen, text === '' ? 'nothing' : 'open', `seed ${seed}, cut at ${at}`);
        assert.equal(end, text === '' ? 'thrown' : 'reset', `seed ${seed}, cut at ${at}`);
        const came = readable(message?.content);
        // The last block that was closed may go on in the whole: it was a text that another call's beginning ended.
        assert.deepEqual(came, expected.slice(0, came.length), `seed ${seed}, cut at ${at}`);
      }
  }
});

test('no part of a stream that ends at any byte looks whole', async () => {
  const { text } = await play(randomEvents(randomFrom(7)), 'whole', true);
  const bytes = Buffer.from(text);
  assert.ok(bytes.length > 1000);
  for (let at = 0; at < bytes.length; at += 1) {
    const { end } = checkStream(bytes.subarray(0, at).toString('utf8'), true);
    assert.ok(end === 'nothing' || end === 'open', `cut at byte ${at}`);
  }
  assert.equal(checkStream(text).end, 'whole');
});
