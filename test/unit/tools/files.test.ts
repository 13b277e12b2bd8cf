// Owns tests of `edit` and `write` on real files through a live shell. Knows nothing beside.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { editTool } from '../../../src/tools/edit.ts';
import { writeTool } from '../../../src/tools/write.ts';
import type { ToolContext, ToolResult } from '../../../src/contracts/tools.ts';
import { LIMITS, narrowLimits } from '../../../src/base/limits.ts';
import { localShell } from './bash-executor.ts';

function edit(context: ToolContext, value: unknown): Promise<ToolResult> {
  const read = editTool.parse(value);
  assert.ok(read.ok, read.ok ? '' : read.message);
  return editTool.execute(read.value, context);
}

function write(context: ToolContext, path: string, content: string): Promise<ToolResult> {
  return writeTool.execute({ path, content }, context);
}

test('edit replaces the one place, keeps the mode and says the line', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'run.sh'), '#!/bin/sh\necho one\necho two\n');
  chmodSync(join(work, 'run.sh'), 0o750);
  const result = await edit(context, { path: 'run.sh', old: 'echo two', new: 'echo $& $1 `three`' });
  assert.deepEqual(result, { status: 'ok', output: 'ok\nrun.sh: replaced at line 3' });
  assert.equal(readFileSync(join(work, 'run.sh'), 'utf8'), '#!/bin/sh\necho one\necho $& $1 `three`\n');
  assert.equal(statSync(join(work, 'run.sh')).mode & 0o777, 0o750);
});

test('edit says why it cannot: missing, not unique, white space, line numbers, nothing alike', async (t) => {
  const { context, work } = localShell(t);
  const text = 'function a() {\n\treturn 1;\n}\nfunction b() {\n\treturn 1;\n}\n';
  writeFileSync(join(work, 'a.js'), text);
  const outputs = [];
  for (const [path, old] of [
    ['b.js', 'x'],
    ['a.js', 'return 1;'],
    ['a.js', 'function b() {\n  return 1;\n}'],
    ['a.js', '2|\treturn 1;\n3|}'],
    ['a.js', 'function c(x) {'],
    ['a.js', '完全に別のもの'],
    ['.', 'x'],
  ] as const)
    outputs.push(await edit(context, { path, old, new: 'y' }));
  const failed = (output: string) => ({ status: 'failed', output });
  assert.deepEqual(outputs, [
    failed('failed: there is no b.js; to make it use write'),
    failed(
      'failed: a.js: "old" occurs 2 times, at lines 2, 5: add lines around it until it is unique, or give all: true',
    ),
    failed(
      'failed: a.js: "old" differs from the file only in white space. The file has:\n\n4|function b() {\n5|\treturn 1;\n6|}\n',
    ),
    failed('failed: a.js: "old" holds line numbers as read shows them: leave out `number|`'),
    failed(
      'failed: a.js: "old" does not occur. The closest lines of the file:\n\n1|function a() {\n2|\treturn 1;\n3|}\n',
    ),
    failed('failed: a.js: "old" does not occur, and nothing like it'),
    failed('failed: . cannot be edited: it is a directory'),
  ]);
  assert.equal(readFileSync(join(work, 'a.js'), 'utf8'), text);
});

test('edit with all replaces every place', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'a.txt'), 'aaa\nb\naa\n');
  const result = await edit(context, { path: 'a.txt', old: 'a', new: 'é', all: 'true' });
  assert.deepEqual(result, { status: 'ok', output: 'ok\na.txt: replaced 5 times, at lines 1, 1, 1, 3, 3' });
  assert.equal(readFileSync(join(work, 'a.txt'), 'utf8'), 'ééé\nb\néé\n');
});

test('places that overlap are not unique', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'a.txt'), 'aaa');
  const result = await edit(context, { path: 'a.txt', old: 'aa', new: 'b' });
  assert.equal(result.status, 'failed');
  assert.equal(readFileSync(join(work, 'a.txt'), 'utf8'), 'aaa');
});

test('CRLF files keep their line ends, files of both kinds are taken as they are', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'dos.txt'), 'one\r\ntwo\r\nthree\r\n');
  writeFileSync(join(work, 'both.txt'), 'one\r\ntwo\nthree');
  await edit(context, { path: 'dos.txt', old: 'two\nthree', new: '2\n2.5\n3' });
  await edit(context, { path: 'both.txt', old: 'two\nthree', new: '2\n3' });
  assert.equal(readFileSync(join(work, 'dos.txt'), 'utf8'), 'one\r\n2\r\n2.5\r\n3\r\n');
  assert.equal(readFileSync(join(work, 'both.txt'), 'utf8'), 'one\r\n2\n3');
});

