// A real `caisson serve` on a port of its own, for one test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { dataDirFor } from './cli-setup.ts';

export const ENTRY = join(import.meta.dirname, '..', '..', 'src', 'entry.ts');

export interface Served {
  readonly child: ChildProcess;
  readonly port: number;
  readonly common: readonly string[];
  /** What its log said so far. */
  readonly logged: () => string;
}

/** `config`: lines of YAML. */
export async function serve(context: TestContext, config: string): Promise<Served> {
  // Before its data directory goes.
  let stop = async () => {};
  context.after(() => stop());
  const { folder, dataDir } = dataDirFor(context);
  const file = join(folder, 'caisson.yaml');
  await writeFile(file, config);
  const common = ['--config', file, '--data-dir', dataDir];
  const child = spawn(process.execPath, [ENTRY, 'serve', '--port', '0', ...common], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'exit');
  stop = async () => {
    child.kill('SIGTERM');
    await gone;
  };
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { child, port: Number(/:(\d+)\n$/.exec(line)?.[1]), common, logged: () => log };
}
