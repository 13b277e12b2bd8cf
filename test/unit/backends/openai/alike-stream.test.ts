// Shows that a stream whose events are told together says what it says event by event, and that events which do more are each read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChunkReader } from '../../../../src/backends/openai/reading/chunks.ts';
import { createEventStream } from '../../../../src/backends/openai/reading/event-stream.ts';
import { joined, readBytes, readJoined } from './read-bytes.ts';

const chunk = (delta: object, finish: string | null = null, more: object = {}) =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: finish, ...more }] })}\n\n`;
const text = (content: string) => chunk({ content });
const END = `${chunk({}, 'stop')}data: [DONE]\n\n`;
const CALL = chunk({ tool_calls: [{ index: 0, id: 't', function: { name: 'f', arguments: '{}' } }] });

/** What the items of one read are. */
function itemsOf(bytes: string): readonly string[] {
  const reader = createChunkReader({ newCallId: () => 'made', needsArguments: () => false });
  const stream = createEventStream(100_000, reader.alike?.saysOnly);
  return stream.feed(Buffer.from(bytes)).map((item) => (item.type === 'said' ? `said ${item.said.text}` : item.type));
}

test('texts that come with one read are told as one, behind the first, which is read', () => {
  const words = [chunk({ role: 'assistant', content: '' }), text('a'), text('b'), text('ü'), text('"\\\n')];
  assert.deepEqual(itemsOf(`${words.join('')}${END}`), ['value', 'value', 'said bü"\\\n', 'value', 'done']);
});

test('thinking and text are told apart, and each again from its second event on', () => {
  const words = [chunk({ reasoning: 'x' }), chunk({ reasoning: 'y' }), text('a'), text('b'), text('c')];
  assert.deepEqual(itemsOf(words.join('')), ['value', 'said y', 'value', 'said bc']);
});

test('events with token probabilities, with a use or with two choices are each read', () => {
  const logprobs = { logprobs: { content: [{ token: 'a', logprob: 0, top_logprobs: [] }] } };
  const used = text('a').replace('{"id"', '{"usage":{"prompt_tokens":1},"id"');
  const twice = text('a').replace('"choices":[', '"choices":[{"index":1,"delta":{}},');
  for (const event of [chunk({ content: 'a' }, null, logprobs), used, twice])
    assert.deepEqual(itemsOf(event.repeat(3)), ['value', 'value', 'value'], event);
});

test('behind a call each text is read: one of nothing but line breaks is left out there', () => {
  const bytes = `${text('a')}${text('b')}${CALL}${text('\n')}${text('\n')}${text('c')}${chunk({}, 'tool_calls')}data: [DONE]\n\n`;
  assert.deepEqual(itemsOf(bytes).slice(0, 6), ['value', 'said b', 'value', 'value', 'value', 'value']);
  assert.deepEqual(readJoined([Buffer.from(bytes)]), joined(readBytes([Buffer.from(bytes)])));
});

test('other line ends, comments and names of events are read as ever', () => {
  const plain = `${text('a')}${text('b')}${text('c')}${END}`;
  const events = joined(readBytes([Buffer.from(plain)]));
  const forms: Readonly<Record<string, string>> = {
    'CR LF': plain.replaceAll('\n', '\r\n'),
    CR: plain.replaceAll('\n', '\r'),
    'comments between': plain.replaceAll('\n\ndata', '\n\n: alive\n\ndata'),
    'a comment in the event': plain.replaceAll('data:', ': alive\ndata:'),
    'no blank behind the colon': plain.replaceAll('data: ', 'data:'),
    'a mark at the beginning': `\uFEFF${plain}`,
  };
  for (const [name, form] of Object.entries(forms)) {
    const bytes = Buffer.from(form);
    for (let at = 0; at <= bytes.length; at += 1)
      assert.deepEqual(readJoined([bytes.subarray(0, at), bytes.subarray(at)]), events, `${name}, cut at ${at}`);
  }
});

test('an event that is cut in its text is an event that is not whole, whatever it is like', () => {
  const bytes = Buffer.from(`${text('a')}${text('b')}${text('c').slice(0, -20)}`);
  assert.deepEqual(readJoined([bytes]), joined(readBytes([bytes])));
});
