// Owns the playing of the three-turn task by each client against the real service, and the verdict. Knows no installing.
// Arguments: the folder of the packages, and how the name of a client begins.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Sight } from '../sdk/engine.ts';
import type { Scene, Scenes, Step } from '../sdk/scenes.ts';
import { type Stage, startStage } from '../sdk/service.ts';
import { type Client, CLIENTS, prepare } from './clients.ts';

const LANES = ['lane-1', 'lane-2'];
const CLIENT_MS = 150_000;
const SETTLE_MS = 300;
const NOTE = 'written by the second turn';
const FAREWELL = 'The note is written.';
/** What a client would run if it took half a call for a whole one. */
const HALF = 'touch half.txt';
const WHOLE = 'touch whole.txt';

interface Ended {
  readonly code: number | string;
  readonly output: string;
}

interface Play {
  readonly client: Client;
  readonly dies: boolean;
  readonly folder: string;
  readonly scene: string;
}

const [packages = '', only = ''] = process.argv.slice(2);
process.exitCode = await main(CLIENTS.filter(({ name }) => name.startsWith(only)));

async function main(clients: readonly Client[]): Promise<number> {
  const began = Date.now();
  // Some clients compare the names of places, so there is no link in it.
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'caisson-clients-')));
  const plays = clients.flatMap((client) =>
    [false, true].map((dies): Play => {
      const scene = `${client.name}-${dies ? 'dies-once' : 'task'}`;
      return { client, dies, scene, folder: join(base, scene) };
    }),
  );
  const scenes: Scenes = Object.fromEntries(plays.map((play) => [play.scene, sceneOf(play)]));
  const stage = await startStage(LANES, scenes);
  const counts = { passed: 0, failed: 0 };
  try {
    const waiting = [...plays];
    const work = async (lane: string) => {
      for (let play = waiting.shift(); play !== undefined; play = waiting.shift())
        counts[(await judge(play, lane, stage)) ? 'passed' : 'failed'] += 1;
    };
    await Promise.all(LANES.map(work));
  } finally {
    await stage.stop().catch((error: Error) => {
      console.log(`FAIL the end of the service: ${error.message}`);
      counts.failed += 1;
    });
    rmSync(base, { recursive: true, force: true });
  }
  console.log(`${Math.round((Date.now() - began) / 1000)} s`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

/** Shell, a file, text. Where the engine dies, it is in the middle of the call of the shell. */
function sceneOf({ client, dies, folder }: Play): Scene {
  const { tool: name, argument, more = {} } = client.shell;
  const note = client.write(join(folder, 'work', 'note.txt'), NOTE);
  const turns: Step[][] = [
    [
      { does: 'think', text: 'First the shell.' },
      { does: 'call', name, arguments: { [argument]: WHOLE, ...more } },
    ],
    [
      { does: 'say', text: 'Now the note.' },
      { does: 'call', ...note },
    ],
    [{ does: 'say', text: FAREWELL }],
  ];
  const half = `{"${argument}": "${HALF}`;
  const steps: Step[] = [{ does: 'begin_call', name, argumentsText: half }, { does: 'die' }];
  return dies ? { turns, diesOnce: { turn: 0, steps } } : { turns };
}

async function judge(play: Play, lane: string, stage: Stage): Promise<boolean> {
  const id = `${play.scene}#${lane}`;
  const began = Date.now();
  const ended = await run(play, lane, stage, `Do the task. scene:${id}`);
  // A request too many comes late.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const sight = await stage.sight(lane, id);
  const [expected, actual] = [expectedOf(play), outcomeOf(play, ended, sight)];
  const ok = isDeepStrictEqual(actual, expected);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${play.scene} (${Math.round((Date.now() - began) / 1000)} s)`);
  if (!ok) {
    console.log(`     expected ${JSON.stringify(expected)}\n     actual   ${JSON.stringify(actual)}`);
    console.log(`     the engine saw ${JSON.stringify(sight)}`);
    console.log(ended.output.slice(-3000).replace(/^/gm, '     | '));
  }
  return ok;
}

function expectedOf({ client, dies }: Play): object {
  return {
    code: 0,
    saysFarewell: true,
    note: NOTE,
    ranTheWhole: true,
    ranHalf: false,
    requests: (dies ? 4 : 3) + client.besides,
    deaths: dies ? 1 : 0,
  };
}

function outcomeOf({ folder }: Play, { code, output }: Ended, { requests, deaths }: Sight): object {
  const note = join(folder, 'work', 'note.txt');
  return {
    code,
    saysFarewell: output.includes(FAREWELL),
    note: existsSync(note) ? readFileSync(note, 'utf8').trimEnd() : undefined,
    ranTheWhole: existsSync(join(folder, 'work', 'whole.txt')),
    ranHalf: existsSync(join(folder, 'work', 'half.txt')),
    requests,
    deaths,
  };
}

function run({ client, folder }: Play, model: string, { url, key }: Stage, prompt: string): Promise<Ended> {
  const [home, work] = [join(folder, 'home'), join(folder, 'work')];
  mkdirSync(home, { recursive: true });
  mkdirSync(work, { recursive: true });
  const { argv, env } = prepare(client, { url, key, model, home, packages }, prompt);
  const [program = '', ...words] = argv;
  const child = spawn(program, words, { cwd: work, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const timer = setTimeout(() => killGroup(child.pid), CLIENT_MS);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: error.message, output }));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      killGroup(child.pid);
      resolve({ code: code ?? signal ?? 'unknown', output });
    });
  });
}

/** Whatever a client started belongs to its group; some leave a server behind. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing was left.
  }
}
