// Owns tests of patches: what they say, where they fit, what they do to files. Knows nothing beside.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ToolContext, ToolResult } from '../../../src/contracts/tools.ts';
import { editTool } from '../../../src/tools/edit.ts';
import { applyHunks } from '../../../src/tools/patch-hunks.ts';
import { parsePatch, patchPaths } from '../../../src/tools/patch-text.ts';
import { localShell } from './bash-executor.ts';

function patch(context: ToolContext, lines: readonly string[]): Promise<ToolResult> {
  const read = editTool.parse({ patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') });
  assert.ok(read.ok, read.ok ? '' : read.message);
  return editTool.execute(read.value, context);
}

function hunked(text: string, lines: readonly string[]) {
  const parsed = parsePatch(['*** Begin Patch', '*** Update File: a', ...lines, '*** End Patch'].join('\n'));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.message);
  const [file] = parsed.value;
  assert.ok(file?.kind === 'update');
  return applyHunks(text, file.hunks);
}

test('one patch updates, adds, deletes and moves files, keeping modes', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'a.js'), 'one\ntwo\nthree\n');
  writeFileSync(join(work, 'gone.js'), 'x\n');
  writeFileSync(join(work, 'old name.sh'), '#!/bin/sh\necho 1\n');
  chmodSync(join(work, 'old name.sh'), 0o755);
  const result = await patch(context, [
    '*** Update File: a.js',
    '@@',
    ' one',
    '-two',
    '+2',
    ' three',
    '',
    '*** Add File: new/dir/b.js',
    '+first',
    '+',
    '+last',
    '*** Delete File: gone.js',
    '*** Move File: old name.sh',
    '*** Move to: bin/new name.sh',
    '@@',
    '-echo 1',
    '+echo 2',
  ]);
  assert.deepEqual(result, {
    status: 'ok',
    output: 'ok\n\nupdated a.js\nadded new/dir/b.js\ndeleted gone.js\nmoved old name.sh to bin/new name.sh\n',
  });
  const text = (path: string) => readFileSync(join(work, path), 'utf8');
  assert.deepEqual(
    [text('a.js'), text('new/dir/b.js'), text('bin/new name.sh')],
    ['one\n2\nthree\n', 'first\n\nlast\n', '#!/bin/sh\necho 2\n'],
  );
  assert.equal(statSync(join(work, 'bin/new name.sh')).mode & 0o777, 0o755);
  assert.deepEqual([existsSync(join(work, 'gone.js')), existsSync(join(work, 'old name.sh'))], [false, false]);
});

test('when one hunk does not fit, nothing at all is written', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'a.js'), 'one\ntwo\n');
  writeFileSync(join(work, 'b.js'), 'function b() {\n  return 1;\n}\n');
  const result = await patch(context, [
    '*** Update File: a.js',
    '-one',
    '+1',
    '*** Add File: c.js',
    '+x',
    '*** Update File: b.js',
    ' function b() {',
    '-  return 2;',
    '+  return 3;',
  ]);
  assert.deepEqual(result, {
    status: 'failed',
    output:
      'failed: nothing was changed: b.js: the hunk at line 8 of the patch does not fit: its old lines do not occur in the file. ' +
      'The closest lines:\n\n1|function b() {\n2|  return 1;\n3|}\n',
  });
  assert.deepEqual([readFileSync(join(work, 'a.js'), 'utf8'), existsSync(join(work, 'c.js'))], ['one\ntwo\n', false]);
});

test('a patch that cannot be right is refused: added over, missing, directory, moved over', async (t) => {
  const { context, work } = localShell(t);
  mkdirSync(join(work, 'dir'));
  writeFileSync(join(work, 'a'), '1\n');
  writeFileSync(join(work, 'b'), '2\n');
  const outputs = [
    await patch(context, ['*** Add File: a', '+x']),
    await patch(context, ['*** Delete File: c']),
    await patch(context, ['*** Delete File: dir']),
    await patch(context, ['*** Move File: a', '*** Move to: ./b']),
  ].map((result) => result.output);
  assert.deepEqual(outputs, [
    'failed: nothing was changed: a is there already: use *** Update File, or delete it first',
    'failed: nothing was changed: there is no c',
    'failed: nothing was changed: dir cannot be edited: it is a directory',
    'failed: nothing was changed: b is there already: use *** Update File, or delete it first',
  ]);
});

