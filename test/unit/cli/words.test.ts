// Owns the proof of the command line's words: what is taken, what is refused, what is shown.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { parseWords, runCommandLine } from '../../../src/cli/cli.ts';
import type { Command } from '../../../src/cli/context.ts';
import { brief, lineOf, seconds } from '../../../src/cli/lines.ts';
import { checkLines, endLine, isGreen } from '../../../src/cli/report.ts';
import { createTerminal, printable } from '../../../src/cli/terminal.ts';
import { COMMANDS } from '../../../src/commands.ts';
import type { EventBody } from '../../../src/contracts/run-events.ts';
import type { RunEnd, RunRecord } from '../../../src/contracts/runs.ts';

const COMMAND: Pick<Command, 'flags' | 'positionals' | 'usage'> = {
  usage: 'NAME',
  flags: { many: { type: 'string', multiple: true, help: '' }, yes: { type: 'boolean', help: '' } },
  positionals: [1, 1],
};

const usage = (words: RegExp) => (error: unknown) =>
  error instanceof CaissonError && error.code === 'usage' && words.test(error.message);

function sink(isTTY = false) {
  const written: string[] = [];
  return { written, stream: { isTTY, columns: 40, write: (text: string) => written.push(text) > 0 } };
}

async function commandLine(...words: readonly string[]) {
  const out = sink();
  const err = sink();
  const code = await runCommandLine(words, {
    terminal: createTerminal(out.stream, err.stream),
    signal: new AbortController().signal,
    version: '9.9.9',
    commands: COMMANDS,
    confirm: async () => false,
    contextFor: () => ({
      config: async () => assert.fail('not needed'),
      overseer: async () => assert.fail('not needed'),
    }),
  });
  return { code, out: out.written.join(''), err: err.written.join('') };
}

describe('the words of a command line', () => {
  it('gives flags and positionals, common flags included', () => {
    const { flags, positionals } = parseWords('x', COMMAND, [
      'n',
      '--many',
      'a',
      '--many=b',
      '--yes',
      '--data-dir',
      '/d',
    ]);
    assert.deepEqual(
      { flags: { ...flags }, positionals },
      { flags: { many: ['a', 'b'], yes: true, 'data-dir': '/d' }, positionals: ['n'] },
    );
  });

  it('refuses unknown flags, missing values and a wrong number of words', () => {
    assert.throws(() => parseWords('x', COMMAND, ['n', '--nope']), usage(/--nope/));
    assert.throws(() => parseWords('x', COMMAND, ['n', '--many']), usage(/many/));
    assert.throws(() => parseWords('x', COMMAND, []), usage(/caisson x NAME/));
    assert.throws(() => parseWords('x', COMMAND, ['a', 'b']), usage(/caisson x NAME/));
    assert.doesNotThrow(() => parseWords('x', COMMAND, ['--help']));
  });

  it('ends with 2 and the nearest name for a command that is none', async () => {
    assert.deepEqual(await commandLine('aply'), {
      code: 2,
      out: '',
      err: 'caisson: there is no command "aply"; did you mean "apply"?\n  → See `caisson --help`.\n',
    });
  });

  it('tells its version, and helps with every command', async () => {
    assert.deepEqual(await commandLine('--version'), { code: 0, out: '9.9.9\n', err: '' });
    const all = await commandLine('--help');
    assert.equal(all.code, 0);
    for (const name of Object.keys(COMMANDS)) {
      assert.match(all.out, new RegExp(`^  ${name} `, 'm'));
      const one = await commandLine(name, '--help');
      assert.deepEqual([one.code, one.out.startsWith(`caisson ${name}`)], [0, true]);
    }
    assert.equal((await commandLine()).code, 2);
  });
});

