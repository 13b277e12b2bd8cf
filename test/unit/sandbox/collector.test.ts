// Owns the proof of what is kept of an output: compared with a plain model that has everything at once.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { ExecOutput } from '../../../src/contracts/executor.ts';
import { createCollector } from '../../../src/sandbox/collector.ts';

function collect(chunks: readonly Buffer[], outputBytes: number): ExecOutput {
  const collector = createCollector({ outputBytes });
  for (const chunk of chunks) collector.add(chunk);
  return collector.finish();
}

/** Pieces of random length, some empty. */
function pieces(bytes: Buffer, random: () => number): readonly Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Math.floor(random() ** 3 * 60);
    all.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return all;
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function linesOf(text: string): number {
  return text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** The most whole characters from the beginning that fit into this many bytes. */
function fitting(characters: readonly string[], room: number): string {
  let text = '';
  for (const character of characters) {
    if (Buffer.byteLength(text) + Buffer.byteLength(character) > room) break;
    text += character;
  }
  return text;
}

/** Up to the last end of a line, if that keeps more than half of it. */
function upToLine(text: string): string {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return Buffer.byteLength(whole) > Buffer.byteLength(text) / 2 ? whole : text;
}

/** From the first beginning of a line, if that leaves out less than half of it. */
function fromLine(text: string, before: string): string {
  const left = text.slice(0, text.indexOf('\n') + 1);
  const isCut = before !== '\n' && left !== '' && Buffer.byteLength(left) < Buffer.byteLength(text) / 2;
  return isCut ? text.slice(left.length) : text;
}

/** Head and tail of whole characters, half of the room each, and of whole lines where that costs less than half. */
function model(text: string, outputBytes: number): ExecOutput {
  const bytes = Buffer.byteLength(text);
  const lines = linesOf(text);
  if (bytes <= outputBytes) return { head: text, tail: '', bytes, lines, cutBytes: 0, cutLines: 0 };
  const half = Math.floor(outputBytes / 2);
  const head = upToLine(fitting(Array.from(text), half));
  const end = Array.from(fitting(Array.from(text).toReversed(), half))
    .toReversed()
    .join('');
  const tail = fromLine(end, text.at(-end.length - 1) ?? '');
  const cut = text.slice(head.length, text.length - tail.length);
  return { head, tail, bytes, lines, cutBytes: Buffer.byteLength(cut), cutLines: cut.split('\n').length - 1 };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-collector-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const LETTERS = ['a', '\n', 'ä', '\n', '€', 'z', '🙂', '\u0000', '\u0001'];

describe('the collector of an output', () => {
  it('agrees with the plain model on 2000 random outputs, rooms and cuts', () => {
    for (let seed = 1; seed <= 2000; seed += 1) {
      const random = randomFrom(seed);
      const count = Math.floor(random() * 120);
      const text = Array.from({ length: count }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('');
      const room = 8 + Math.floor(random() * 100);
      assert.deepEqual(collect(pieces(Buffer.from(text), random), room), model(text, room), `seed ${seed}`);
    }
  });

  it('cuts at every position of a character without leaving a half of it', () => {
    const text = 'aä€🙂'.repeat(10);
    for (let room = 8; room < Buffer.byteLength(text) + 2; room += 1)
      assert.deepEqual(collect([Buffer.from(text)], room), model(text, room), `room ${room}`);
  });

  it('counts bytes that are no text, and decodes them as U+FFFD', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xfe, 0x0a, 0xc3]);
    assert.deepEqual(collect([bytes], 100), {
      head: 'a\uFFFD\uFFFD\n\uFFFD',
      tail: '',
      bytes: 5,
      lines: 2,
      cutBytes: 0,
      cutLines: 0,
    });
    const { bytes: all, head, tail, cutBytes } = collect([Buffer.alloc(50, 0x80)], 8);
    assert.deepEqual(
      { all, cutBytes, head, tail },
      { all: 50, cutBytes: 50 - 4 - 1, head: '\uFFFD'.repeat(4), tail: '\uFFFD' },
    );
  });

  it('keeps the whole in the file only once it is longer than the room', (t) => {
    const folder = folderOf(t);
    const keep = { hostPath: join(folder, 'exe.log'), insidePath: '/inside/exe.log' };
    const short = createCollector({ outputBytes: 10, keep });
    short.add(Buffer.from('0123456789'));
    assert.deepEqual(short.finish(), { head: '0123456789', tail: '', bytes: 10, lines: 1, cutBytes: 0, cutLines: 0 });
    assert.deepEqual(readdirSync(folder), []);
    const long = createCollector({ outputBytes: 10, keep });
    for (const text of ['0123', '456789', 'a', 'bc\nd']) long.add(Buffer.from(text));
    assert.deepEqual(long.finish(), { ...model('0123456789abc\nd', 10), path: '/inside/exe.log' });
    assert.equal(readFileSync(keep.hostPath, 'utf8'), '0123456789abc\nd');
  });

  it('overwrites nothing: a file or a link that is there already means that nothing is kept', (t) => {
    const folder = folderOf(t);
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'mine');
    symlinkSync(join(folder, 'not-there'), join(folder, 'dangling'));
    symlinkSync(victim, join(folder, 'link'));
    for (const name of ['victim', 'link', 'dangling', 'no-folder/file']) {
      const collector = createCollector({ outputBytes: 4, keep: { hostPath: join(folder, name), insidePath: name } });
      collector.add(Buffer.from('longer than four'));
      collector.add(Buffer.from(' and more'));
      assert.deepEqual(collector.finish(), model('longer than four and more', 4), name);
    }
    assert.equal(readFileSync(victim, 'utf8'), 'mine');
    assert.deepEqual(readdirSync(folder).toSorted(), ['dangling', 'link', 'victim']);
    assert.equal(readlinkSync(join(folder, 'dangling')), join(folder, 'not-there'));
  });

  it('goes on without the file when it can grow no more, and names no path', (t) => {
    const folder = folderOf(t);
    const program = `
      import { createCollector } from ${JSON.stringify(new URL('../../../src/sandbox/collector.ts', import.meta.url).href)};
      const keep = { hostPath: ${JSON.stringify(join(folder, 'kept'))}, insidePath: '/x' };
      const collector = createCollector({ outputBytes: 4, keep });
      for (let count = 0; count < 10; count += 1) collector.add(Buffer.from('0123456789'.repeat(100)));
      process.stdout.write(JSON.stringify(collector.finish()));`;
    const args = ['--fsize=4096', process.execPath, '--input-type=module', '-e', program];
    const output: unknown = JSON.parse(execFileSync('prlimit', args, { encoding: 'utf8' }));
    assert.deepEqual(output, model('0123456789'.repeat(1000), 4));
    assert.equal(statSync(join(folder, 'kept')).size, 4096, 'positive control: it was kept up to the ceiling');
  });

  it('holds no more in memory than its room, however much comes', () => {
    const collector = createCollector({ outputBytes: 1024 });
    for (let count = 0; count < 500; count += 1) collector.add(Buffer.alloc(64 * 1024, 'y\n'));
    const { bytes, lines, cutBytes, cutLines } = collector.finish();
    const all = 500 * 64 * 1024;
    assert.deepEqual(
      { bytes, lines, cutBytes, cutLines },
      { bytes: all, lines: all / 2, cutBytes: all - 1024, cutLines: (all - 1024) / 2 },
    );
  });
});
