// Owns the executor as its clients see it through the socket. A lost connection rejects what is pending and all that comes.
import { connect, type Socket } from 'node:net';
import { CaissonError, errorFrom } from '../base/errors.ts';
import type { Executor } from '../contracts/executor.ts';
import { type Call, createLineReader, type Reply } from './wire.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Rejects with `runner_unreachable` if nobody answers there, as does every method once the connection is lost. */
export async function connectExecutor(socketPath: string): Promise<Executor> {
  const socket = await open(socketPath);
  const pending = new Map<number, Pending>();
  let count = 0;
  const lose = () => {
    for (const { reject } of pending.values()) reject(lost(socketPath));
    pending.clear();
  };
  const cutOff = () => socket.destroy();
  socket.on('close', lose).on('error', () => {});
  socket.on(
    'data',
    createLineReader((line) => settle(pending, line, cutOff), cutOff),
  );
  const call = <Value>(method: Call['method'], argument?: unknown): Promise<Value> =>
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
    probe: (depth) => call('probe', depth),
    open: (request) => call('open', request),
    exec: (request) => call('exec', request),
    cancel: async (sandbox) => {
      await call('cancel', sandbox);
    },
    permit: async (sandbox, grant) => {
      await call('permit', { sandbox, grant });
    },
    close: (sandbox) => call('close', sandbox),
    sweep: () => call('sweep'),
    dispose: async () => {
      if (!socket.destroyed) await call('leave').catch(() => {});
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

/** What is no reply of ours ends the connection. */
function settle(pending: Map<number, Pending>, line: string, cutOff: () => void): void {
  const reply = parseReply(line);
  if (reply === undefined) return cutOff();
  const waiting = pending.get(reply.id);
  pending.delete(reply.id);
  if ('error' in reply) waiting?.reject(errorFrom(reply.error));
  else waiting?.resolve(reply.value);
}

function parseReply(line: string): Reply | undefined {
  try {
    const reply = JSON.parse(line) as Reply | null;
    return typeof reply === 'object' && typeof reply?.id === 'number' ? reply : undefined;
  } catch {
    return undefined;
  }
}

function lost(path: string): CaissonError {
  return new CaissonError('runner_unreachable', `the connection to the runner at ${path} was lost`);
}
