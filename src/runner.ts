// Owns the executor as a process of its own: the only one that touches firejail, with neither keys nor journal beside it.
import { mkdir, writeFile } from 'node:fs/promises';
import { rgPath } from '@vscode/ripgrep';
import { CaissonError, errorFrom, formatError } from './base/errors.ts';
import { jsonLogger } from './base/logger.ts';
import { parseWords } from './cli/cli.ts';
import { configOf } from './entry-config.ts';
import { sandboxSetup } from './executors.ts';
import { placesOf } from './places.ts';
import { createExecutor } from './sandbox/executor.ts';
import { fillToolbox } from './sandbox/toolbox.ts';
import { serveExecutor } from './sandbox/wire-server.ts';

/** Serves until the signal aborts. The service finds it with executor.mode: socket. */
export async function runRunner(words: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    const { flags } = parseWords('runner', { flags: {}, positionals: [0, 0], usage: '' }, words);
    const config = await configOf(flags, undefined);
    const logger = jsonLogger((line) => process.stderr.write(line), Date.now, config.logLevel);
    const places = placesOf(config);
    await mkdir(places.runsRoot, { recursive: true, mode: 0o711 });
    await mkdir(places.dataDir, { recursive: true, mode: 0o711 });
    await writeFile(places.canary, 'runner\n', { mode: 0o644 });
    await fillToolbox(places.toolbox, { node: process.execPath, rg: rgPath });
    const executor = createExecutor(sandboxSetup(config, places, logger));
    const probe = await executor.probe('start');
    if (!probe.ok) throw errorFrom(probe.error);
    const failed = probe.value.checks.filter((check) => !check.ok);
    if (failed.length > 0)
      throw new CaissonError(
        'sandbox_self_test_failed',
        failed.map((check) => `${check.name}: ${check.seen}`).join('; '),
      );
    const server = await serveExecutor(executor, config.executor.socket);
    logger.info('the runner is ready', { socket: config.executor.socket });
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await server.close();
    await executor.dispose();
  } catch (error) {
    process.stderr.write(`caisson runner: ${formatError(error)}\n`);
    process.exitCode = 1;
  }
}