test('what is not UTF-8 text of a fitting size is refused in words and left as it is', async (t) => {
  const { context, work } = localShell(t);
  const contents = {
    latin: Buffer.from([0x63, 0x61, 0x66, 0xe9]),
    // A cut sequence that decodes to a replacement character of the same length.
    cut: Buffer.from([0x61, 0xf0, 0x9f, 0x98]),
    binary: Buffer.from('a\0b'),
    large: Buffer.alloc(4 * 1024 * 1024 + 1, 'a'),
  };
  const why: string[] = [];
  for (const [name, bytes] of Object.entries(contents)) {
    writeFileSync(join(work, name), bytes);
    why.push((await edit(context, { path: name, old: 'a', new: 'b' })).output);
    assert.deepEqual(readFileSync(join(work, name)), bytes);
  }
  assert.deepEqual(why, [
    'failed: latin cannot be edited: it is not UTF-8 text; use bash',
    'failed: cut cannot be edited: it is not UTF-8 text; use bash',
    'failed: binary cannot be edited: it is binary, not text',
    'failed: large cannot be edited: it has 4194305 bytes, more than the 4194304 that can be edited; use bash',
  ]);
});

test('a byte order mark, a genuine U+FFFD and a line of a mebibyte survive an edit', async (t) => {
  const { context, work } = localShell(t);
  const long = 'x'.repeat(1 << 20);
  writeFileSync(join(work, 'a.txt'), `\uFEFF\uFFFD ${long}\nend`);
  const result = await edit(context, { path: 'a.txt', old: 'end', new: '😀' });
  assert.deepEqual(result, { status: 'ok', output: 'ok\na.txt: replaced at line 2' });
  assert.equal(readFileSync(join(work, 'a.txt'), 'utf8'), `\uFEFF\uFFFD ${long}\n😀`);
});

test('any name is only a name', async (t) => {
  const { context, work } = localShell(t);
  const names = [
    '-rf',
    'a b',
    "it's",
    '"q"',
    '$HOME',
    '`id`',
    '$(touch pwned)',
    'line\nend',
    'end\n',
    '*',
    'é',
    ';',
    '~',
    '#x',
    '\\',
    '!!',
    '-- ',
  ];
  for (const name of names) {
    const made = await write(context, name, `${name} one`);
    const changed = await edit(context, { path: `./${name}`, old: ' one', new: ' two' });
    assert.deepEqual([made.status, changed.status], ['ok', 'ok'], name);
    assert.equal(readFileSync(join(work, name), 'utf8'), `${name} two`);
  }
  assert.equal(existsSync(join(work, 'pwned')), false);
});

test('write makes directories, takes the mode of what it replaces, and leaves nothing beside it', async (t) => {
  const { context, work, say } = localShell(t);
  assert.deepEqual(await write(context, 'a/b c/d.txt', 'text'), {
    status: 'ok',
    output: 'ok\nwrote 4 bytes to a/b c/d.txt',
  });
  chmodSync(join(work, 'a/b c/d.txt'), 0o600);
  await write(context, join(work, 'a/b c/d.txt'), '');
  await say('umask 027');
  await write(context, 'new', 'x');
  assert.equal(readFileSync(join(work, 'a/b c/d.txt'), 'utf8'), '');
  assert.equal(statSync(join(work, 'a/b c/d.txt')).mode & 0o777, 0o600);
  assert.equal(statSync(join(work, 'new')).mode & 0o777, 0o640);
  assert.equal(await say(`find ${work} -name ".caisson*"`), '');
});

test('a link stays a link and its file is changed', async (t) => {
  const { context, work } = localShell(t);
  mkdirSync(join(work, 'real'));
  writeFileSync(join(work, 'real/a.txt'), 'one');
  symlinkSync('real/a.txt', join(work, 'link'));
  symlinkSync('real/later.txt', join(work, 'dangling'));
  await edit(context, { path: 'link', old: 'one', new: 'two' });
  await write(context, 'dangling', 'made');
  assert.deepEqual(
    [
      readlinkSync(join(work, 'link')),
      readFileSync(join(work, 'real/a.txt'), 'utf8'),
      readFileSync(join(work, 'real/later.txt'), 'utf8'),
    ],
    ['real/a.txt', 'two', 'made'],
  );
});

test('a failed write says what the system said and leaves the old file', async (t) => {
  const { context, work, say } = localShell(t);
  writeFileSync(join(work, 'a'), 'old');
  mkdirSync(join(work, 'dir'));
  await say('ulimit -f 1');
  const outputs = [
    await write(context, 'a', 'x'.repeat(100_000)),
    await write(context, 'dir', 'x'),
    await write(context, 'a/b', 'x'),
  ];
  assert.deepEqual(
    outputs.map((result) => result.status),
    ['failed', 'failed', 'failed'],
  );
  assert.match(outputs[1]?.output ?? '', /^failed: dir could not be changed: it is a directory$/);
  assert.match(outputs[2]?.output ?? '', /^failed: a\/b could not be changed: /);
  assert.equal(readFileSync(join(work, 'a'), 'utf8'), 'old');
});