describe('what a person is shown', () => {
  it('cannot be faked by control characters of untrusted text', () => {
    assert.equal(printable('a\u001B[2J\u001B]0;title\u0007b\rc\u009Bd\te\n'), 'ab\uFFFDc\uFFFDd\te\n');
  });

  it('keeps a diff byte for byte for another program', () => {
    const out = sink();
    createTerminal(out.stream, sink().stream).raw('+\u001B[31mred\r\n');
    assert.deepEqual(out.written, ['+\u001B[31mred\r\n']);
  });

  it('has a status line only where somebody watches', () => {
    const [piped, watched, out] = [sink(), sink(true), sink(true)];
    createTerminal(sink().stream, piped.stream).status('working');
    assert.deepEqual(piped.written, []);
    const terminal = createTerminal(out.stream, watched.stream);
    terminal.status('x'.repeat(100));
    terminal.line('done');
    assert.deepEqual([watched.written, out.written], [['x'.repeat(39), '\r\u001B[2K'], ['done\n']]);
  });

  const bodies: readonly (readonly [EventBody, string | undefined])[] = [
    [{ type: 'tool_started', call: 'c', tool: 'bash', argumentsHash: 'h' }, 'step 2  bash    npm test'],
    [
      {
        type: 'tool_finished',
        call: 'c',
        tool: 'bash',
        status: 'failed',
        detail: '',
        exitCode: 3,
        resultHash: 'h',
        ms: 1200,
        restarted: false,
      },
      'step 2  bash    → exit status 3 (1.20 s)',
    ],
    [
      { type: 'check_finished', name: 't', on: 'patch', status: 'passed', exitCode: 0, outputHash: 'h', ms: 10 },
      'step 2  check on patch: t passed (exit status 0) (0.01 s)',
    ],
    [{ type: 'finish_refused', reportHash: 'h' }, 'step 2  not done: the declared checks are red; back to work'],
    [{ type: 'model_requested', step: 1, attempt: 1, messages: 2, requestHash: 'h' }, undefined],
  ];
  for (const [body, expected] of bodies) {
    it(`says ${expected ?? 'nothing'} of ${body.type}`, async () => {
      const event = { v: 1, id: 'e', chain: 'r', seq: 1, step: 2, time: 0, parent: '', previous: '', hash: '', body };
      assert.equal(await lineOf(event, async () => '{"command":"npm   test\\n"}'), expected);
    });
  }

  it('shortens arguments and times', () => {
    assert.deepEqual(
      [brief('{"path":"a"}'), brief('no json'), brief(`{"command":"${'y'.repeat(90)}"}`).length, seconds(65_000)],
      ['a', 'no json', 72, '65 s'],
    );
  });

  const run: RunRecord = {
    id: 'run_1',
    task: 't',
    model: 'm',
    owner: 'o',
    team: 't',
    state: 'ended',
    startedAt: 0,
    recorded: false,
    origin: { head: '', branch: '', headTree: '', tree: '' },
    totals: { steps: 1, promptTokens: 0, completionTokens: 0 },
  };
  const ends: readonly (readonly [RunEnd, boolean, RegExp])[] = [
    [{ end: 'done', verified: true }, true, /done: the declared checks passed/],
    [{ end: 'done', verified: false }, false, /unverified/],
    [{ end: 'checks_failed' }, false, /red/],
    [{ end: 'limit_hit', limit: 'runSteps' }, false, /runSteps/],
    [{ end: 'denied', rule: 'no' }, false, /denied: no/],
    [{ end: 'cancelled', by: 'anna' }, false, /cancelled by anna/],
    [{ end: 'crashed' }, false, /crashed/],
    [{ end: 'failed', error: { code: 'backend_failed', message: 'gone', hint: 'look' } }, false, /gone\n {2}→ look/],
  ];
  for (const [end, green, words] of ends) {
    it(`ends ${green ? 'green' : 'red'} for ${end.end}${end.end === 'done' && !end.verified ? ' without checks' : ''}`, () => {
      assert.deepEqual([isGreen({ ...run, end }), words.test(endLine({ ...run, end }))], [green, true]);
    });
  }

  it('shows each check before and after', () => {
    const check = { name: 't', command: 'c', ms: 1000, output: '' };
    assert.deepEqual(
      checkLines([
        { ...check, on: 'base', status: 'failed', exitCode: 1 },
        { ...check, on: 'patch', status: 'timed_out' },
      ]),
      ['  t: failed (exit status 1) in 1.00 s before → timed_out in 1.00 s after'],
    );
  });
});
