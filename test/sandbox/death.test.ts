// Owns the proof of death: of a sandbox that is closed at any time, and of all that a killed service leaves.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { commandLine, listProcesses } from '../../src/sandbox/processes.ts';
import { LIMITS, testSandbox, type TestSandbox } from './setup.ts';

const HOST = new URL('death-host.ts', import.meta.url).pathname;

/** Processes of this box that live, and of this `sleep`: each test has a number of its own. */
function living(box: string, seconds: number): { readonly box: number; readonly sleepers: number } {
  const lines = listProcesses().flatMap(({ pid, state }) => (state === 'Z' ? [] : [commandLine(pid)]));
  return {
    box: lines.filter((words) => words.includes(`--private=${box}`)).length,
    sleepers: lines.filter((words) => words[0] === 'sleep' && words[1] === String(seconds)).length,
  };
}

const NONE = { box: 0, sleepers: 0 };

/** Resolves once nothing lives; the test times out otherwise. */
async function untilNothing(box: string, seconds: number): Promise<void> {
  for (let at = living(box, seconds); at.box + at.sleepers > 0; at = living(box, seconds))
    await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Another service; resolves with it and its first line. */
async function host(t: TestContext, world: TestSandbox, order: object): Promise<{ child: ChildProcess; line: string }> {
  const { boxesRoot, canary, toolbox, hidden, user } = world.setup;
  const argument = JSON.stringify({ boxesRoot, canary, toolbox, hidden, user, ...order });
  const child = spawn(process.execPath, [HOST, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let line = '';
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout) {
    line += String(text);
    if (line.includes('\n')) break;
  }
  return { child, line };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const daemon = (seconds: number) => `setsid sleep ${seconds} </dev/null >/dev/null 2>&1 & disown; sleep 0.1`;
/** A command that goes on holds the sandbox open then. */
const WITHOUT_WATCHDOG =
  "trap '' TERM; for p in /proc/[0-9]*; do p=${p#/proc/}; " +
  '[[ $p == 1 || $p == $PPID || $p == $$ || $p == $BASHPID ]] || kill -9 $p; done 2>/dev/null; true';

describe('the death of a service', () => {
  it(
    'ends its sandbox by itself: a long command and a daemon in a session of its own',
    { timeout: 30_000 },
    async (t) => {
      const world = await testSandbox(t);
      const box = world.newBox('left');
      const { child, line } = await host(t, world, { box, first: daemon(90_001), last: 'sleep 90001' });
      assert.match(line, /"opened":true/);
      assert.equal(living(box, 90_001).box > 0, true, 'positive control: it lives');
      await kill(child);
      await untilNothing(box, 90_001);
    },
  );

  it(
    'with the watchdog killed leaves what the next service finds by the path of the box, and nothing else',
    { timeout: 60_000 },
    async (t) => {
      const world = await testSandbox(t);
      const other = await testSandbox(t);
      const stranger = await other.open('stranger');
      const box = world.newBox('left');
      const first = `${WITHOUT_WATCHDOG}; ${daemon(90_002)}`;
      const { child } = await host(t, world, { box, first, last: 'while :; do sleep 90002; done' });
      await kill(child);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(living(box, 90_002).box > 0, true, 'positive control: without the watchdog it lives on');
      const { line } = await host(t, world, { sweep: true });
      const report = JSON.parse(line) as { killed: number[]; survivors: number[] };
      assert.deepEqual({ groups: report.killed.length, survivors: report.survivors }, { groups: 1, survivors: [] });
      assert.deepEqual(living(box, 90_002), NONE);
      assert.equal(await stranger.text('echo alive'), 'alive\n');
    },
  );

  it('leaves nothing to sweep for a service that began before', async (t) => {
    const world = await testSandbox(t);
    const open = await world.open('mine');
    assert.deepEqual(await world.executor.sweep(), { killed: [], survivors: [] });
    assert.equal(await open.text('echo alive'), 'alive\n');
  });
});

describe('the closing of a sandbox', () => {
  it('is the same death for all who ask at once, and nothing for who asks later', async (t) => {
    const world = await testSandbox(t);
    const open = await world.open('twice');
    await open.run(daemon(90_003));
    const [first, second] = await Promise.all([world.executor.close('twice'), world.executor.close('twice')]);
    assert.deepEqual(first, second);
    assert.deepEqual(first, { sandbox: 'twice', ms: first.ms, survivors: [] });
    assert.deepEqual(living(open.box, 90_003), NONE);
    assert.deepEqual(await world.executor.close('twice'), { sandbox: 'twice', ms: 0, survivors: [] });
    assert.deepEqual(await world.executor.close('unknown'), { sandbox: 'unknown', ms: 0, survivors: [] });
  });

  it('ends the running command with that reason and refuses those that wait', async (t) => {
    const world = await testSandbox(t);
    const open = await world.open('running');
    const running = open.run('sleep 90004');
    const base = { sandbox: 'running', exec: 'w', timeoutMs: 1000, outputBytes: 100, keep: false };
    const waiting = world.executor.exec({ ...base, command: 'touch ran' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await world.executor.close('running');
    assert.deepEqual(living(open.box, 90_004), NONE);
    const done = await running;
    const next = await waiting;
    assert.deepEqual(
      [done.end, done.end === 'killed' ? done.by : '', next.ok ? '' : next.error.code],
      ['killed', 'cancelled', 'sandbox_gone'],
    );
    assert.equal(existsSync(`${open.box}/work/ran`), false);
  });

  it('while it opens waits for the end of the opening, which fails', async (t) => {
    const world = await testSandbox(t);
    const box = world.newBox('opening');
    const opening = world.executor.open({ sandbox: 'o', run: 'r', purpose: 'agent', box, limits: LIMITS });
    const death = await world.executor.close('o');
    assert.deepEqual({ survivors: death.survivors, left: living(box, 0).box }, { survivors: [], left: 0 });
    const opened = await opening;
    assert.deepEqual(opened.ok ? '' : [opened.error.code, opened.error.message], [
      'sandbox_gone',
      'the sandbox was closed while it was opened',
    ]);
  });

  it('is part of the end of the executor, for all that is open or opens', async (t) => {
    const world = await testSandbox(t);
    const open = await world.open('open');
    await open.run(daemon(90_005));
    const box = world.newBox('opening');
    const opening = world.executor.open({ sandbox: 'opening', run: 'r', purpose: 'agent', box, limits: LIMITS });
    await world.executor.dispose();
    assert.deepEqual([living(open.box, 90_005), living(box, 90_005)], [NONE, NONE]);
    assert.equal((await opening).ok, false);
    await world.executor.dispose();
  });

  it('is not needed for a cancel that comes while a new shell is started for the command', async (t) => {
    const world = await testSandbox(t);
    const open = await world.open('cancel');
    await open.run('exit 0');
    const running = open.run('sleep 90006');
    setImmediate(() => void world.executor.cancel('cancel'));
    const done = await running;
    assert.deepEqual([done.end, done.end === 'killed' ? done.by : ''], ['killed', 'cancelled']);
    assert.equal(await open.text('echo alive'), 'alive\n');
  });
});
