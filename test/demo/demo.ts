// Owns the demo: the whole product on one small repository, driven through its own commands. Only the model's replies are recorded.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { makeFixture } from '../fixtures/make.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CAISSON = join(ROOT, 'bin', 'caisson');
const SCRIPT = join(import.meta.dirname, 'slugify.yaml');
const TASK = 'The tests of this library fail. Find out why, mend the library and make the tests pass.';
const BRANCH = 'caisson/demo';

const { values } = parseArgs({
  options: {
    endpoint: { type: 'string' },
    model: { type: 'string' },
    key: { type: 'string' },
    gguf: { type: 'string' },
    'engine-folder': { type: 'string' },
    broken: { type: 'boolean', default: false },
  },
});

interface Finished {
  readonly code: number;
  readonly output: string;
}

/** Runs one command of the product; `onLine` hears each line of its standard output as it comes. */
function caisson(words: readonly string[], onLine: (line: string) => void = () => {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CAISSON, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      onLine(line);
    });
    createInterface({ input: child.stderr }).on('line', onLine);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output: lines.join('\n') }));
  });
}

function heading(text: string): void {
  console.log(`\n── ${text} ${'─'.repeat(Math.max(0, 76 - text.length))}`);
}

/** Answers the question of the run from a second process, as a person at another terminal would. */
async function answerFromAnotherTerminal(question: string, common: readonly string[]): Promise<void> {
  const waiting = await caisson(['approvals', ...common]);
  console.log(`        (another terminal) caisson approvals\n        ${waiting.output}`);
  console.log(`        (another terminal) caisson approve ${question}`);
  const answered = await caisson(['approve', question, '--note', 'looked at the diff', ...common]);
  if (answered.code !== 0) throw new Error(`the answer was not taken: ${answered.output}`);
}

async function showEvidence(run: string, common: readonly string[]): Promise<boolean> {
  heading('the diff');
  console.log((await caisson(['diff', run, ...common])).output);
  heading('the decisions');
  const events = (await caisson(['show', run, '--json', ...common])).output.split('\n').map((line) => JSON.parse(line));
  for (const { step, body } of events)
    if (body.type === 'decided')
      console.log(`step ${step}  ${body.verdict.padEnd(5)} ${body.effect.padEnd(8)} ${body.rule}`);
  heading('the journal');
  const verified = await caisson(['journal', 'verify', ...common]);
  console.log(verified.output);
  return verified.code === 0;
}

async function main(): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const state = process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  const dataDir = isRoot ? '/var/lib/caisson/demo' : join(state, 'caisson', 'demo');
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const folder = await mkdtemp(join(tmpdir(), 'caisson-demo-'));
  try {
    const { repo } = await makeFixture(
      values.broken ? 'slugify-js-broken-differently' : 'slugify-js',
      join(folder, 'repo'),
    );
    return await demonstrate(repo, ['--data-dir', dataDir], await engineWords(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the run is told of the model: an endpoint, a GGUF file, or the recorded replies. */
async function engineWords(folder: string): Promise<readonly string[]> {
  const { endpoint, gguf, model, key } = values;
  if (gguf !== undefined) return ['--config', await configFor(gguf, folder)];
  if (endpoint === undefined) return ['--script', SCRIPT];
  const named = model === undefined ? [] : ['--model', model];
  return ['--endpoint', endpoint, ...named, ...(key === undefined ? [] : ['--key', key])];
}

/** Path of a configuration with this GGUF file as its only model. */
async function configFor(gguf: string, folder: string): Promise<string> {
  const engine = values['engine-folder'];
  const backend = {
    name: 'gguf',
    type: 'llama',
    model_file: resolve(gguf),
    slots: 1,
    ...(engine === undefined ? {} : { engine_folder: resolve(engine) }),
  };
  const file = join(folder, 'caisson.yaml');
  await writeFile(file, JSON.stringify({ backends: [backend], model: basename(gguf).replace(/\.gguf$/i, '') }));
  return file;
}

async function demonstrate(repo: string, common: readonly string[], engine: readonly string[]): Promise<number> {
  heading('the run');
  let run = '';
  const answers: Promise<void>[] = [];
  const ran = await caisson(['run', TASK, '--repo', repo, '--apply', BRANCH, ...engine, ...common], (line) => {
    console.log(line);
    run ||= /^run {5}(run_\w+)/.exec(line)?.[1] ?? '';
    const question = /waiting for a person: question (\S+)/.exec(line)?.[1];
    if (question !== undefined) answers.push(answerFromAnotherTerminal(question, common));
  });
  await Promise.all(answers);
  if (run === '') return 1;
  const done = ran.code === 0;
  const journalIsSound = done && (await showEvidence(run, common));
  heading('look further');
  const flags = common.join(' ');
  for (const command of [`show ${run}`, `diff ${run}`, 'journal verify', 'runs'])
    console.log(`bin/caisson ${command} ${flags}`);
  if (!done || !journalIsSound) {
    console.log('\nThe demo FAILED: the run did not end with checks that passed. Its journal says why.');
    return 1;
  }
  if (engine.includes('--script'))
    console.log('\nRecorded: the replies of the model. Real: everything else that you saw.');
  return 0;
}

process.exitCode = await main();
