// Owns a service of its own for the tests of unfit hosts: it opens one sandbox and says how that went.
import { systemClock } from '../../src/base/clock.ts';
import { reportOf } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createExecutor } from '../../src/sandbox/executor.ts';
import type { SandboxSetup } from '../../src/sandbox/setup.ts';
import { fitness, keeping, LIMITS, probing } from './setup.ts';

type Order = Pick<SandboxSetup, 'boxesRoot' | 'canary' | 'toolbox' | 'hidden' | 'user'> & { readonly box: string };

const { box, ...order } = JSON.parse(process.argv[2] ?? '') as Order;
try {
  const executor = createExecutor({ ...order, keeping, probing, fitness, clock: systemClock, logger: silentLogger });
  const opened = await executor.open({ sandbox: 's', run: 'r', purpose: 'agent', box, limits: LIMITS });
  process.stdout.write(
    opened.ok ? 'opened\n' : `${opened.error.code}: ${opened.error.message}\n${opened.error.hint}\n`,
  );
  await executor.dispose();
} catch (error) {
  const { code, message } = reportOf(error);
  process.stdout.write(`${code}: ${message}\n`);
}