test('each part of a patch sees what the parts before made of a file, however its path is spelled', async (t) => {
  const { context, work } = localShell(t);
  writeFileSync(join(work, 'a'), 'one\n');
  await patch(context, [
    '*** Update File: a',
    '-one',
    '+two',
    '*** Update File: ./x/../a',
    '-two',
    '+three',
    `*** Move File: ${work}/a`,
    '*** Move to: b',
    '*** Add File: a',
    '+new',
  ]);
  assert.deepEqual(
    [readFileSync(join(work, 'a'), 'utf8'), readFileSync(join(work, 'b'), 'utf8')],
    ['new\n', 'three\n'],
  );
});

test('a write that fails half way says what was already changed', async (t) => {
  const { context, work, say } = localShell(t);
  writeFileSync(join(work, 'file'), 'x\n');
  await say('ulimit -f 8');
  const result = await patch(context, ['*** Add File: a', '+1', '*** Add File: b', `+${'x'.repeat(100_000)}`]);
  assert.equal(result.status, 'failed');
  assert.match(result.output, /^failed: b could not be changed: .*\n\nalready changed: a\n/s);
});

test('hunks fit by context, by anchor, at the end, and by nothing less', () => {
  const text = 'class A\n  run()\n    go\nclass B\n  run()\n    go\nend\n';
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    [
      'context',
      [' class B', '   run()', '-    go', '+    stop'],
      'class A\n  run()\n    go\nclass B\n  run()\n    stop\nend\n',
    ],
    ['anchor', ['@@ class B', '-    go', '+    stop'], 'class A\n  run()\n    go\nclass B\n  run()\n    stop\nend\n'],
    [
      'two anchors',
      ['@@ class B', '@@   run()', '-    go', '+    stop'],
      'class A\n  run()\n    go\nclass B\n  run()\n    stop\nend\n',
    ],
    [
      'anchor repeated as context',
      ['@@ class B', ' class B', '-  run()', '+  walk()'],
      'class A\n  run()\n    go\nclass B\n  walk()\n    go\nend\n',
    ],
    [
      'insertion after an anchor',
      ['@@ class B', '+  // new'],
      'class A\n  run()\n    go\nclass B\n  // new\n  run()\n    go\nend\n',
    ],
    [
      'end of file',
      ['-    go', '-end', '+END', '*** End of File'],
      'class A\n  run()\n    go\nclass B\n  run()\nEND\n',
    ],
    ['appended', ['+tail', '*** End of File'], `${text}tail\n`],
    ['unified header', ['@@ -7,1 +7,1 @@', '-end', '+END'], text.replace('end', 'END')],
    [
      'white space at line ends',
      [' class B  ', '   run()\t', '-    go ', '+    stop'],
      'class A\n  run()\n    go\nclass B\n  run()\n    stop\nend\n',
    ],
    ['everything', ['-class A', '-  run()', '-    go', '-class B', '-  run()', '-    go', '-end'], ''],
  ];
  for (const [name, lines, expected] of cases)
    assert.deepEqual(hunked(text, lines), { ok: true, text: expected }, name);
});

test('a hunk at the end of the file fits there and not at the like lines before', () => {
  assert.deepEqual(hunked('a\nb\na\nb\n', [' a', '-b', '+end', '*** End of File']), {
    ok: true,
    text: 'a\nb\na\nend\n',
  });
  assert.equal(hunked('a\nb\nc\n', ['-b', '+x', '*** End of File']).ok, false);
});

