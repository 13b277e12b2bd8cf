// Owns a service of its own for the tests of death: opens a sandbox, runs what it is told there and says so, or sweeps. It is killed.
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createExecutor } from '../../src/sandbox/executor.ts';
import type { SandboxSetup } from '../../src/sandbox/setup.ts';
import { fitness, keeping, LIMITS, probing } from './setup.ts';

type Order = Pick<SandboxSetup, 'boxesRoot' | 'canary' | 'toolbox' | 'hidden' | 'user'> &
  ({ readonly sweep: true } | { readonly box: string; readonly first: string; readonly last: string });

const order = JSON.parse(process.argv[2] ?? '') as Order;
const executor = createExecutor({ ...order, keeping, probing, fitness, clock: systemClock, logger: silentLogger });
if ('sweep' in order) {
  process.stdout.write(`${JSON.stringify(await executor.sweep())}\n`);
  await executor.dispose();
} else {
  const opened = await executor.open({ sandbox: 's', run: 'r', purpose: 'agent', box: order.box, limits: LIMITS });
  const base = { sandbox: 's', exec: 'e', timeoutMs: 600_000, outputBytes: 4096, keep: false };
  const first = await executor.exec({ ...base, command: order.first });
  process.stdout.write(`${JSON.stringify({ opened: opened.ok, first })}\n`);
  await executor.exec({ ...base, command: order.last });
}
