// Owns the proof of the commands as a person types them: real processes, real signals, real exit codes.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { commandLine, listProcesses } from '../../src/sandbox/processes.ts';
import { makeFixture } from '../fixtures/make.ts';
import { dataDirFor, run as git } from './cli-setup.ts';

const CAISSON = join(import.meta.dirname, '..', '..', 'bin', 'caisson');

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(words: readonly string[], onLine: (line: string, child: ChildProcess) => void = () => {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CAISSON, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      out += `${line}\n`;
      onLine(line, child);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

async function scene(t: TestContext, script: string) {
  const { folder, dataDir } = dataDirFor(t);
  const { repo } = await makeFixture('slugify-js', folder);
  const file = join(folder, 'script.yaml');
  writeFileSync(file, `name: t\nmodel: recorded\nturns:\n${script}`);
  const common = ['--data-dir', dataDir];
  return { folder, dataDir, repo, common, words: ['run', 'mend it', '--repo', repo, '--script', file, ...common] };
}

const FIX = `  - reply:
      calls:
        - name: edit
          arguments:
            path: src/slugger.js
            old: '    return count === 1 ? base : \`\${base}\${separator}\${count}\`;'
            new: '    return count === 1 ? base : \`\${base}\${separator}\${count}\`; // seen'
  - expect: { tool: edit, status: ok }
    reply: { calls: [{ name: finish, arguments: { summary: done, checked: nothing } }] }
`;
const SLEEP = `  - reply: { calls: [{ name: bash, arguments: { command: 'setsid sleep 7391 & sleep 7391' } }] }
`;

function alive(word: string): number {
  return listProcesses().filter((one) => one.state !== 'Z' && commandLine(one.pid).includes(word)).length;
}

describe('caisson on the command line', () => {
  it('ends with 0 when the checks passed, and apply makes a branch and touches nothing else', async (t) => {
    const { repo, common, words } = await scene(t, FIX);
    const before = git(repo, 'status', '--porcelain=v2', '--branch');
    const ran = await start([...words, '--check', 'ok=grep -q seen src/slugger.js']);
    assert.equal(ran.code, 0, ran.err + ran.out);
    const id = /run_\w+/.exec(ran.out)?.[0] ?? '';
    const applied = await start(['apply', id, '--repo', repo, '--branch', 'fix', '--yes', ...common]);
    assert.equal(applied.code, 0, applied.err);
    assert.match(git(repo, 'diff', 'main', 'fix'), /\/\/ seen/);
    assert.equal(git(repo, 'status', '--porcelain=v2', '--branch'), before);
    assert.equal(
      (await start(['apply', id, '--repo', repo, '--branch', 'fix', '--yes', ...common])).code,
      0,
      'done twice',
    );
    const verified = await start(['journal', 'verify', ...common]);
    assert.match(verified.out, /^journal verified: \d+ events/);
  });

  it('shows which steps can be gone back to, compares them, and goes on from one as a new run', async (t) => {
    const { common, words } = await scene(t, FIX);
    const script = words.slice(words.indexOf('--script'), words.indexOf('--script') + 2);
    const ran = await start([...words, '--check', 'ok=grep -q seen src/slugger.js']);
    const id = /run_\w+/.exec(ran.out)?.[0] ?? '';
    const shown = await start(['show', id, ...common]);
    assert.match(shown.out, /files after step 1 kept as [0-9a-f]{12} \(1 path changed\)/);
    assert.ok(shown.out.endsWith(`files of these steps are kept: 1, 2 (caisson rewind ${id} --to STEP)\n`));
    const compared = await start(['diff', id, '--to', '1', ...common]);
    assert.equal(compared.out, (await start(['diff', id, ...common])).out);
    const again = await start(['rewind', id, '--to', '1', ...script, ...common]);
    assert.equal(again.code, 0, again.err + again.out);
    assert.match(again.out, new RegExp(`^run     run_\\w+ goes on where ${id} was after step 1\n`));
    assert.match(again.out, /step 2 {2}finish/);
    assert.equal((await start(['rewind', id, ...common])).code, 2, 'a step must be named');
    assert.match((await start(['rewind', id, '--to', '7', ...common])).err, /has the steps 0 to 2, and no step 7/);
  });

  it('ends with 1 when the checks are red, and keeps the patch', async (t) => {
    const { common, words } = await scene(t, FIX);
    const ran = await start([...words, '--check', 'red=false']);
    assert.equal(ran.code, 1);
    assert.match(ran.out, /rehearsal_left_script/);
    const id = /run_\w+/.exec(ran.out)?.[0] ?? '';
    assert.match((await start(['diff', id, ...common])).out, /^\+.*\/\/ seen$/m);
    const applied = await start(['apply', id, '--yes', ...common]);
    assert.deepEqual([applied.code, /run_without_patch|no patch to apply/.test(applied.err)], [1, true]);
  });

  it('cancels at the first Ctrl-C, ends with 130 and leaves no process and no file of the run', async (t) => {
    const { dataDir, common, words } = await scene(t, SLEEP);
    const ran = await start(words, (line, child) => {
      if (/bash +setsid sleep/.test(line)) setTimeout(() => child.kill('SIGINT'), 300);
    });
    assert.equal(ran.code, 130, ran.err + ran.out);
    assert.match(ran.out, /cancelled by/);
    assert.deepEqual(
      [alive('7391'), existsSync(join(dataDir, 'runs')) ? readdirSync(join(dataDir, 'runs')) : []],
      [0, []],
    );
    assert.equal((await start(['journal', 'verify', ...common])).code, 0);
  });

  it('prints each event and the run as JSON for a program', async (t) => {
    const { words } = await scene(t, FIX);
    const ran = await start([...words, '--check', 'ok=true', '--json']);
    const lines = ran.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; end?: unknown; body?: { type: string } });
    assert.equal(lines[0]?.body?.type, 'run_started');
    assert.equal(lines.at(-2)?.body?.type, 'run_ended');
    assert.deepEqual(lines.at(-1)?.end, { end: 'done', verified: true });
  });

  it('has one clear message and no trace for each wrong wish', async (t) => {
    const { folder, repo, common } = await scene(t, FIX);
    mkdirSync(join(folder, 'plain'));
    const endpoint = ['--endpoint', 'http://127.0.0.1:9/v1', '--model', 'm'];
    const wishes: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['run', 'x', '--repo', join(folder, 'none'), ...endpoint], 1, /nothing there|no such/i],
      [['run', 'x', '--repo', join(folder, 'plain'), ...endpoint], 1, /not in a git repository|no git repository/],
      [['run', '', '--repo', repo, ...endpoint], 2, /task is empty/],
      [['run', 'x', '--repo', repo], 1, /model|backend/],
      [['run', 'x', '--repo', repo, '--check', 'broken', ...endpoint], 2, /NAME=COMMAND/],
      [['run', 'x', '--repo', repo, '--endpoint', 'nonsense'], 1, /--endpoint/],
      [['run', 'x', '--repo', repo, '--gguf', 'x.gguf', ...endpoint], 2, /--endpoint and --gguf both name the model/],
      [['show', 'run_none'], 1, /no run run_none/],
      [['approve', 'q_none'], 1, /no question q_none/],
      [['keys', 'create', 'x', '--role', 'king'], 2, /king/],
      [['serve', '--port', 'x'], 2, /--port x/],
      [['serve', '--script', 'x.yaml'], 1, /recorded|rehearsal|script/],
    ];
    for (const [words, code, expected] of wishes) {
      const ran = await start([...words, ...common]);
      assert.deepEqual({ words, code: ran.code, said: expected.test(ran.err) }, { words, code, said: true }, ran.err);
      assert.match(ran.err, /→/);
    }
  });

  it('ends a run whose endpoint is down as failed, with what to do', async (t) => {
    const { repo, common } = await scene(t, FIX);
    const wish = [
      'run',
      'x',
      '--repo',
      repo,
      '--endpoint',
      'http://127.0.0.1:9/v1',
      '--model',
      'm',
      '--check',
      't=true',
    ];
    const ran = await start([...wish, ...common]);
    assert.equal(ran.code, 1);
    assert.match(ran.out, /127\.0\.0\.1:9/);
    assert.match(ran.out, /→/);
  });

  it('refuses a second Caisson on one data directory', async (t) => {
    const { common, words } = await scene(t, SLEEP);
    let second: Promise<Ran> | undefined;
    const first = await start(words, (line, child) => {
      if (!/bash +setsid sleep/.test(line)) return;
      second = start(['serve', '--port', '0', '--endpoint', 'http://127.0.0.1:9/v1', ...common]);
      void second.finally(() => child.kill('SIGINT'));
    });
    const refused = await second;
    assert.equal(first.code, 130);
    assert.deepEqual([refused?.code, /in use|data directory/.test(refused?.err ?? '')], [1, true]);
  });
});