test('hunks that fit nowhere, at several places or out of order say so', () => {
  const text = 'a\nb\nc\nb\n';
  const problem = (lines: readonly string[]) => {
    const result = hunked(text, lines);
    return result.ok ? 'fits' : result.problem.replace(/^the hunk at line (\d+) of the patch does not fit: /, '$1: ');
  };
  assert.deepEqual(
    [
      problem(['-b', '+x']),
      problem(['@@ zz', '-b', '+x']),
      problem(['+x']),
      problem([' c', '-b', '+x', '@@', '-a', '+y']),
      problem(['-漢', '+x']),
    ],
    [
      '3: its old lines fit at lines 2, 4: add context lines, or an @@ line before them',
      '3: there is no line "zz" after line 0',
      '3: it only adds lines and does not say where: add context lines, an @@ line, or *** End of File',
      '6: its old lines are not after line 4 but at line 1: hunks must come in the order of the file',
      '3: its old lines do not occur in the file, and nothing like them',
    ],
  );
});

test('a file of a million lines is patched, one of a million like lines is not searched for ever', () => {
  const lines = Array.from({ length: 1_000_000 }, (_, at) => String(at));
  const result = hunked(`${lines.join('\n')}\n`, [' 999998', '-999999', '+end']);
  assert.ok(result.ok && result.text.length === 6_888_890 - 3 && result.text.endsWith('\n999998\nend\n'));
  const alike = hunked('a\n'.repeat(1_000_000), [...Array.from({ length: 1000 }, () => ' a'), '-b', '+c']);
  assert.ok(!alike.ok);
  assert.match(alike.problem, /the file has too many like lines; use edit with path, old and new$/);
});

test('line ends stay as they are: CRLF, mixed, none at the end', () => {
  const change = [' one', '-two', '+2', '+2b'];
  assert.deepEqual(
    ['one\r\ntwo\r\nx\r\n', 'one\r\ntwo\nx', 'one\ntwo'].map((text) => hunked(text, change)),
    ['one\r\n2\r\n2b\r\nx\r\n', 'one\r\n2\n2b\nx', 'one\n2\n2b'].map((text) => ({ ok: true, text })),
  );
});

test('a patch that cannot be read says which line and what was expected', () => {
  const message = (lines: readonly string[]) => {
    const parsed = parsePatch(lines.join('\n'));
    return parsed.ok ? 'parsed' : parsed.message;
  };
  const begin = '*** Begin Patch';
  const end = '*** End Patch';
  assert.deepEqual(
    [
      message(['--- a/x', '+++ b/x']),
      message([begin, end]),
      message([begin, '*** Update File: a', end]),
      message([begin, '*** Update File: a', '@@', ' same', end]),
      message([begin, '*** Update File: a', 'oops', end]),
      message([begin, '*** Add File: a', 'oops', end]),
      message([begin, '*** Move File: a', '-x', end]),
      message([begin, '*** Delete File: a']),
      message([begin, '*** Delete File: a', end, 'more']),
      message([begin, '*** Rename File: a', end]),
    ],
    [
      'line 1 of the patch is "--- a/x": expected *** Begin Patch',
      'line 2 of the patch is "*** End Patch": the patch changes nothing',
      'line 3 of the patch is "*** End Patch": a has no changed lines',
      'line 5 of the patch is "*** End Patch": expected a line that starts with - or + (context lines start with a space)',
      'line 3 of the patch is "oops": expected a line that starts with a space, - or +',
      'line 3 of the patch is "oops": each line of an added file starts with +',
      'line 3 of the patch is "-x": expected *** Move to: NEW PATH',
      'line 3 of the patch is its end: expected *** Update File: PATH, or Add, Delete, Move, or *** End Patch',
      'line 4 of the patch is "more": nothing may follow *** End Patch',
      'line 2 of the patch is "*** Rename File: a": expected *** Update File: PATH, or Add, Delete, Move, or *** End Patch',
    ],
  );
});

test('every path that a patch touches is an effect, moved ones twice', () => {
  const text = [
    '*** Begin Patch',
    '*** Update File: a',
    '*** Move to: b',
    '*** Delete File: c',
    '*** Add File: a',
    '*** End Patch',
  ].join('\r\n');
  const parsed = parsePatch(`\n${text}\n`);
  assert.ok(parsed.ok);
  assert.deepEqual(patchPaths(parsed.value), ['a', 'b', 'c']);
  const edit = editTool.parse({ patch: text });
  assert.ok(edit.ok);
  assert.deepEqual(
    editTool.effects(edit.value),
    ['a', 'b', 'c'].map((path) => ({ type: 'write', path })),
  );
});
