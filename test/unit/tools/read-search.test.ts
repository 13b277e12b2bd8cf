// Owns tests of `read` and `search`. Knows nothing beside.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ToolContext, ToolResult } from '../../../src/contracts/tools.ts';
import { readTool } from '../../../src/tools/read.ts';
import { searchTool } from '../../../src/tools/search.ts';
import { localShell } from './bash-executor.ts';

function read(context: ToolContext, value: unknown): Promise<ToolResult> {
  const parsed = readTool.parse(value);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.message);
  return readTool.execute(parsed.value, context);
}

function search(context: ToolContext, value: unknown): Promise<ToolResult> {
  const parsed = searchTool.parse(value);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.message);
  return searchTool.execute(parsed.value, context);
}

test('read numbers the lines and says which of how many', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'a.txt'), 'one\n\ttwo\n\nfour');
  assert.deepEqual(await read(context, { path: 'a.txt' }), {
    status: 'ok',
    output: 'ok\na.txt, lines 1-4 of 4\n\n1|one\n2|\ttwo\n3|\n4|four\n',
  });
  assert.deepEqual(await read(context, { path: join(work, 'a.txt'), from_line: '2', lines: 1 }), {
    status: 'ok',
    output: 'ok\na.txt, lines 2-2 of 4\n\n2|\ttwo\n',
  });
  assert.deepEqual(await read(context, { path: 'a.txt', from_line: 3, lines: null }), {
    status: 'ok',
    output: 'ok\na.txt, lines 3-4 of 4\n\n3|\n4|four\n',
  });
  assert.deepEqual(await read(context, { path: 'a.txt', from_line: 5 }), {
    status: 'failed',
    output: 'failed: a.txt has only 4 lines',
  });
});

test('reading on from the line that is named shows every line once', async (t) => {
  const { context, work } = localShell(t);
  const lines = Array.from({ length: 700 }, (_, at) => `line ${at + 1} ${'é'.repeat(at % 60)}`);
  writeFileSync(join(work, 'long.txt'), `${lines.join('\n')}\n`);
  const seen: string[] = [];
  for (let from: number | undefined = 1; from !== undefined;) {
    const { output } = await read(context, { path: 'long.txt', from_line: from });
    assert.ok(Buffer.byteLength(output) <= LIMITS.toolResultBytes);
    const [, ...shown] = output.split('\n\n');
    seen.push(...(shown.join('\n\n').match(/^\d+\|.*$/gm) ?? []));
    from = Number(/^\[lines \d+-700 are not shown: read with from_line (\d+)\]$/m.exec(output)?.[1] ?? 0) || undefined;
  }
  assert.deepEqual(
    seen,
    lines.map((line, at) => `${at + 1}|${line}`),
  );
});

test('a line of a mebibyte is shown in part and said to be', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'long.txt'), `short\n${'é'.repeat(1 << 19)}\nend\n`);
  const first = await read(context, { path: 'long.txt' });
  assert.equal(
    first.output,
    'ok\nlong.txt, lines 1-1 of 3\n\n1|short\n[lines 2-3 are not shown: read with from_line 2]\n',
  );
  const { output } = await read(context, { path: 'long.txt', from_line: 2 });
  assert.match(
    output,
    /^ok\nlong\.txt, lines 2-2 of 3\n\n2\|é{3000,4096}\n\[line 2 is too long to be shown whole: .*\]\n$/,
  );
  assert.ok(Buffer.byteLength(output) <= LIMITS.toolResultBytes);
});

test('read says what is no text: empty, missing, binary, a pipe, other encodings, CRLF', async (t) => {
  const { context, work, say } = localShell(t);
  writeFileSync(join(work, 'empty'), '');
  writeFileSync(join(work, 'binary'), Buffer.from('\x7fELF\0\x01'));
  writeFileSync(join(work, 'latin'), Buffer.from([0x63, 0xe9, 0x0a]));
  writeFileSync(join(work, 'dos'), 'one\r\ntwo\r\n');
  await say('mkfifo pipe');
  const outputs: string[] = [];
  for (const path of ['empty', 'missing', 'binary', 'pipe', 'latin', 'dos'])
    outputs.push((await read(context, { path })).output);
  assert.deepEqual(outputs, [
    'ok\nempty is empty',
    'failed: there is no missing',
    'failed: binary is binary, 6 bytes; look at it with bash (file, xxd, strings)',
    'failed: pipe is neither a regular file nor a directory',
    'ok\nlatin, lines 1-1 of 1; not UTF-8: bytes that are no text are shown as U+FFFD\n\n1|c\uFFFD\n',
    'ok\ndos, lines 1-2 of 2; line ends are CRLF\n\n1|one\n2|two\n',
  ]);
});

