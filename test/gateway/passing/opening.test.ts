// Which name a conversation has by its bytes: the one that the router gives it when it is read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { affinityOf, USER_CHARACTERS } from '../../../src/backends/routing/affinity.ts';
import type { Message } from '../../../src/contracts/messages.ts';
import { openingOf } from '../../../src/gateway/passing/opening.ts';
import { pick, seeded, upTo } from '../../unit/tools/seeded.ts';

function openingIn(text: string): string {
  const bytes = Buffer.from(text);
  return openingOf(bytes, { start: 0, end: bytes.length });
}

/** As clients do that write nothing but ASCII. */
function inAscii(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const PIECES = ['a', '"', '\\', '\n', 'é', '漢', '😀', '\u2028', 'word ', '</think>', '{}', '\t'] as const;

test('bytes and read messages give the same name, whatever the letters and however they are written', () => {
  const random = seeded(11);
  const textOf = (most: number) => Array.from({ length: upTo(random, most) }, () => pick(random, PIECES)).join('');
  for (let round = 0; round < 300; round += 1) {
    const system: Message[] = round % 3 === 0 ? [] : [{ role: 'system', content: textOf(300) }];
    const messages: Message[] = [
      ...system,
      { role: 'user', content: textOf(1500) },
      { role: 'assistant', content: 'x' },
    ];
    const text = JSON.stringify(messages);
    const name = affinityOf({ messages });
    assert.deepEqual(
      [openingIn(text), openingIn(inAscii(text)), openingIn(JSON.stringify(messages, null, 2))],
      [name, name, name],
    );
  }
});

test('a conversation keeps its name while it grows, and another beginning gives another', () => {
  const of = (...messages: readonly object[]) => openingIn(JSON.stringify(messages));
  const system = { role: 'system', content: 's'.repeat(1000) };
  const user = { role: 'user', content: 'fix the test' };
  const name = of(system, user);
  assert.equal(of(system, user, { role: 'assistant', content: 'a' }, { role: 'user', content: 'more' }), name);
  assert.notEqual(of(system, { ...user, content: 'fix the tests' }), name);
  assert.notEqual(of({ ...system, content: 'another' }, user), name);
});

test('parts of text count as their text, and pictures are not read', () => {
  const parts = [
    { type: 'text', text: 'what ' },
    { type: 'text', text: 'is it' },
  ] as const;
  const name = affinityOf({ messages: [{ role: 'user', content: 'what is it' }] });
  assert.equal(openingIn(JSON.stringify([{ role: 'user', content: parts }])), name);
  const picture = { type: 'image_url', image_url: { url: `data:,${'x'.repeat(100_000)}` } };
  const nameless = affinityOf({ messages: [{ role: 'user', content: '' }] });
  assert.equal(openingIn(JSON.stringify([{ role: 'user', content: [...parts, picture] }])), nameless);
});

test('only the head of a long text counts, and a request that names its conversation is known by that', () => {
  const long = 'x'.repeat(USER_CHARACTERS);
  const of = (content: string, affinity?: string) =>
    affinityOf({ messages: [{ role: 'user', content }], ...(affinity === undefined ? {} : { affinity }) });
  assert.equal(of(`${long}a`), of(`${long}b`));
  assert.notEqual(of(`${long.slice(1)}a`), of(`${long.slice(1)}b`));
  assert.deepEqual([of('a', 'run_1'), of('b', 'run_1'), of('a', '')], ['run_1', 'run_1', of('a')]);
});
