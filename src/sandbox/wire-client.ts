// Owns the executor as its clients see it through the socket. A lost connection rejects what is pending; the next call connects anew.
import { connect, type Socket } from 'node:net';
import { CaissonError, errorFrom } from '../base/errors.ts';
import type { Executor } from '../contracts/executor.ts';
import { type Call, createLineReader, type Reply } from './wire.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Ask = <Value>(method: Call['method'], argument?: unknown) => Promise<Value>;

interface Connection {
  readonly ask: Ask;
  isLost(): boolean;
  end(): void;
}

/**
 * Rejects with `runner_unreachable` if nobody answers there, as does every method whose connection is lost, or that finds nobody. What was
 * open is gone with its connection.
 */
export async function connectExecutor(socketPath: string): Promise<Executor> {
  let current = openConnection(socketPath);
  await current;
  const connection = async (): Promise<Connection> => {
    const seen = current;
    const held = await seen.catch(() => undefined);
    if (held !== undefined && !held.isLost()) return held;
    // Of several that miss it, the first connects.
    if (current === seen) current = openConnection(socketPath);
    return current;
  };
  let disposed = false;
  const call: Ask = async (method, argument) => {
    if (disposed) throw lost(socketPath);
    return (await connection()).ask(method, argument);
  };
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
      disposed = true;
      const held = await current.catch(() => undefined);
      if (held?.isLost() === false) await held.ask('leave').catch(() => {});
      held?.end();
    },
  };
}

async function openConnection(socketPath: string): Promise<Connection> {
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
  const ask: Ask = <Value>(method: Call['method'], argument?: unknown): Promise<Value> =>
    new Promise<unknown>((resolve, reject) => {
      if (socket.destroyed) {
        reject(lost(socketPath));
        return;
      }
      count += 1;
      pending.set(count, { resolve, reject });
      socket.write(`${JSON.stringify({ id: count, method, argument })}\n`);
    }) as Promise<Value>;
  return { ask, isLost: () => socket.destroyed, end: cutOff };
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
