// Owns `npm run test:sdk`: every SDK through every case, against the real service over scripted engines. One line for each case.
// `--only NAME` drives the SDKs whose name begins so.
import { spawn } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { EXPECTED, MODES, outcomeOf, type Told } from './cases.ts';
import { type Installed, installNode, installPython } from './install.ts';
import { SDK_SCENES } from './scenes.ts';
import { type Stage, startStage } from './service.ts';

interface Sdk {
  readonly name: string;
  readonly language: 'node' | 'python';
  readonly words: readonly string[];
}

const SDKS: readonly Sdk[] = [
  { name: 'openai-node-chat', language: 'node', words: ['openai-chat.mjs'] },
  { name: 'openai-node-responses', language: 'node', words: ['openai-responses.mjs'] },
  { name: 'anthropic-node', language: 'node', words: ['anthropic.mjs'] },
  { name: 'vercel-compatible', language: 'node', words: ['vercel.mjs', 'compatible'] },
  { name: 'vercel-responses', language: 'node', words: ['vercel.mjs', 'responses'] },
  { name: 'vercel-anthropic', language: 'node', words: ['vercel.mjs', 'anthropic'] },
  { name: 'langchain-js', language: 'node', words: ['langchain.mjs'] },
  { name: 'agents-js-chat', language: 'node', words: ['agents.mjs', 'chat'] },
  { name: 'agents-js-responses', language: 'node', words: ['agents.mjs', 'responses'] },
  { name: 'openai-python-chat', language: 'python', words: ['openai_chat.py'] },
  { name: 'openai-python-responses', language: 'python', words: ['openai_responses.py'] },
  { name: 'anthropic-python', language: 'python', words: ['anthropic_messages.py'] },
  { name: 'langchain-python', language: 'python', words: ['langchain_openai_chat.py'] },
  { name: 'agents-python-chat', language: 'python', words: ['agents_sdk.py', 'chat'] },
  { name: 'agents-python-responses', language: 'python', words: ['agents_sdk.py', 'responses'] },
];
const LANES = ['lane-1', 'lane-2', 'lane-3'];
const QUIET = 'quiet';
const SDK_MS = 150_000;
const SIGHT_MS = 3000;
const SETTLE_MS = 300;
const HERE = import.meta.dirname;

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
process.exitCode = await main(SDKS.filter(({ name }) => name.startsWith(values.only)));

async function main(wanted: readonly Sdk[]): Promise<number> {
  const began = Date.now();
  const [node, python] = await Promise.all([
    installNode('node', join(HERE, 'node')),
    installPython('python', join(HERE, 'python', 'requirements.txt')),
  ]);
  const places = { node, python };
  const missing = Object.values(places).flatMap((place) => (place.ok ? [] : [place.why]));
  for (const why of missing) console.log(`left out: ${why}`);
  const waiting = wanted.filter(({ language }) => places[language].ok);
  const stage = await startStage([...LANES, QUIET], SDK_SCENES);
  const counts = { passed: 0, failed: 0 };
  try {
    const drive = async (lane: string) => {
      for (let sdk = waiting.shift(); sdk !== undefined; sdk = waiting.shift())
        await driveSdk(sdk, places[sdk.language], lane, stage, counts);
    };
    await Promise.all(LANES.map(drive));
  } finally {
    await stage.stop().catch((error: Error) => {
      console.log(`FAIL the end of the service: ${error.message}`);
      counts.failed += 1;
    });
  }
  console.log(`${Math.round((Date.now() - began) / 1000)} s`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  const isIncomplete = missing.length > 0 && process.env['CI'] === 'true';
  return counts.failed > 0 || counts.passed === 0 || isIncomplete ? 1 : 0;
}

async function driveSdk(
  { name, language, words: [script = '', ...words] }: Sdk,
  place: Installed,
  lane: string,
  stage: Stage,
  counts: { passed: number; failed: number },
): Promise<void> {
  if (!place.ok) return;
  // The scripts find their packages beside them.
  for (const file of readdirSync(join(HERE, language)).filter((file) => /\.(?:mjs|py)$/.test(file)))
    cpSync(join(HERE, language, file), join(place.folder, file));
  const program = language === 'node' ? process.execPath : join(place.folder, 'venv', 'bin', 'python');
  const child = spawn(program, [join(place.folder, script), ...words], {
    cwd: stage.folder,
    timeout: SDK_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: stage.folder,
      PYTHONDONTWRITEBYTECODE: '1',
      CAISSON_URL: stage.url,
      CAISSON_KEY: stage.key,
      CAISSON_MODEL: lane,
      CAISSON_QUIET_MODEL: QUIET,
      CAISSON_ENGINES: JSON.stringify(stage.engines),
    },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const open = new Set(Object.keys(EXPECTED).flatMap((scene) => MODES.map((mode) => `${scene}#${name}/${mode}`)));
  const verdicts: Promise<boolean>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) return;
    const told = JSON.parse(line) as Told;
    open.delete(told.case);
    verdicts.push(judge(told, stage));
  });
  const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  const passed = (await Promise.all(verdicts)).filter(Boolean).length;
  for (const id of open) console.log(`FAIL ${id}: nothing was said of it; the program ended with ${String(ended)}`);
  if (open.size > 0) console.log(errors.slice(-2000).replace(/^/gm, '     | '));
  counts.passed += passed;
  counts.failed += verdicts.length - passed + open.size;
}

async function judge(told: Told, stage: Stage): Promise<boolean> {
  const [scene = ''] = told.case.split('#');
  const expected = EXPECTED[scene];
  // A request too many comes late.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  let actual = outcomeOf(told, await stage.sight(told.model, told.case));
  // What the engine sees is told by another process, a moment later.
  for (const until = Date.now() + SIGHT_MS; !isDeepStrictEqual(actual, expected) && Date.now() < until;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    actual = outcomeOf(told, await stage.sight(told.model, told.case));
  }
  const ok = isDeepStrictEqual(actual, expected);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${told.case}`);
  if (!ok) {
    console.log(`     expected ${JSON.stringify(expected)}\n     actual   ${JSON.stringify(actual)}`);
    if (told.error !== undefined) console.log(`     ${told.error}`);
  }
  return ok;
}
