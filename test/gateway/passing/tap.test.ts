// Shows that a stream passes to the byte, cut wherever it may be, and that an answer that is not whole is known before its end is sent.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTap } from '../../../src/gateway/passing/tap.ts';

const HEAD = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":';
const chunk = (delta: object, finish: string | null = null) =>
  `data: ${HEAD}[{"index":0,"delta":${JSON.stringify(delta)},"logprobs":null,"finish_reason":${JSON.stringify(finish)}}]}\n\n`;
const USAGE = `data: ${HEAD}[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3}}}\n\n`;
const DONE = 'data: [DONE]\n\n';
const call = (text: string) => chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] });
const OPEN = chunk({ tool_calls: [{ index: 0, id: 't', type: 'function', function: { name: 'f' } }] });
const TEXT = `${chunk({ role: 'assistant', content: '' })}${chunk({ content: 'häl"usage\\":{' })}${chunk({ content: 'lo 😀' })}`;

/** All that was sent on, and what was known at the end. */
function played(pieces: readonly Buffer[], hidesUsage = false) {
  const tap = createTap({ hidesUsage, maxEventBytes: 10_000 });
  const sent: Buffer[] = [];
  for (const piece of pieces) {
    const events = tap.take(piece);
    if (tap.broken()) return { sent: Buffer.concat(sent).toString(), broken: true };
    if (events !== undefined) sent.push(events);
  }
  return { sent: Buffer.concat(sent).toString(), verdict: tap.verdict(), usage: tap.usage() };
}

const USED = { promptTokens: 9, completionTokens: 4, cachedTokens: 3 };

test('a whole answer passes to the byte, cut at every place', () => {
  const text = `${TEXT}${chunk({}, 'stop')}${USAGE}${DONE}`;
  const bytes = Buffer.from(text);
  for (let at = 0; at <= bytes.length; at += 1)
    assert.deepEqual(played([bytes.subarray(0, at), bytes.subarray(at)]), {
      sent: text,
      verdict: 'whole',
      usage: USED,
    });
  assert.deepEqual(played([...bytes].map((byte) => Buffer.of(byte))), { sent: text, verdict: 'whole', usage: USED });
});

test('the usage that only we asked for is kept back, and nothing else', () => {
  const text = (usage: string) => Buffer.from(`${TEXT}${chunk({}, 'stop')}${usage}${DONE}`);
  for (let at = 0; at <= text(USAGE).length; at += 7)
    assert.deepEqual(played([text(USAGE).subarray(0, at), text(USAGE).subarray(at)], true), {
      sent: text('').toString(),
      verdict: 'whole',
      usage: USED,
    });
});

describe('an answer is cut', () => {
  const cuts: Readonly<Record<string, string>> = {
    'without a finish': TEXT,
    'in the middle of an event': `${TEXT}data: {"cho`,
    'when nothing came': '',
  };
  for (const [name, text] of Object.entries(cuts))
    test(name, () => assert.equal(played([Buffer.from(text)]).verdict, 'cut'));
});

describe('the end of an answer is not sent', () => {
  const broken: Readonly<Record<string, string>> = {
    'that the engine gave up': chunk({}, 'abort'),
    'whose call was never closed': `${OPEN}${call('{"command":"ls -a &&')}${chunk({}, 'tool_calls')}`,
    'whose call ran into the limit': `${OPEN}${call('{"command":"ls"}')}${chunk({}, 'length')}`,
    'with an error in the stream': 'data: {"error":{"message":"died","code":500}}\n\n',
    'with garbage in the stream': 'data: <html>\n\n',
  };
  for (const [name, end] of Object.entries(broken))
    test(name, () => {
      const bytes = Buffer.from(`${TEXT}${end}${DONE}`);
      const whole = played([bytes]);
      assert.deepEqual(whole, { sent: '', broken: true });
      const pieces = played([...bytes].map((byte) => Buffer.of(byte)));
      assert.equal(pieces.broken, true);
      assert.ok(!pieces.sent.includes('finish_reason":"') && !pieces.sent.includes('[DONE]'), pieces.sent);
    });
});

test('a call that came whole ends well, also one without arguments', () => {
  for (const calls of [`${OPEN}${call('{"a":')}${call('1}')}`, OPEN])
    assert.equal(played([Buffer.from(`${TEXT}${calls}${chunk({}, 'tool_calls')}${DONE}`)]).verdict, 'whole');
});

test('the line break that a model writes behind its calls is left out, and nothing else', () => {
  const before = `${TEXT}${chunk({ content: '\n' })}${OPEN}${call('{}')}`;
  const after = `${chunk({}, 'tool_calls')}${DONE}`;
  const bytes = Buffer.from(`${before}${chunk({ content: '\n' })}${after}`);
  for (let at = 0; at <= bytes.length; at += 5)
    assert.deepEqual(played([bytes.subarray(0, at), bytes.subarray(at)]), {
      sent: `${before}${after}`,
      verdict: 'whole',
      usage: undefined,
    });
});

test('a server that prints its chunks loosely is read event by event', () => {
  const loose = (choice: object) =>
    `data: ${JSON.stringify({ choices: [choice] }, undefined, 1).replaceAll('\n', ' ')}\n\n`;
  const text = `${loose({ delta: { content: 'a' }, finish_reason: null })}${loose({ delta: {}, finish_reason: 'stop' })}${DONE}`;
  assert.deepEqual(played([Buffer.from(text)]), { sent: text, verdict: 'whole', usage: undefined });
});

test('the first event, calls and ends are urgent; others may wait', () => {
  const tap = createTap({ hidesUsage: false, maxEventBytes: 1000 });
  const urgent = [chunk({ content: 'a' }), chunk({ content: 'b' }), OPEN, DONE].map((text) => {
    tap.take(Buffer.from(text));
    return tap.urgent();
  });
  assert.deepEqual(urgent, [true, false, true, true]);
});

test('an event without end is not held for ever', () => {
  const tap = createTap({ hidesUsage: false, maxEventBytes: 1000 });
  tap.take(Buffer.alloc(1001, 'x'));
  assert.equal(tap.broken(), true);
});
