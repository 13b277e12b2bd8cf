// Owns the way of one listening socket out of a new sandbox, whose loopback nobody else reaches. Knows no proxy.
import type { ChildProcess } from 'node:child_process';
import { Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';
const PORT = 3128;
const BACKLOG = 511;

/** Where programs inside find the proxy. */
export const PROXY_URL = `http://${HOST}:${PORT}`;

/** Runs in Node inside before any command does. It ends with the channel, which the host closes once it has the socket. */
export const LISTENER_SCRIPT = `
const server = require('node:net').createServer();
server.listen(${PORT}, '${HOST}', ${BACKLOG}, () => process.send('listener', server));
process.once('disconnect', () => process.exit(0));
`;

/**
 * The first thing that comes out of the channel, if it is a socket that listens where it should; then the channel is closed, and nothing
 * else is taken out of it. Undefined for anything else, and when `leave` resolves first.
 */
export function takeListener(child: ChildProcess, leave: Promise<unknown>): Promise<Server | undefined> {
  return new Promise((resolve) => {
    let isOver = false;
    const finish = (server: Server | undefined) => {
      if (isOver) return;
      isOver = true;
      if (child.connected) child.disconnect();
      resolve(server);
    };
    // Without a listener the error of a channel that breaks would end this process.
    child.on('error', () => finish(undefined));
    child.on('message', (_, handle) => {
      const server = isOver ? undefined : wantedServer(handle);
      if (server === undefined) discard(handle);
      finish(server);
    });
    child.once('disconnect', () => finish(undefined));
    leave.then(
      () => finish(undefined),
      () => finish(undefined),
    );
  });
}

function wantedServer(handle: unknown): Server | undefined {
  if (!(handle instanceof Server)) return undefined;
  const address = handle.address();
  const isRight = typeof address === 'object' && address !== null && address.address === HOST && address.port === PORT;
  return isRight ? handle : undefined;
}

function discard(handle: unknown): void {
  if (handle instanceof Server) handle.close();
  else if (typeof handle === 'object' && handle !== null && 'destroy' in handle) (handle as Socket).destroy();
}
