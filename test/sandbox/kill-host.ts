// Owns the processes that the test of kills starts: a service with its executor, a runner, a client of a runner, and who comes after them.
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Executor } from '../../src/contracts/executor.ts';
import { createExecutor } from '../../src/sandbox/executor.ts';
import type { SandboxSetup } from '../../src/sandbox/setup.ts';
import { connectExecutor } from '../../src/sandbox/wire-client.ts';
import { serveExecutor } from '../../src/sandbox/wire-server.ts';
import { fitness, keeping, LIMITS, probing } from './setup.ts';

type Setup = Pick<SandboxSetup, 'boxesRoot' | 'canary' | 'toolbox' | 'hidden' | 'user' | 'groupName'>;

export type KillOrder = Setup &
  (
    | { readonly role: 'service'; readonly boxes: readonly string[]; readonly command: string }
    | { readonly role: 'runner'; readonly socket: string }
    | { readonly role: 'client'; readonly socket: string; readonly boxes: readonly string[]; readonly command: string }
    | { readonly role: 'after' }
  );

const order = JSON.parse(process.argv[2] ?? '') as KillOrder;
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

if (order.role === 'client') {
  const executor = await connectExecutor(order.socket);
  say('began');
  // A runner that was killed is gone: that is told, and ends this one.
  await work(executor, order.boxes, order.command).catch(() => {});
} else {
  const executor = createExecutor({ ...order, keeping, probing, fitness, clock: systemClock, logger: silentLogger });
  if (order.role === 'after') {
    say(await executor.sweep());
    await executor.dispose();
  } else if (order.role === 'runner') {
    await serveExecutor(executor, order.socket);
    say('began');
  } else {
    say('began');
    // One of them is in the middle of a probe when it is killed.
    void executor.probe('whole').catch(() => {});
    await work(executor, order.boxes, order.command);
  }
}

/** Opens all at once and runs in each, for as long as it is let. */
async function work(executor: Executor, boxes: readonly string[], command: string): Promise<void> {
  await Promise.all(
    boxes.map(async (box, index) => {
      const sandbox = `s${index}`;
      await executor.open({ sandbox, run: 'r', purpose: 'agent', box, limits: LIMITS });
      await executor.exec({ sandbox, exec: 'e', command, timeoutMs: 600_000, outputBytes: 4096, keep: true });
    }),
  );
}
