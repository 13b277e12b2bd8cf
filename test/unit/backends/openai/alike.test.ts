// Shows that an event counts as one like another only if nothing but its text differs, whatever stands in that text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrames } from '../../../../src/backends/openai/reading/frames.ts';

const event = (text: string, name = 'content', rest = '"finish_reason":null') =>
  `data: {"id":"c","choices":[{"index":0,"delta":{"${name}":${JSON.stringify(text)}},${rest}}]}\n\n`;

/** How many events behind a first one were taken for such as that one; all of them must have ended where the next begins. */
function skipped(events: readonly string[], first = event('hello')): number {
  const frames = createFrames();
  assert.equal(frames.learn(first), true);
  const { to, count } = frames.skip(first + events.join(''), first.length);
  assert.equal(to, first.length + events.slice(0, count).join('').length);
  return count;
}

test('events with other text are skipped, also with quotes, backslashes and line breaks written as JSON has them', () => {
  const texts = [
    '',
    'a',
    '"',
    '\\',
    '\\"',
    '"\\',
    '\\\\"',
    'two\n\nlines',
    'data: [DONE]',
    '"finish_reason":"stop"',
    '}]}',
  ];
  assert.equal(skipped(texts.map((text) => event(text))), texts.length);
});

test('thinking is skipped as text is', () => {
  assert.equal(skipped([event('b', 'reasoning'), event('c', 'reasoning')], event('a', 'reasoning')), 2);
});

test('an event that differs in anything but its text is not skipped, nor what comes behind it', () => {
  const odd: Readonly<Record<string, string>> = {
    'an end': event('x', 'content', '"finish_reason":"stop"'),
    thinking: event('x', 'reasoning'),
    'a use': event('x').replace(']}', '],"usage":{"prompt_tokens":1}}'),
    'a second text': event('x').replace('"delta"', '"content":"y","delta"'),
    'a call behind the text': event('x').replace('"}', '","tool_calls":[{"index":0}]}'),
    'another name of the event': `event: error\n${event('x')}`,
    'half an event': event('x').slice(0, -1),
    'a line break in the text': event('x').replace('"x"', '"x\ndata: y"'),
    'a text that is not closed': event('x').replace('"x"', '"x\\"'),
    'the end of the stream': 'data: [DONE]\n\n',
    nothing: '',
  };
  const seen = Object.entries(odd).map(([name, text]) => [
    name,
    skipped([event('a'), text, event('b')].filter(Boolean)),
  ]);
  assert.deepEqual(
    Object.fromEntries(seen),
    Object.fromEntries(Object.keys(odd).map((name) => [name, name === 'nothing' ? 2 : 1])),
  );
});

test('what has no text, several lines or no end is no pattern', () => {
  const frames = createFrames();
  for (const bad of [
    'data: [DONE]\n\n',
    `event: x\n${event('a')}`,
    event('a').trimEnd(),
    'data: {"choices":[{"delta":{"content":"a\n\n',
  ])
    assert.equal(frames.learn(bad), false, bad);
  assert.deepEqual(frames.skip(event('a'), 0), { to: 0, count: 0 });
});

test('where no two events are alike, patterns are soon no longer made', () => {
  const frames = createFrames();
  const made = Array.from({ length: 40 }, (_, index) => frames.learn(event('a', 'content', `"n":${index}`)));
  assert.deepEqual(made.filter(Boolean).length, 16);
});

test('what alike events say is told as one text, also where a character is cut between two of them', () => {
  const frames = createFrames();
  frames.learn(event('a', 'reasoning'), { as: 'reasoning', text: 'a' });
  const emoji = String.raw`\ud83d`;
  const texts = [
    event('"b"', 'reasoning'),
    event('X', 'reasoning').replace('X', emoji),
    event('X', 'reasoning').replace('X', String.raw`\ude00`),
  ];
  const events = `${texts.join('')}data: [DONE]\n\n`;
  assert.deepEqual(frames.read(events, 0), {
    to: texts.join('').length,
    count: 3,
    said: { as: 'reasoning', text: '"b"😀' },
  });
  assert.equal(frames.read('data: [DONE]\n\n', 0), undefined);
});

test('a text that is no JSON is not told, but left to whoever reads the event', () => {
  const frames = createFrames();
  frames.learn(event('a'), { as: 'content', text: 'a' });
  assert.equal(frames.read(event('X').replace('X', '\t'), 0), undefined);
});

test('an event is no pattern if its first text is not the one that it says', () => {
  const frames = createFrames();
  assert.equal(frames.learn(event(''), { as: 'reasoning', text: 'a' }), false);
  assert.equal(frames.learn(event('b'), { as: 'content', text: 'a' }), false);
  assert.equal(frames.learn(event('a'), { as: 'content', text: 'a' }), true);
  frames.forget();
  assert.equal(frames.learns(), false);
  assert.deepEqual(frames.skip(event('a'), 0), { to: 0, count: 0 });
});
