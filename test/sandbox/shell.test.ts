// Owns the behaviour of the live shell: what persists, what ends, what is counted.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testSandbox } from './setup.ts';

const ENDED = { cutBytes: 0, cutLines: 0, tail: '' };

describe('the live shell of a sandbox', () => {
  it('keeps directory, variables and functions from one command to the next', async (t) => {
    const box = await (await testSandbox(t)).open('state');
    await box.run('mkdir -p a/b; cd a/b; export X=1; f() { echo called $X; }');
    assert.match(await box.text('pwd; f'), /\/work\/a\/b\ncalled 1\n$/);
  });

  it('tells status, output in order, bytes and lines of a command', async (t) => {
    const box = await (await testSandbox(t)).open('result');
    const { ms: _, ...done } = await box.run('echo out; echo err >&2; printf last; (exit 7)');
    assert.deepEqual(done, {
      end: 'exited',
      exitCode: 7,
      output: { head: 'out\nerr\nlast', bytes: 12, lines: 3, ...ENDED },
      restarted: false,
    });
  });

  const enders: readonly (readonly [string, number])[] = [
    ['exit 3', 3],
    ['exec sh -c "exit 4"', 4],
    ['set -e; false; echo not reached', 1],
    ['sleep 60 & exit 5', 5],
    ['kill -9 $BASHPID', 137],
  ];
  for (const [command, exitCode] of enders) {
    it(`survives "${command}": the status is the command's and a new shell takes over in the same directory`, async (t) => {
      const box = await (await testSandbox(t)).open('ender');
      await box.run('mkdir sub; cd sub');
      const done = await box.run(command);
      assert.deepEqual(
        { end: done.end, code: done.end === 'exited' ? done.exitCode : -1, restarted: done.restarted },
        { end: 'exited', code: exitCode, restarted: true },
      );
      assert.match(await box.text('pwd'), /\/sub\n$/);
    });
  }

  it('does not wait for processes in the background, nor does `wait` wait for anything of ours', async (t) => {
    const box = await (await testSandbox(t)).open('background');
    assert.equal(await box.text('sleep 300 & echo at once'), 'at once\n');
    assert.equal(await box.text('kill %1; wait; echo waited'), 'waited\n');
  });

  it('kills a command at its deadline, with everything it started, and goes on in a new shell', async (t) => {
    const box = await (await testSandbox(t)).open('deadline');
    const done = await box.run('cd /tmp; sleep 1000 & sleep 1000', { timeoutMs: 300 });
    assert.deepEqual({ end: done.end, restarted: done.restarted }, { end: 'timed_out', restarted: true });
    assert.match(await box.text('pgrep sleep | wc -l'), /^0/);
  });

  it('is cancelled from outside with that reason', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('cancel');
    const running = box.run('sleep 1000');
    setTimeout(() => void world.executor.cancel(box.id), 100);
    const done = await running;
    assert.deepEqual({ end: done.end, by: done.end === 'killed' ? done.by : '' }, { end: 'killed', by: 'cancelled' });
  });

  it('gives a command its standard input and no other one', async (t) => {
    const box = await (await testSandbox(t)).open('stdin');
    const text = 'ä\nno newline at the end \u0000 and a zero byte';
    assert.equal((await box.run('cat', { stdin: text })).output.head, text);
    assert.equal((await box.run('head -c 1', { stdin: 'xyz' })).output.head, 'x');
    assert.equal((await box.run('cat', { stdin: '' })).output.head, '');
    assert.equal(await box.text('cat; echo end'), 'end\n');
  });

  it('carries a command of a megabyte, quotes, newlines and here-documents unchanged', async (t) => {
    const box = await (await testSandbox(t)).open('long');
    const long = 'x'.repeat(200_000);
    assert.equal(await box.text(`A='${long}'; echo \${#A}`), '200000\n');
    assert.equal(await box.text(`cat <<'EOT'\n$HOME "quoted" 'single' \\n\nEOT`), `$HOME "quoted" 'single' \\n\n`);
    const broken = await box.run('if true');
    assert.equal(broken.end === 'exited' ? broken.exitCode : -1, 2);
    assert.match(broken.output.head, /syntax error/);
  });

  it('lets programs open /dev/stdout and /dev/stderr', async (t) => {
    const box = await (await testSandbox(t)).open('devices');
    assert.equal(
      await box.text('echo a >/dev/stdout; echo b >/dev/stderr; echo c | tee /dev/stderr >/dev/null'),
      'a\nb\nc\n',
    );
  });

  it('cuts a long output in the middle with exact counts, and keeps the whole where the sandbox can read it', async (t) => {
    const box = await (await testSandbox(t)).open('cut');
    const { output } = await box.run('seq 1 20000; echo ende', { keep: true });
    const whole = `${Array.from({ length: 20_000 }, (_, index) => index + 1).join('\n')}\nende\n`;
    assert.equal(output.bytes, whole.length);
    assert.equal(output.lines, 20_001);
    assert.ok(whole.startsWith(output.head) && whole.endsWith(output.tail));
    assert.equal(output.cutBytes, whole.length - output.head.length - output.tail.length);
    assert.equal(
      output.cutLines,
      whole.slice(output.head.length, whole.length - output.tail.length).split('\n').length - 1,
    );
    assert.equal(await box.text(`wc -c <${output.path ?? ''}`), `${whole.length}\n`);
  });

  it('cuts between characters, never through one', async (t) => {
    const box = await (await testSandbox(t)).open('unicode');
    const { output } = await box.run('for i in $(seq 1 9000); do printf "🙂ä"; done');
    assert.equal(output.bytes, 9000 * 6);
    assert.doesNotMatch(output.head + output.tail, /\uFFFD/);
    assert.equal(Buffer.byteLength(output.head) + Buffer.byteLength(output.tail) + output.cutBytes, output.bytes);
  });

  it('has Node and ripgrep even where the host hides its own, and they cannot be changed', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('toolbox');
    assert.match(await box.text(`${world.inside.bin}/node -p 1+1; rg --version | head -n 1`), /^2\nripgrep/);
    assert.match(
      await box.text(`echo x >>${world.inside.bin}/node; rm ${world.inside.bin}/rg`),
      /Read-only file system/,
    );
  });

  it('runs the commands of one sandbox one after the other', async (t) => {
    const box = await (await testSandbox(t)).open('order');
    const all = await Promise.all(
      ['sleep 0.2; echo 1 >>log', 'echo 2 >>log', 'echo 3 >>log; cat log'].map((command) => box.run(command)),
    );
    assert.equal(all[2]?.output.head, '1\n2\n3\n');
  });
});
