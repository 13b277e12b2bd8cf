// Owns the proof that secrets are found where they are, and that what only looks like one is let be.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findSecrets } from '../../../../src/workspace/leaks/find.ts';
import { createMasker, maskSecrets } from '../../../../src/workspace/leaks/mask.ts';
import { drawn, NEAR_MISSES, POSITIVES } from './samples.ts';

describe('the search for secrets', () => {
  it('has at least sixty secrets and sixty near misses to prove itself on', () => {
    assert.ok(POSITIVES.length >= 60 && NEAR_MISSES.length >= 60, `${POSITIVES.length} and ${NEAR_MISSES.length}`);
  });

  for (const [at, { kind, secret, text }] of POSITIVES.entries())
    it(`finds ${kind} in sample ${at}, exactly`, () => {
      const found = findSecrets(text).map((one) => ({ kind: one.kind, secret: text.slice(one.start, one.end) }));
      assert.deepEqual(found, [{ kind, secret }]);
    });

  for (const [at, text] of NEAR_MISSES.entries())
    it(`lets near miss ${at} be: ${text.split('\n')[0]?.slice(0, 40)}`, () => {
      assert.deepEqual(findSecrets(text), []);
    });

  it('takes time in proportion to the text, also where the text was made to take long', () => {
    const evil = [
      'a',
      '=',
      '=a',
      '-----BEGIN PRIVATE KEY-----\n',
      'eyJaaaaaaaaaaa.',
      '://a:',
      'token=',
      'xoxb-12345678-',
      ' ',
    ];
    for (const piece of evil) {
      const [small, large] = [60_000, 600_000].map((length) => stepsOf(piece.repeat(Math.ceil(length / piece.length))));
      assert.ok((large ?? 0) < 60 * Math.max(small ?? 0, 5), `${JSON.stringify(piece)}: ${small} ms, then ${large} ms`);
    }
  });
});

function stepsOf(text: string): number {
  const began = performance.now();
  findSecrets(text);
  return performance.now() - began;
}

describe('the masking of secrets', () => {
  it('names the kind and keeps everything else', () => {
    const secret = `ghp_${drawn(36, 1)}`;
    assert.deepEqual(maskSecrets(`a ${secret} b\nc`), {
      text: 'a [masked: GitHub token] b\nc',
      kinds: ['GitHub token'],
    });
    assert.deepEqual(maskSecrets('nothing'), { text: 'nothing', kinds: [] });
  });

  it('leaves no secret, changes nothing a second time, and keeps JSON what it was', () => {
    for (const { secret, text } of POSITIVES) {
      const json = JSON.stringify({ role: 'tool', content: text });
      const masked = maskSecrets(json);
      assert.ok(!masked.text.includes(JSON.stringify(secret).slice(1, -1)), text);
      assert.deepEqual(maskSecrets(masked.text), { text: masked.text, kinds: [] });
      assert.equal((JSON.parse(masked.text) as { role: string }).role, 'tool');
    }
  });

  it('is the same whatever pieces a text comes in', () => {
    const random = dice(3);
    for (let round = 0; round < 300; round += 1) {
      const text = someText(random);
      const masker = createMasker();
      let told = '';
      for (let at = 0; at < text.length;) {
        const length = 1 + random(random(4) === 0 ? 2000 : 40);
        told += masker.push(text.slice(at, at + length));
        at += length;
      }
      assert.equal(told + masker.end(), maskSecrets(text).text);
    }
  });
});

function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * sides);
  };
}

const BETWEEN = ['\n', '\n\n', ' ', '"', '\\n', '\n-----BEGIN ', '\n-----END ', 'x', '=', '\r\n'];

function someText(random: (sides: number) => number): string {
  let text = '';
  for (let part = 0; part < 1 + random(8); part += 1) {
    const samples = random(2) === 0 ? POSITIVES.map((one) => one.text) : NEAR_MISSES;
    text += (samples[random(samples.length)] ?? '') + (BETWEEN[random(BETWEEN.length)] ?? '');
  }
  return text;
}
