// Owns the executor's door: a unix socket that only its owner can open. What a client opened ends with the client.
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { z } from 'zod';
import { CaissonError, reportOf } from '../base/errors.ts';
import type { Executor, OpenSandbox } from '../contracts/executor.ts';
import { type Call, callSchema, createLineReader, type Reply } from './wire.ts';

const OWNER_ONLY = 0o700;
const OTHERS = 0o077;

/**
 * The socket has mode 0600 in a directory of 0700; an existing directory must have that mode already. Throws `config_invalid` for another
 * mode, `conflict` if a runner answers there. After `close` every client is cut off and what it opened is dead.
 */
export async function serveExecutor(executor: Executor, socketPath: string): Promise<{ close(): Promise<void> }> {
  await makeFolder(dirname(socketPath));
  if (await answers(socketPath)) throw new CaissonError('conflict', `another runner answers at ${socketPath}`);
  await rm(socketPath, { force: true });
  const clients = new Map<Socket, Client>();
  const server = createServer((socket) => {
    const client = createClient(executor);
    clients.set(socket, client);
    serveClient(client, socket, () => clients.delete(socket));
  });
  await listen(server, socketPath);
  await chmod(socketPath, 0o600);
  return {
    close: async () => {
      const leaving = [...clients.values()].map((client) => client.leave());
      for (const socket of clients.keys()) socket.destroy();
      await Promise.all(leaving);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY });
  const { mode } = await lstat(folder);
  if ((mode & OTHERS) === 0) return;
  const seen = (mode & 0o777).toString(8);
  const message = `the directory of the socket, ${folder}, has mode ${seen}: others could reach the runner`;
  throw new CaissonError('config_invalid', message, {
    hint: `chmod 700 ${folder}, or name another with executor.socket`,
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

interface Client {
  handle(line: string): Promise<Reply>;
  /** Closes what this client opened; resolves when all of it is dead. */
  leave(): Promise<void>;
}

function createClient(executor: Executor): Client {
  const opened = new Set<string>();
  const leave = async () => {
    await Promise.all([...opened].map((sandbox) => executor.close(sandbox)));
    opened.clear();
  };
  const handle = async (line: string): Promise<Reply> => {
    let id = 0;
    try {
      const given: unknown = JSON.parse(line);
      id = z.object({ id: z.number() }).parse(given).id;
      const call = callSchema.parse(given);
      if (call.method === 'leave') return { id, value: await leave() };
      return { id, value: await dispatch(executor, call, opened) };
    } catch (error) {
      return { id, error: reportOf(isMistake(error) ? new CaissonError('invalid_input', error.message) : error) };
    }
  };
  return { handle, leave };
}

function isMistake(error: unknown): error is Error {
  return error instanceof z.ZodError || error instanceof SyntaxError;
}

async function dispatch(
  executor: Executor,
  call: Exclude<Call, { method: 'leave' }>,
  opened: Set<string>,
): Promise<unknown> {
  if (call.method === 'probe') return executor.probe(call.argument);
  if (call.method === 'sweep') return executor.sweep();
  if (call.method === 'exec') return executor.exec(call.argument);
  if (call.method === 'cancel') return executor.cancel(call.argument);
  if (call.method === 'permit') return executor.permit(call.argument.sandbox, call.argument.grant);
  if (call.method === 'close') {
    opened.delete(call.argument);
    return executor.close(call.argument);
  }
  return openFor(executor, call.argument, opened);
}

/** Counted as opened before it is: the client may go meanwhile. */
async function openFor(executor: Executor, request: OpenSandbox, opened: Set<string>): Promise<unknown> {
  const { sandbox } = request;
  const isNew = !opened.has(sandbox);
  opened.add(sandbox);
  const result = await executor.open(request);
  if (!result.ok && isNew) opened.delete(sandbox);
  return result;
}

function serveClient(client: Client, socket: Socket, onClose: () => void): void {
  const onLine = (line: string) => {
    void client.handle(line).then((reply) => {
      if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
    });
  };
  socket.on(
    'data',
    createLineReader(onLine, () => socket.destroy()),
  );
  socket.on('error', () => {});
  socket.on('close', () => {
    void client.leave().finally(onClose);
  });
}
