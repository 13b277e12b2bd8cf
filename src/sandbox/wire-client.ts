// Owns the executor as its clients see it through the socket. A lost connection rejects what is pending and all that comes.
import { connect, type Socket } from 'node:net';
import { CaissonError, errorFrom } from '../base/errors.ts';
import type { Executor } from '../contracts/executor.ts';
import { createLineReader, type Method, type Reply } from './wire.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Rejects with `runner_unreachable` if nobody answers there. */
export async function connectExecutor(socketPath: string): Promise<Executor> {
  const socket = await open(socketPath);
  const pending = new Map<number, Pending>();
  let count = 0;
  const lose = () => {
    for (const { reject } of pending.values()) reject(lost(socketPath));
    pending.clear();
  };
  socket.on('close', lose).on('error', () => {});
  socket.on(
    'data',
    createLineReader(
      (line) => settle(pending, JSON.parse(line) as Reply),
      () => socket.destroy(),
    ),
  );
  const call = <Value>(method: Method, argument?: unknown): Promise<Value> =>
    new Promise<unknown>((resolve, reject) => {
      if (socket.destroyed) {
        reject(lost(socketPath));
        return;
      }
      count += 1;
      pending.set(count, { resolve, reject });
      socket.write(`${JSON.stringify({ id: count, method, argument })}\n`);
    }) as Promise<Value>;
  return {
    probe: () => call('probe'),
    open: (request) => call('open', request),
    exec: (request) => call('exec', request),
    cancel: async (sandbox) => {
      await call('cancel', sandbox);
    },
    close: (sandbox) => call('close', sandbox),
    sweep: () => call('sweep'),
    dispose: async () => {
      socket.destroy();
    },
  };
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', (cause) =>
      reject(new CaissonError('runner_unreachable', `no runner answers at ${path}: ${cause.message}`, { cause })),
    );
  });
}

function settle(pending: Map<number, Pending>, reply: Reply): void {
  const waiting = pending.get(reply.id);
  pending.delete(reply.id);
  if ('error' in reply) waiting?.reject(errorFrom(reply.error));
  else waiting?.resolve(reply.value);
}

function lost(path: string): CaissonError {
  return new CaissonError('runner_unreachable', `the connection to the runner at ${path} was lost`);
}
