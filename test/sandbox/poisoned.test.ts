// Owns the proof that commands may leave the live shell in any state: the next one runs, or a new shell takes over. None hangs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testSandbox } from './setup.ts';

/** Far below the time that a hanging command would be given. */
const SOON = { timeoutMs: 4000 };

/** What a shell keeps working after it, with its state. */
const HARMLESS: readonly string[] = [
  'read() { true; }',
  'read() { false; }',
  'builtin() { true; }',
  'printf() { true; }',
  'eval() { true; }',
  'exit() { true; }',
  'function unset { true; }; read() { true; }',
  'command() { true; }; exec() { true; }; [() { true; }',
  'alias read=true printf=true eval=true; shopt -s expand_aliases',
  "trap '' TERM INT HUP PIPE",
  "trap 'echo trapped' DEBUG",
  "trap 'echo trapped' ERR RETURN",
  'set -x',
  'set -v',
  'set -u',
  'set -f',
  'set -C',
  'set -T; set -E',
  'set -o posix',
  'POSIXLY_CORRECT=y',
  'shopt -s extdebug',
  'shopt -s nullglob failglob dotglob xpg_echo',
  'IFS=x',
  'IFS=0123456789',
  'unset IFS PWD OLDPWD',
  'LC_ALL=xx_YY.broken',
  'PATH=/nowhere',
  'enable -n builtin',
  'enable -n printf',
  'exec >file',
  'exec >/dev/null 2>&1',
  'exec 2>&-',
  'exec >&- 2>&- <&-',
  'exec 3>&- 4>&- 5>&-',
  'exec 6>&1 7>&2',
  'umask 777',
  'ulimit -f 0',
  'hash -p /bin/false printf',
  'cd /; rm -rf /tmp/*',
];

/** After these the shell cannot go on as it was: that is seen, and another takes over. */
const FATAL: readonly string[] = [
  '__mark=x; __bytes=y; __command=z; __status=1; __input=/etc/passwd; __posix=set',
  'readonly __mark',
  'readonly __command',
  'readonly __status',
  'readonly __posix',
  'readonly POSIXLY_CORRECT',
  'readonly IFS',
  'read() { true; }; readonly -f read',
  'enable -n read',
  'enable -n eval unset; eval() { true; }',
  'ulimit -n 0',
  'for fd in $(seq 10 255); do eval "exec $fd>&-"; done',
  'kill -9 $PPID',
  'kill -9 $$',
  'kill $$',
  '(sleep 0.05; kill -9 $BASHPID) & kill -9 $BASHPID',
];

describe('the live shell after a command that changed it', () => {
  for (const command of HARMLESS) {
    it(`goes on after: ${command}`, async (t) => {
      const box = await (await testSandbox(t)).open('harmless');
      await box.run('kept=state');
      const poison = await box.run(command, SOON);
      assert.deepEqual({ end: poison.end, restarted: poison.restarted }, { end: 'exited', restarted: false });
      const next = await box.run(
        '[[ $kept == state ]]; echo "status $?" >&1; exit_code() { return 7; }; exit_code',
        SOON,
      );
      assert.deepEqual(
        { end: next.end, code: next.end === 'exited' ? next.exitCode : -1, restarted: next.restarted },
        { end: 'exited', code: 7, restarted: false },
      );
      assert.match(next.output.head, /status 0/);
      assert.equal(next.output.head.includes('\u0001'), false, 'no mark is seen');
      assert.doesNotMatch(next.output.head, /__|printf/, 'nothing of our own work is seen');
      const fed = await box.run('/bin/cat', { stdin: 'fed\n', ...SOON });
      assert.match(fed.output.head, /fed\n/);
    });
  }

  for (const command of FATAL) {
    it(`is replaced after: ${command}`, async (t) => {
      const box = await (await testSandbox(t)).open('fatal');
      await box.run('mkdir sub; cd sub');
      const poison = await box.run(command, SOON);
      assert.notEqual(poison.end, 'timed_out', 'it is seen at once');
      const next = await box.run('echo x >>count; wc -l <count; pwd; exit 9', SOON);
      assert.deepEqual(
        { end: next.end, code: next.end === 'exited' ? next.exitCode : -1, output: next.output.head },
        { end: 'exited', code: 9, output: `1\n${box.work}/sub\n` },
        'it ran, once, and in the same directory',
      );
      // When the guard is killed, the kernel decides whether its end or the next command is seen first: the loss may go untold.
      const told = poison.restarted || next.restarted;
      assert.equal(told || command.includes('$$'), true, 'the loss of the state is told');
    });
  }

  it('never says of a command that it succeeded when the shell had ended before it', async (t) => {
    const box = await (await testSandbox(t)).open('ended-between');
    for (let round = 0; round < 6; round += 1) {
      const victim = round % 2 === 0 ? '$PPID' : '$BASHPID';
      await box.run(`pid=${victim}; { sleep 0.0${round}; kill -9 $pid; } &`, SOON);
      const done = await box.run(`echo ran ${round}; true`, SOON);
      if (done.end === 'exited' && done.exitCode === 0) assert.equal(done.output.head, `ran ${round}\n`);
    }
  });

  it('gives all of what a command prints that ends the shell', async (t) => {
    const box = await (await testSandbox(t)).open('last-words');
    const done = await box.run("trap 'echo bye' EXIT; seq 1 50000; exit 3", SOON);
    const whole = `${Array.from({ length: 50_000 }, (_, index) => index + 1).join('\n')}\nbye\n`;
    assert.deepEqual(
      { code: done.end === 'exited' ? done.exitCode : -1, bytes: done.output.bytes, end: done.output.tail.slice(-10) },
      { code: 3, bytes: whole.length, end: whole.slice(-10) },
    );
  });

  it('takes no old standard input for a new one, whatever the shell forbids', async (t) => {
    const box = await (await testSandbox(t)).open('noclobber');
    await box.run('set -C; cat', { stdin: 'first' });
    assert.equal((await box.run('cat', { stdin: 'second' })).output.head, 'second');
  });

  it('gives a command its standard input, whatever lies in /tmp and whatever it forbids there', async (t) => {
    const box = await (await testSandbox(t)).open('full-tmp');
    await box.run('mkdir -p /tmp/.stdin.$$; chmod 0 /tmp; ulimit -f 0');
    const done = await box.run('/bin/cat', { stdin: 'whole', ...SOON });
    assert.deepEqual({ restarted: done.restarted, output: done.output.head }, { restarted: false, output: 'whole' });
  });
});