test('a directory is listed with sizes, odd names quoted', async (t) => {
  const { context, work } = localShell(t);
  mkdirSync(join(work, 'src'));
  writeFileSync(join(work, '-a b'), 'four');
  writeFileSync(join(work, '.hidden'), '');
  writeFileSync(join(work, 'line\nend'), '1');
  symlinkSync('nowhere', join(work, 'link'));
  assert.deepEqual(await read(context, { path: '.' }), {
    status: 'ok',
    output:
      'ok\n. is a directory with 5 entries\n\n"line\\nend" (1 bytes)\n-a b (4 bytes)\n.hidden (0 bytes)\nlink (link)\nsrc/\n',
  });
});

test('search finds by path order, in the work tree whatever the directory of the shell', async (t) => {
  const { context, work, say } = localShell(t);
  mkdirSync(join(work, '.git'));
  mkdirSync(join(work, 'src/deep'), { recursive: true });
  mkdirSync(join(work, '.github'));
  writeFileSync(join(work, '.git/config'), 'needle\n');
  writeFileSync(join(work, '.gitignore'), 'ignored\n');
  writeFileSync(join(work, 'ignored'), 'needle\n');
  writeFileSync(join(work, '.github/ci.yml'), 'needle: 1\n');
  writeFileSync(join(work, 'src/b.ts'), 'x\nNeedle\n./needle\n');
  writeFileSync(join(work, 'src/deep/a b.js'), 'needle $& end\n');
  await say('cd src/deep');
  const found = async (value: unknown) => search(context, value);
  assert.deepEqual(await found({ pattern: 'needle' }), {
    status: 'ok',
    output: 'ok\n3 lines match\n\n.github/ci.yml:1:needle: 1\nsrc/b.ts:3:./needle\nsrc/deep/a b.js:1:needle $& end\n',
  });
  assert.deepEqual(await found({ pattern: '^needle', path: 'src', glob: '*.ts', ignore_case: 'true' }), {
    status: 'ok',
    output: 'ok\n1 line matches\n\nsrc/b.ts:2:Needle\n',
  });
  assert.deepEqual(await found({ pattern: 'needle', path: 'src/deep/a b.js', glob: '' }), {
    status: 'ok',
    output: 'ok\n1 line matches\n\nsrc/deep/a b.js:1:needle $& end\n',
  });
});

test('search says no in words: no match, no regular expression, no such path, no ripgrep', async (t) => {
  const { context, work, say } = localShell(t);
  writeFileSync(join(work, 'a.txt'), 'x\n');
  const outputs = [];
  for (const value of [{ pattern: '-e y', glob: '*.ts' }, { pattern: 'f(' }, { pattern: 'x', path: 'gone' }])
    outputs.push(await search(context, value));
  await say('PATH=/usr/bin:/bin');
  outputs.push(await search(context, { pattern: 'x' }));
  assert.deepEqual(
    outputs.map(({ status, output }) => [status, output.split('\n')[0]]),
    [
      ['failed', 'failed: no line matches "-e y", files *.ts'],
      ['failed', 'failed: the search could not be made; is the pattern a regular expression and the path there?'],
      [
        'failed',
        'failed: the search could not be made in gone; is the pattern a regular expression and the path there?',
      ],
      ['failed', 'failed: ripgrep is not there; search with bash, grep -rn'],
    ],
  );
  assert.match(outputs[1]?.output ?? '', /unclosed group/);
});

test('many matches are cut in the middle with exact counts', async (t) => {
  const { context, work } = localShell(t);
  const lines = Array.from({ length: 2000 }, (_, at) => `needle ${at}`);
  writeFileSync(join(work, 'a.txt'), `${lines.join('\n')}\n`);
  const { output, cut } = await search(context, { pattern: 'needle' });
  const whole = lines.map((line, at) => `a.txt:${at + 1}:${line}\n`).join('');
  const [head = '', tail = ''] = output.replace('ok\n2000 lines match\n\n', '').split(/\n?\[… .* …\]\n/);
  assert.ok(Buffer.byteLength(output) <= LIMITS.toolResultBytes);
  assert.ok(whole.startsWith(head) && whole.endsWith(tail));
  assert.ok(head.length > 3000 && tail.length > 3000);
  assert.match(output, /\n\[… \d+ bytes, \d+ lines left out; whole output: \S+ …\]\n/);
  assert.ok((cut?.lines ?? 0) > 1000);
});
