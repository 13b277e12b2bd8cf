// Owns one process of the engine: its start, its words, its death. It gets no environment and no files but its model. Knows no request.
import { type ChildProcess, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { whyUnfit } from './fitness.ts';
import { type LoadOrder, type Loaded, type Order, type Report, reportSchema, WIRE_VERSION } from './wire.ts';

export interface EngineProcess {
  readonly pid: number;
  send(order: Order): void;
  /** A process that works keeps the service alive, one that waits does not. */
  keepAlive(alive: boolean): void;
  /** Resolves when it is dead. */
  kill(): Promise<void>;
}

export interface Listener {
  report(report: Exclude<Report, Loaded | { readonly type: 'refused' }>): void;
  /** `how`: a signal or an exit status; `said`: its last words, for the log. */
  died(how: string, said: string): void;
}

export type Launched = { readonly child: EngineProcess; readonly loaded: Loaded } | Refused;

/** `hint`: what to do. */
export interface Refused {
  readonly refused: string;
  readonly hint: string;
}

export interface LaunchOptions {
  readonly order: Omit<LoadOrder, 'type' | 'version'>;
  /** Where the library of the engine is installed. */
  readonly engineFolder: string;
}

const LIBRARY = join('node_modules', 'node-llama-cpp', 'dist', 'index.js');
const SERVE = pathToFileURL(join(import.meta.dirname, 'child', 'serve.ts')).href;
/**
 * The library is named when the process starts: it is not installed with Caisson. Processes in which it tries its binaries would
 * get the arguments of this one.
 */
const START = `const [library, serve] = process.argv.slice(1);
process.execArgv.length = 0;
(await import(serve)).serve(await import(library));`;
const SAID_KEPT = 4000;
const MODEL_HINT = 'Correct model_file, context or slots of the backend; `caisson doctor` tries it again.';

/** Resolves when the model is loaded, or it is sure that it will not be. */
export async function launch(options: LaunchOptions, listener: Listener): Promise<Launched> {
  const why = await whyNot(options);
  if (why !== undefined) return why;
  const child = start(join(options.engineFolder, LIBRARY));
  const { promise, resolve } = Promise.withResolvers<Launched>();
  hear(child, listener, resolve);
  child.send({ ...options.order, type: 'load', version: WIRE_VERSION } satisfies Order);
  return promise;
}

/** What can be seen without a start: that the engine is installed, and that the file may be loaded. */
export async function whyNot({ engineFolder, order }: LaunchOptions): Promise<Refused | undefined> {
  const isThere = await access(join(engineFolder, LIBRARY)).then(
    () => true,
    () => false,
  );
  if (!isThere)
    return {
      refused: `the engine for GGUF files is not installed in ${engineFolder}`,
      hint: `Install it: npm ci --prefix ${engineFolder}`,
    };
  const unfit = await whyUnfit(order);
  return unfit === undefined ? undefined : { refused: unfit, hint: MODEL_HINT };
}

function start(library: string): ChildProcess {
  const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', START];
  return spawn(process.execPath, [...argv, pathToFileURL(library).href, SERVE], {
    env: {},
    cwd: '/',
    // A group of its own: what a terminal sends to the service is not for the engine.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

function hear(child: ChildProcess, listener: Listener, launched: (result: Launched) => void): void {
  const schema = reportSchema();
  let said = '';
  let isUp = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-SAID_KEPT)));
  child.on('message', (words) => {
    const parsed = schema.safeParse(words);
    if (!parsed.success) {
      said += ' (it spoke words that are none of the wire)';
      child.kill('SIGKILL');
    } else if (parsed.data.type === 'loaded') {
      isUp = true;
      const engine = handle(child);
      engine.keepAlive(false);
      launched({ child: engine, loaded: parsed.data });
    } else if (parsed.data.type === 'refused') launched({ refused: parsed.data.message, hint: MODEL_HINT });
    else listener.report(parsed.data);
  });
  const end = (how: string) => {
    if (isUp) listener.died(how, said);
    else
      launched({
        refused: `the process of the engine ended while it loaded the model (${how})${lastLine(said)}`,
        hint: MODEL_HINT,
      });
  };
  child.on('error', (error) => end(error.message));
  child.on('exit', (code, signal) => end(signal ?? `exit status ${code}`));
}

function handle(child: ChildProcess): EngineProcess {
  return {
    pid: child.pid ?? 0,
    send: (order) => {
      // Its death is told by its exit.
      if (child.connected) child.send(order, () => {});
    },
    keepAlive: (alive) => {
      const turn = alive ? 'ref' : 'unref';
      child[turn]();
      child.channel?.[turn]();
      if (child.stderr instanceof Socket) child.stderr[turn]();
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once('exit', () => resolve());
      child.ref();
      child.kill('SIGKILL');
      await promise;
    },
  };
}

function lastLine(said: string): string {
  const last = said
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '');
  return last === undefined ? '' : `: ${last}`;
}
