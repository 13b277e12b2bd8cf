// Shows that a model's text is read as it was meant: named cases, any chunking, and outputs that are broken at random.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWER_CASES } from './answer-cases.ts';
import { END_CASES } from './end-cases.ts';
import { cutAtRandom, inventedIn, mutate, randomOf } from './mutations.ts';
import { callWith, everyCase } from './every-case.ts';
import { JSON_CASES } from './json-cases.ts';
import { eventsOf, gather, readOutput, type Read } from './reading.ts';
import { VALUE_CASES } from './value-cases.ts';

const NOTHING: Read = { reasoning: '', text: '', calls: [], repairs: [], finish: 'stop' };

for (const [name, output, expected, how] of [...ANSWER_CASES, ...END_CASES, ...JSON_CASES])
  test(`output: ${name}`, () => {
    assert.deepEqual(readOutput([output], how), whole(expected));
  });

for (const [parameter, text, json, repair] of VALUE_CASES)
  test(`value: ${JSON.stringify(text)} for the parameter ${parameter} becomes ${json}`, () => {
    const calls = [`f{"${parameter}":${json}}`];
    const repairs = repair === undefined ? [] : [repair];
    assert.deepEqual(readOutput([callWith(parameter, text)]), whole({ calls, repairs }));
  });

test('there are at least 150 named cases', () => {
  const names = new Set([
    ...ANSWER_CASES.map(([name]) => name),
    ...END_CASES.map(([name]) => name),
    ...JSON_CASES.map(([name]) => name),
    ...VALUE_CASES.map((entry) => entry.join(' ')),
  ]);
  assert.equal(names.size, everyCase().length);
  assert.ok(names.size >= 150, `only ${names.size}`);
});

test('any cutting of an output gives the same answer', () => {
  const random = randomOf(7);
  for (const [name, output, expected, how] of everyCase()) {
    assert.deepEqual(readOutput(output.split(''), how), whole(expected), `${name}: one by one`);
    for (let round = 0; round < 5; round += 1)
      assert.deepEqual(readOutput(cutAtRandom(output, random), how), whole(expected), name);
  }
});

test('no event holds half of a character', () => {
  const pieces = 'a 😀 <tool_call>\n<function=f>\n<parameter=a>\n😀😀\n</parameter>\n</function>\n</tool_call>'.split(
    '',
  );
  for (const event of eventsOf(pieces, {})) assert.ok(JSON.stringify(event).isWellFormed(), JSON.stringify(event));
  assert.equal(JSON.stringify(eventsOf(pieces, {})).includes(String.raw`\ud83d`), false);
});

test('10,000 broken outputs: nothing is thrown, nothing depends on the cutting, no call is invented', () => {
  const random = randomOf(11);
  const outputs = everyCase();
  for (let round = 0; round < 10_000; round += 1) {
    const [, output, , how] = outputs[Math.floor(random() * outputs.length)] ?? assert.fail();
    const broken = mutate(output, random);
    const read = readOutput([broken], how);
    assert.equal(inventedIn(broken, read), undefined, JSON.stringify(broken));
    if (round % 10 === 0) assert.deepEqual(readOutput(cutAtRandom(broken, random), how), read, JSON.stringify(broken));
  }
});

test('the arguments of a call are told as they come', () => {
  const output = callWith('a', 'one two three');
  const first = eventsOf([output.slice(0, output.indexOf(' three'))], { reason: 'length' });
  assert.deepEqual(gather(first).calls, ['f{"a":"one two…']);
});

test('the arguments of a call in JSON are told as they come', () => {
  const output = '<TOOLCALL>[{"name": "f", "arguments": {"a": "one two three"}}]</TOOLCALL>';
  const pieces = output.split(/(?= )/);
  const told = eventsOf(pieces, { syntax: 'json' }).filter((event) => event.type === 'tool_call');
  assert.deepEqual(told, [
    { type: 'tool_call', index: 0, name: 'f', complete: false },
    { type: 'tool_call', index: 0, arguments: '{"a":', complete: false },
    { type: 'tool_call', index: 0, arguments: ' "one', complete: false },
    { type: 'tool_call', index: 0, arguments: ' two', complete: false },
    { type: 'tool_call', index: 0, arguments: ' three"}', complete: false },
    { type: 'tool_call', index: 0, complete: true },
  ]);
});

test('a value in JSON that holds broken marks is made whole', () => {
  const output = '<TOOLCALL>[{"name": "f", "arguments": {"a": "<\u2060/think>"}}]</TOOLCALL>';
  assert.deepEqual(readOutput(output.split(''), { syntax: 'json' }), whole({ calls: ['f{"a": "</think>"}'] }));
});

function whole(expected: Partial<Read>): Read {
  const { calls = [] } = expected;
  return { ...NOTHING, ...(calls.some((call) => !call.endsWith('…')) ? { finish: 'tool_calls' } : {}), ...expected };
}
