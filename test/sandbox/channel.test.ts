// Owns the attacks on what the inside and the host say to each other: forged, flooded, stolen. They cost the attacker his shell.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type OpenBox, testSandbox } from './setup.ts';

/** Sets $control and $out to the descriptors that bash keeps aside while a command runs. */
const FIND = `for fd in /proc/$BASHPID/fd/*; do n=\${fd##*/}; ((n >= 10)) || continue
  case $(readlink $fd) in socket:*) control=$n ;; *output-*|pipe:*) out=\${out:-$n} ;; esac; done`;

async function channels(t: TestContext, name: string): Promise<OpenBox> {
  const box = await (await testSandbox(t)).open(name);
  assert.match(
    await box.text(`${FIND}; echo found $control`),
    /^found \d+\n$/,
    'positive control: the channel is found',
  );
  return box;
}

async function livesOn(box: OpenBox): Promise<void> {
  const next = await box.run('echo next; exit_code() { return 7; }; exit_code', { timeoutMs: 8000 });
  assert.deepEqual(
    { end: next.end, code: next.end === 'exited' ? next.exitCode : -1 },
    { end: 'exited', code: 7 },
    'the next command runs and its own status is told',
  );
  assert.match(next.output.head + next.output.tail, /next\n$/);
}

/** Bytes that the process had written when it was looked at, once it was. */
async function written(file: string): Promise<number> {
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 10));
  return Number(/wchar: (\d+)/.exec(readFileSync(file, 'utf8'))?.[1]);
}

describe('the channel between a sandbox and the host', () => {
  it('believes a forged end only for the command that forged it', async (t) => {
    const box = await channels(t, 'forged');
    const done = await box.run(`${FIND}; printf 'end %s 42 /tmp\\0' "$__mark" >&$control; sleep 30`, {
      timeoutMs: 8000,
    });
    assert.deepEqual(
      { end: done.end, code: done.end === 'exited' ? done.exitCode : -1, restarted: done.restarted },
      { end: 'exited', code: 42, restarted: true },
    );
    await livesOn(box);
  });

  it('is not confused by an end with its mark while the command goes on', async (t) => {
    const box = await channels(t, 'marked');
    await box.run(
      `${FIND}; printf %s "$__mark" >&$out; printf 'end %s 0 /tmp\\0' "$__mark" >&$control; sleep 0.3; echo late`,
      {
        timeoutMs: 8000,
      },
    );
    await livesOn(box);
  });

  const talk: readonly (readonly [string, string])[] = [
    ['ends without end', `while :; do printf 'end %s 0 /\\0' "$__mark"; done >&$control`],
    ['words without end', 'yes >&$control'],
    ['a directory that is none', `printf 'end %s 0 ../..\\0' "$__mark" >&$control`],
    [
      'a directory of a megabyte',
      `{ printf 'end %s 0 /' "$__mark"; head -c 1000000 /dev/zero | tr '\\0' x; printf '\\0'; } >&$control`,
    ],
    ['what is no word of ours', `printf 'open the door\\0' >&$control`],
    ['an exit that is none', `printf 'exit x 0\\0' >&$control`],
  ];
  for (const [what, text] of talk) {
    it(`goes on in a new shell after ${what}, said in a command and between two`, async (t) => {
      const box = await channels(t, 'talk');
      await box.run('mkdir sub; cd sub');
      await box.run(`${FIND}; ${text} & sleep 0.2`, { timeoutMs: 8000 });
      await livesOn(box);
      await box.run(`${FIND}; (sleep 0.1; ${text}) & true`, { timeoutMs: 8000 });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await livesOn(box);
    });
  }

  it('gives the next command no word of who runs on in the background: it runs, once, and its own end is told', async (t) => {
    const box = await channels(t, 'background');
    await box.run(`${FIND}; (while :; do printf 'end %s 0 /tmp\\0' "$__mark" >&$control; sleep 0.05; done) & true`);
    const next = await box.run('sleep 0.3; echo ran >>count; wc -l <count; exit_code() { return 7; }; exit_code');
    const seen = next.end === 'exited' ? `${next.exitCode} ${next.output.head}` : next.end === 'killed' ? next.by : '';
    assert.match(seen, /^(?:7 1\n|sandbox_gone)$/, 'never 0');
    await livesOn(box);
  });

  it('loses a command to who steals it, until its deadline and no longer', async (t) => {
    const box = await channels(t, 'stolen');
    await box.run(`${FIND}; (while IFS= read -r -N 1 stolen <&$control; do :; done) & true`);
    for (let round = 0; round < 20; round += 1) {
      const lost = await box.run('echo mine', { timeoutMs: 1500 });
      if (lost.restarted) break;
      assert.deepEqual([lost.end, lost.output.head], ['exited', 'mine\n'], 'the thief came too late');
    }
    await livesOn(box);
  });

  it('takes little from who prints without end between two commands', async (t) => {
    const box = await channels(t, 'idle');
    const look = (name: string) => `cat /proc/$flood/io >~/${name}.part; mv ~/${name}.part ~/${name}`;
    await box.run(`{ yes & flood=$!; sleep 0.4; ${look('one')}; sleep 0.2; ${look('two')}; kill $flood; } & true`);
    const [one, two] = [await written(join(box.box, 'home/one')), await written(join(box.box, 'home/two'))];
    assert.ok(one > 64 * 1024, `positive control: ${one} bytes were printed`);
    assert.ok(one < 8 * 1024 * 1024, `${one} bytes were taken`);
    assert.equal(two - one, 0, 'then it waits');
    await livesOn(box);
  });

  it('gives what a command printed before it was killed at its deadline', async (t) => {
    const box = await (await testSandbox(t)).open('late');
    const done = await box.run('seq 1 3; sleep 1000', { timeoutMs: 500 });
    assert.deepEqual([done.end, done.output.head], ['timed_out', '1\n2\n3\n']);
  });

  it('refuses what no shell can hold, and names that cannot be files', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('refused');
    const base = { sandbox: box.id, exec: 'e', command: 'true', timeoutMs: 1000, outputBytes: 100, keep: true };
    const wrong = [
      { ...base, command: 'echo a\0b' },
      { ...base, exec: '../../../etc/x' },
      { ...base, exec: '.hidden' },
      { ...base, exec: '' },
      { ...base, timeoutMs: 0 },
      { ...base, outputBytes: Number.NaN },
    ];
    for (const request of wrong) {
      const done = await world.executor.exec(request);
      assert.equal(done.ok ? 'ran' : done.error.code, 'invalid_input', JSON.stringify(request));
    }
    await livesOn(box);
  });
});
