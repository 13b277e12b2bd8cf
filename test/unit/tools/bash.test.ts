// Owns tests of the tool `bash`. Knows nothing beside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS, narrowLimits } from '../../../src/base/limits.ts';
import type { ExecOutcome } from '../../../src/contracts/executor.ts';
import type { KillReason } from '../../../src/contracts/executor.ts';
import type { ToolContext } from '../../../src/contracts/tools.ts';
import { bashTool } from '../../../src/tools/bash.ts';
import { localShell } from './bash-executor.ts';

const NOTHING = { head: '', tail: '', bytes: 0, lines: 0, cutBytes: 0, cutLines: 0 };

test('the exit status stands on a line of its own, also when it is 0', async (t) => {
  const { context } = localShell(t);
  const run = (command: string) => bashTool.execute({ command }, context);
  assert.deepEqual(
    [await run('cd /; here=1; echo out; echo err >&2'), await run('echo $here $PWD; false'), await run('true')],
    [
      { status: 'ok', output: 'exit status: 0\n\nout\nerr\n' },
      { status: 'failed', exitCode: 1, output: 'exit status: 1\n\n1 /\n' },
      { status: 'ok', output: 'exit status: 0' },
    ],
  );
});

/** Head, tail and the numbers of the note of a result that was cut. */
function partsOf(output: string) {
  const match =
    /^exit status: \d\n\n(.*?)\n?\[… (\d+) bytes, (\d+) lines left out; whole output: (\S+) …\]\n(.*)$/s.exec(output);
  assert.ok(match);
  const [, head = '', bytes, lines, path = '', tail = ''] = match;
  return { head, tail, cut: { bytes: Number(bytes), lines: Number(lines), path } };
}

test('a failing output gets as much room as a passing one, with exact counts and the whole output within reach', async (t) => {
  const { context, say } = localShell(t);
  const whole = 'word\u00e9'.repeat(40_000);
  const rooms: number[] = [];
  for (const end of ['true', 'false']) {
    const command = `yes "$(printf 'word\u00e9%.0s' {1..400})" | head -n 100 | tr -d '\\n'; ${end}`;
    const { output, cut } = await bashTool.execute({ command }, context);
    assert.ok(Buffer.byteLength(output) <= LIMITS.toolResultBytes);
    const parts = partsOf(output);
    assert.deepEqual(parts.cut, cut);
    assert.ok(whole.startsWith(parts.head) && whole.endsWith(parts.tail));
    const shown = Buffer.byteLength(parts.head) + Buffer.byteLength(parts.tail);
    assert.equal(parts.cut.bytes + shown, Buffer.byteLength(whole));
    assert.equal(await say(`wc -c < ${parts.cut.path}`), `${Buffer.byteLength(whole)}\n`);
    rooms.push(shown);
  }
  assert.equal(rooms[0], rooms[1]);
});

test('the lines left out are counted', async (t) => {
  const { context } = localShell(t);
  const parts = partsOf((await bashTool.execute({ command: 'seq 100000' }, context)).output);
  const first = parts.head.split('\n').length;
  const last = parts.tail.split('\n').length - 1;
  assert.ok(Math.abs(first + parts.cut.lines + last - 100_000) <= 1);
});

test('a command that takes too long is told with the seconds and what was lost', async (t) => {
  const { context, say } = localShell(t);
  await say('cd /tmp; lost=1');
  const result = await bashTool.execute({ command: 'echo begun; sleep 30', timeout_seconds: 1 }, context);
  const words = 'the shell was restarted in the same directory, background processes and variables are lost';
  assert.deepEqual(result, { status: 'timed_out', afterMs: 1000, output: `timed out after 1 s; ${words}\n\nbegun\n` });
  assert.equal(await say('echo $PWD $lost'), '/tmp\n');
});

test('a command that ends the shell says so', async (t) => {
  const { context } = localShell(t);
  assert.deepEqual(await bashTool.execute({ command: 'exit 7' }, context), {
    status: 'failed',
    exitCode: 7,
    output: 'exit status: 7\nthe shell ended and was started anew in the same directory; variables are lost',
  });
});

test('the time asked for is narrowed to the ceiling, and the default is the site’s', async (t) => {
  const { context, requests } = localShell(t, narrowLimits({ commandTimeoutMs: 7000, commandTimeoutMaxMs: 9000 }));
  await bashTool.execute({ command: 'true' }, context);
  await bashTool.execute({ command: 'true', timeout_seconds: 8 }, context);
  await bashTool.execute({ command: 'true', timeout_seconds: 3600 }, context);
  assert.deepEqual(
    requests.map(({ timeoutMs }) => timeoutMs),
    [7000, 8000, 9000],
  );
});

test('each kill says its reason', async () => {
  const reasons: readonly KillReason[] = [
    'memory',
    'processes',
    'disk',
    'cpu',
    'file_size',
    'output',
    'cancelled',
    'sandbox_gone',
  ];
  for (const by of reasons) {
    const outcome: ExecOutcome = { end: 'killed', by, output: NOTHING, ms: 1, restarted: true };
    const context: ToolContext = { run: 'r', step: 1, workPath: '/w', limits: LIMITS, exec: async () => outcome };
    const result = await bashTool.execute({ command: 'x' }, context);
    assert.equal(result.status, 'killed');
    assert.match(result.output, new RegExp(`^killed: ${by}: [a-z].{20}`));
  }
});
