// Owns the proof that the end of an output is found wherever chunks are cut.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMarkScanner } from '../../../src/sandbox/mark.ts';

const MARK = '\u0001abcdef0123456789';

/** What comes out when the text arrives in these pieces, and whether the mark was found. */
function scan(pieces: readonly Buffer[], mark = MARK): { readonly output: string; readonly found: boolean } {
  const scanner = createMarkScanner(mark);
  const output = Buffer.concat(pieces.map((piece) => Buffer.from(scanner.feed(piece)))).toString('latin1');
  return { output, found: scanner.found() };
}

function cutAt(bytes: Buffer, ...cuts: readonly number[]): readonly Buffer[] {
  const ends = [...cuts, bytes.length];
  return ends.map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end));
}

describe('the scanner of marks', () => {
  it('finds the mark at every pair of cuts, gives all before it and nothing behind it', () => {
    const bytes = Buffer.from(`out\u0001put${MARK}behind`, 'latin1');
    for (let first = 0; first <= bytes.length; first += 1)
      for (let second = first; second <= bytes.length; second += 1)
        assert.deepEqual(
          scan(cutAt(bytes, first, second)),
          { output: 'out\u0001put', found: true },
          `${first},${second}`,
        );
  });

  it('finds it byte by byte, also alone and at once', () => {
    const bytes = Buffer.from(`a\nb${MARK}`, 'latin1');
    const single = [...bytes].map((byte) => Buffer.from([byte]));
    assert.deepEqual(scan(single), { output: 'a\nb', found: true });
    assert.deepEqual(scan([Buffer.from(MARK)]), { output: '', found: true });
  });

  it('gives a beginning of the mark back as output once it goes on otherwise', () => {
    for (let length = 1; length < MARK.length; length += 1) {
      const beginning = MARK.slice(0, length);
      assert.deepEqual(
        scan([Buffer.from(beginning), Buffer.from('!'), Buffer.from(beginning), Buffer.from(MARK)]),
        { output: `${beginning}!${beginning}`, found: true },
        `beginning of ${length}`,
      );
    }
  });

  it('holds back no more than the beginning of a mark', () => {
    const scanner = createMarkScanner(MARK);
    assert.equal(scanner.feed(Buffer.from(`abc${MARK.slice(0, 5)}`)).toString(), 'abc');
    assert.equal(scanner.feed(Buffer.from('xyz')).toString(), `${MARK.slice(0, 5)}xyz`);
    assert.deepEqual({ found: scanner.found(), next: scanner.feed(Buffer.alloc(0)).length }, { found: false, next: 0 });
  });

  it('gives nothing once it was found, and finds only the first', () => {
    assert.deepEqual(scan([Buffer.from(`a${MARK}b`), Buffer.from(`c${MARK}d`)]), { output: 'a', found: true });
  });
});
