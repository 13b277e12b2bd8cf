// Owns the executor's door: a unix socket that only its owner can open. What a client opened ends with the client.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { CaissonError, reportOf } from '../base/errors.ts';
import type { Executor, OpenSandbox } from '../contracts/executor.ts';
import { type Call, createLineReader, METHODS, type Reply } from './wire.ts';

/** The socket has mode 0600 in a directory of 0700. */
export async function serveExecutor(executor: Executor, socketPath: string): Promise<{ close(): Promise<void> }> {
  const folder = dirname(socketPath);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(socketPath, { force: true });
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    serveClient(executor, socket);
  });
  await listen(server, socketPath);
  await chmod(socketPath, 0o600);
  return {
    close: async () => {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

function serveClient(executor: Executor, socket: Socket): void {
  const opened = new Set<string>();
  const answer = (reply: Reply) => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
  };
  const onLine = (line: string) => {
    void handle(executor, line, opened).then(answer);
  };
  socket.on(
    'data',
    createLineReader(onLine, () => socket.destroy()),
  );
  socket.on('error', () => {});
  socket.on('close', () => {
    for (const sandbox of opened) void executor.close(sandbox);
  });
}

async function handle(executor: Executor, line: string, opened: Set<string>): Promise<Reply> {
  let id = 0;
  try {
    const call = JSON.parse(line) as Call;
    id = call.id;
    return { id, value: await dispatch(executor, call, opened) };
  } catch (error) {
    return { id, error: reportOf(error) };
  }
}

function dispatch(executor: Executor, { method, argument }: Call, opened: Set<string>): Promise<unknown> {
  if (!METHODS.includes(method))
    throw new CaissonError('invalid_input', `the executor has no method ${String(method)}`);
  switch (method) {
    case 'probe':
      return executor.probe();
    case 'sweep':
      return executor.sweep();
    case 'open':
      opened.add((argument as OpenSandbox).sandbox);
      return executor.open(argument as OpenSandbox);
    case 'exec':
      return executor.exec(argument as Parameters<Executor['exec']>[0]);
    case 'cancel':
      return executor.cancel(argument as string);
    case 'close':
      opened.delete(argument as string);
      return executor.close(argument as string);
  }
}
