// Owns tests of edits and patches with random texts that are the same in every run. Knows nothing beside.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { editTool } from '../../../src/tools/edit.ts';
import { replaceExactly } from '../../../src/tools/exact-replace.ts';
import { applyHunks } from '../../../src/tools/patch-hunks.ts';
import { type Hunk, type HunkLine, parsePatch } from '../../../src/tools/patch-text.ts';
import { localShell } from './bash-executor.ts';
import { pick, seeded, upTo } from './seeded.ts';

const PIECES = [
  'a',
  'b',
  ' ',
  '\t',
  '$&',
  '$1',
  '\\',
  "'",
  '"',
  '`',
  'é',
  '😀',
  '漢字',
  '*** ',
  '@@',
  '+',
  '-',
  '{',
  '}',
  '%s',
] as const;

function randomLine(random: () => number): string {
  return Array.from({ length: upTo(random, 6) }, () => pick(random, PIECES)).join('');
}

function randomLines(random: () => number, most: number): string[] {
  return Array.from({ length: upTo(random, most) }, () => randomLine(random));
}

test('replacing a random piece gives the text with that piece replaced, or says that it is not unique', () => {
  let replaced = 0;
  for (let seed = 1; seed <= 3000; seed += 1) {
    const random = seeded(seed);
    const text = randomLines(random, 12).join('\n') + pick(random, ['', '\n']);
    const from = upTo(random, text.length);
    const old = text.slice(from, from + 1 + upTo(random, 12)).toWellFormed();
    const next = randomLines(random, 3).join('\n');
    if (old === '' || !text.includes(old)) continue;
    const result = replaceExactly(text, old, next, false);
    const unique = text.indexOf(old) === text.lastIndexOf(old);
    const at = text.indexOf(old);
    if (unique) {
      replaced += 1;
      const line = text.slice(0, at).split('\n').length;
      const expected = text.slice(0, at) + next + text.slice(at + old.length);
      assert.deepEqual(result, { ok: true, text: expected, count: 1, lines: [line] }, `seed ${seed}`);
    } else assert.equal(result.ok, false, `seed ${seed}`);
  }
  assert.ok(replaced > 1000);
});

interface Edit {
  readonly before: string[];
  readonly after: string[];
  readonly hunks: Hunk[];
}

/** Random lines, changed at some places; the hunks say so with up to three lines of context. */
function randomEdit(random: () => number): Edit {
  const before = randomLines(random, 30);
  const after: string[] = [];
  const hunks: Hunk[] = [];
  let lines: HunkLine[] = [];
  let sinceChange = 99;
  const flush = () => {
    if (lines.some((line) => line.sign !== ' ')) hunks.push({ anchors: [], lines, atEnd: false, at: 0 });
    lines = [];
  };
  for (const text of before) {
    const change = pick(random, ['keep', 'keep', 'keep', 'keep', 'drop', 'add', 'swap']);
    if (change === 'keep') {
      after.push(text);
      sinceChange += 1;
      lines.push({ sign: ' ', text });
      if (sinceChange > 3) {
        const wasHunk = lines.some((line) => line.sign !== ' ');
        if (wasHunk) flush();
        else lines = lines.slice(-3);
      }
      continue;
    }
    sinceChange = 0;
    if (change === 'drop' || change === 'swap') lines.push({ sign: '-', text });
    if (change === 'add' || change === 'swap') {
      const added = randomLine(random);
      after.push(added);
      lines.push({ sign: '+', text: added });
    }
    if (change === 'add') {
      after.push(text);
      lines.push({ sign: ' ', text });
    }
  }
  flush();
  return { before, after, hunks };
}

function patchText(path: string, hunks: readonly Hunk[]): string {
  const lines = hunks.flatMap((hunk) => ['@@', ...hunk.lines.map((line) => line.sign + line.text)]);
  return ['*** Begin Patch', `*** Update File: ${path}`, ...lines, '*** End Patch'].join('\n');
}

function fileText(lines: readonly string[], end: string, last: string): string {
  return lines.length === 0 ? '' : lines.join(end) + last;
}

test('a random patch gives the intended text exactly, or is refused and never gives another', () => {
  let fitted = 0;
  let refused = 0;
  for (let seed = 1; seed <= 4000; seed += 1) {
    const random = seeded(seed * 7919);
    const { before, after, hunks } = randomEdit(random);
    const end = pick(random, ['\n', '\r\n']);
    const last = pick(random, [end, '']);
    if (hunks.length === 0 || after.length === 0 || before.length < 2) continue;
    if (last === '' && (before.at(-1) === '' || after.at(-1) === '')) continue;
    const parsed = parsePatch(patchText('a', hunks));
    assert.ok(parsed.ok, `seed ${seed}`);
    const [file] = parsed.value;
    assert.ok(file?.kind === 'update', `seed ${seed}`);
    const result = applyHunks(fileText(before, end, last), file.hunks);
    if (!result.ok) {
      refused += 1;
      continue;
    }
    fitted += 1;
    assert.equal(result.text, fileText(after, end, last), `seed ${seed}`);
  }
  assert.ok(fitted > 1500 && refused < fitted, `${fitted} fitted, ${refused} refused`);
});

test('random edits through the shell leave exactly the intended bytes', async (t) => {
  const { context, work } = localShell(t);
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = seeded(seed * 104_729);
    const lines = [...randomLines(random, 30), 'the one place'];
    const text = lines.join(pick(random, ['\n', '\r\n']));
    const next = randomLines(random, 5).join('\n').trim() || 'x';
    writeFileSync(join(work, 'a'), text);
    const value = { path: 'a', old: 'the one place', new: next, all: false };
    const result = await editTool.execute({ form: 'replace', replacement: value }, context);
    const crlf = text.includes('\r\n');
    const expected = text.replace('the one place', () => (crlf ? next.replaceAll('\n', '\r\n') : next));
    assert.equal(result.status, 'ok', `seed ${seed}`);
    assert.equal(readFileSync(join(work, 'a'), 'utf8'), expected, `seed ${seed}`);
  }
});
