// Owns tests of the text of results. Knows nothing beside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputResult, takeHead, textResult } from '../../../src/tools/result-text.ts';
import { pick, seeded, upTo } from './seeded.ts';

test('a result never exceeds its bytes, shows start and end, and counts exactly what lies between', () => {
  const pieces = ['a', 'é', '漢', '😀', '\n', 'word '] as const;
  for (let seed = 1; seed <= 2000; seed += 1) {
    const random = seeded(seed * 31);
    const text = Array.from({ length: upTo(random, 900) }, () => pick(random, pieces)).join('');
    const max = 120 + upTo(random, 600);
    const { output, cut } = textResult({ status: 'ok' }, 'ok', text, max);
    assert.ok(Buffer.byteLength(output) <= max && output.isWellFormed() && !output.includes('\uFFFD'), `seed ${seed}`);
    if (cut === undefined) {
      assert.equal(output, text === '' ? 'ok' : `ok\n\n${text}`);
      continue;
    }
    const note = `[… ${cut.bytes} bytes, ${cut.lines} lines left out …]\n`;
    const [before = '', tail = ''] = output.split(note);
    const shown = before.slice('ok\n\n'.length);
    const head = text.startsWith(shown) && shown.length + tail.length < text.length ? shown : shown.slice(0, -1);
    assert.ok(text.startsWith(head) && text.endsWith(tail), `seed ${seed}`);
    const readings = [head, head.replace(/\n$/, '')].map((start) =>
      text.slice(start.length, text.length - tail.length),
    );
    assert.ok(
      readings.some((left) => Buffer.byteLength(left) === cut.bytes && left.split('\n').length - 1 === cut.lines),
      `seed ${seed}`,
    );
  }
});

test('what the executor had cut and what is cut beyond it are counted together', () => {
  const output = {
    head: 'a\n'.repeat(100),
    tail: 'b\n'.repeat(100),
    bytes: 10_000,
    lines: 5000,
    cutBytes: 9600,
    cutLines: 4800,
    path: '/o',
  };
  const result = outputResult({ status: 'failed', exitCode: 1 }, 'exit status: 1', output, 200);
  const left = 9600 + 400 - (result.output.match(/[ab]\n/g)?.length ?? 0) * 2;
  assert.deepEqual(result.cut, { bytes: left, lines: left === 0 ? 0 : 4800 + (left - 9600) / 2, path: '/o' });
  assert.ok(Buffer.byteLength(result.output) <= 200);
});

test('bytes that are no text take three bytes each and still fit', () => {
  const head = '\uFFFD'.repeat(3776);
  const output = { head, tail: '', bytes: 3776, lines: 1, cutBytes: 0, cutLines: 0 };
  const result = outputResult({ status: 'ok' }, 'exit status: 0', output, 8192);
  assert.ok(Buffer.byteLength(result.output) <= 8192);
  assert.match(result.output, /^exit status: 0\n\n\uFFFD+\n\[… \d+ bytes, 0 lines left out …\]\n\uFFFD+$/);
});

test('a head is never cut within a character', () => {
  const seen = Array.from({ length: 9 }, (_, bytes) => takeHead('aé😀b', bytes));
  assert.deepEqual(seen, ['', 'a', 'a', 'aé', 'aé', 'aé', 'aé', 'aé😀', 'aé😀b']);
});