test('the live shell keeps its directory, variables and options, and its own changes do not reach the tools', async (t) => {
  const { context, work, say } = localShell(t);
  writeFileSync(join(work, 'a.txt'), 'one\n');
  const poison = [
    'mkdir -p sub && cd sub && keep=kept && set -x -u && umask 022',
    ...[
      'cat',
      'mv',
      'chmod',
      'mktemp',
      'base64',
      'wc',
      'exec',
      'command',
      'builtin',
      'unset',
      'env',
      'echo',
      'readlink',
      'test',
      '[',
    ].map((name) => `function ${name} { printf hacked; }`),
    'function /usr/bin/env { printf hacked; }',
    "shopt -s expand_aliases; alias exec='printf hacked'",
    'export PATH=/nowhere BASH_ENV=/nowhere/env LD_PRELOAD=/nowhere/lib.so ENV=/nowhere/env',
    "trap 'printf debug' DEBUG; set -T",
    'p=poison t=poison d=poison m=poison',
  ];
  for (const line of poison) await say(line);
  const edited = await edit(context, { path: 'a.txt', old: 'one', new: 'two' });
  const written = await write(context, 'b.txt', 'three');
  assert.deepEqual([edited.output, written.output], ['ok\na.txt: replaced at line 1', 'ok\nwrote 5 bytes to b.txt']);
  assert.deepEqual(
    [readFileSync(join(work, 'a.txt'), 'utf8'), readFileSync(join(work, 'b.txt'), 'utf8')],
    ['two\n', 'three'],
  );
  await say('trap - DEBUG; set +xuT');
  assert.equal(await say('printf "%s %s %s" "$PWD" "$keep" "$p"'), `${join(work, 'sub')} kept poison`);
});

test('a live shell whose directory is gone still edits', async (t) => {
  const { context, work, say } = localShell(t);
  await say('mkdir gone && cd gone && rmdir ../gone');
  assert.equal((await write(context, 'a.txt', 'x')).status, 'ok');
  assert.equal(readFileSync(join(work, 'a.txt'), 'utf8'), 'x');
});

test('a live shell that feeds another text than was sent changes no file', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'a.txt'), 'old');
  const feeds: ToolContext = { ...context, exec: (request) => context.exec({ ...request, stdin: 'tex\u0074!' }) };
  assert.deepEqual(await write(feeds, 'a.txt', 'text?'), {
    status: 'failed',
    output: 'failed: a.txt could not be changed: another text arrived than was sent',
  });
  assert.equal(readFileSync(join(work, 'a.txt'), 'utf8'), 'old');
});

test('a live shell that answers nothing is told, not believed', async (t) => {
  const { context } = localShell(t);
  const silent: ToolContext = { ...context, exec: (request) => context.exec({ ...request, command: 'true' }) };
  assert.deepEqual(
    [(await write(silent, 'a.txt', 'x')).output, (await edit(silent, { path: 'a.txt', old: 'x', new: 'y' })).output],
    [
      'failed: a.txt could not be changed: the shell said nothing',
      'failed: a.txt cannot be edited: the shell did not answer as expected',
    ],
  );
});

test('nothing larger than the ceiling is written, by any of the three ways', async (t) => {
  const { context, work } = localShell(t, narrowLimits({ editFileBytes: 20 }));
  writeFileSync(join(work, 'a'), 'one\n');
  const long = 'é'.repeat(11);
  const patch = (lines: string) => edit(context, { patch: `*** Begin Patch\n${lines}\n*** End Patch` });
  const outputs = [
    await write(context, 'b', long),
    await edit(context, { path: 'a', old: 'one', new: long }),
    await patch(`*** Update File: a\n-one\n+${long}`),
    await patch(`*** Add File: b\n+${long}`),
  ].map((result) => result.output);
  assert.deepEqual(outputs, [
    'failed: b would become too large: 22 bytes, at most 20',
    'failed: a would become too large: 23 bytes, at most 20',
    'failed: nothing was changed: a would become too large: 23 bytes, at most 20',
    'failed: nothing was changed: b would become too large: 23 bytes, at most 20',
  ]);
  assert.deepEqual([readFileSync(join(work, 'a'), 'utf8'), existsSync(join(work, 'b'))], ['one\n', false]);
});

test('an edit whose command is killed or takes too long gives that as its result', async () => {
  const output = { head: '', tail: '', bytes: 0, lines: 0, cutBytes: 0, cutLines: 0 };
  const ending = (end: object) => {
    const exec = async () => ({ ...end, output, ms: 1, restarted: true }) as Awaited<ReturnType<ToolContext['exec']>>;
    return edit({ run: 'r', step: 1, workPath: '/w', limits: LIMITS, exec }, { path: 'a', old: 'x', new: 'y' });
  };
  assert.deepEqual(await ending({ end: 'killed', by: 'cancelled' }), {
    status: 'killed',
    by: 'cancelled',
    output: 'killed: cancelled: the run is being stopped',
  });
  const slow = await ending({ end: 'timed_out', afterMs: 60_000 });
  assert.equal(slow.status, 'timed_out');
  assert.match(slow.output, /^timed out after 60 s; /);
});
