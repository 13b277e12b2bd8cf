// Owns what the words of the command line lead to: the service, the runner, or a command.
import { CaissonError } from './base/errors.ts';
import { type Surroundings, runCommandLine } from './cli/cli.ts';
import { type Flags, textFlag } from './cli/context.ts';
import type { Overseer } from './cli/overseer.ts';
import { createTerminal } from './cli/terminal.ts';
import type { LoadedConfig } from './config/load.ts';
import { resolveSecret } from './config/secret.ts';
import { COMMANDS } from './commands.ts';
import { configOf } from './entry-config.ts';
import type { WorkerThread } from './store/worker-port.ts';
import { VERSION } from './version.ts';

/** `thread`: of the store, for whoever opens one. */
export async function start(thread: WorkerThread | undefined): Promise<void> {
  const [name, ...rest] = process.argv.slice(2);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  // A service reads its certificate again; with anything else its terminal has gone.
  const hangup = new EventTarget();
  process.on('SIGHUP', () => (name === 'serve' ? hangup.dispatchEvent(new Event('hangup')) : stop.abort()));
  if (name === 'serve') return (await import('./main.ts')).serve(rest, { stop: stop.signal, hangup }, thread);
  if (name === 'runner') return (await import('./runner.ts')).runRunner(rest, stop.signal);
  const terminal = createTerminal(process.stdout, process.stderr);
  const around: Surroundings = {
    terminal,
    signal: stop.signal,
    version: VERSION,
    commands: COMMANDS,
    confirm: (question) => confirm(question, terminal.interactive && process.stdin.isTTY),
    contextFor: (flags) => ({
      config: (project) => configOf(flags, project),
      overseer: (loaded) => overseerOf(flags, loaded, thread),
    }),
  };
  process.exitCode = await runCommandLine(process.argv.slice(2), around);
}

async function confirm(question: string, interactive: boolean): Promise<boolean> {
  if (!interactive) return false;
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}

/** A service that is named, else one that answers on this machine's socket, else the work is done here. */
async function overseerOf(flags: Flags, loaded: LoadedConfig, thread: WorkerThread | undefined): Promise<Overseer> {
  const url = textFlag(flags, 'url') ?? loaded.client.url;
  if (url !== undefined) {
    const { createHttpOverseer } = await import('./cli/http-overseer.ts');
    const key =
      textFlag(flags, 'key') ?? (loaded.client.key === undefined ? undefined : await resolveSecret(loaded.client.key));
    return createHttpOverseer(key === undefined ? { url } : { url, key });
  }
  const { existsSync } = await import('node:fs');
  const socket = `${loaded.dataDir}/sock/caisson.sock`;
  if (existsSync(socket)) {
    const { answers } = await import('./cli/http-call.ts');
    if (await answers({ socket }, 2000)) {
      const ownEngine = ['endpoint', 'gguf', 'script'].find((flag) => textFlag(flags, flag) !== undefined);
      if (ownEngine !== undefined)
        throw new CaissonError(
          'data_dir_locked',
          `a Caisson is at work on ${loaded.dataDir}, and --${ownEngine} is for one that works here`,
        );
      return (await import('./cli/http-overseer.ts')).createHttpOverseer({ socket });
    }
  }
  return (await import('./offline.ts')).openOffline(loaded, thread);
}
