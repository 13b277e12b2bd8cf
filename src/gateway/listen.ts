// Owns how an application listens: on an address, or on a unix socket that only its owner can open. Knows no route.
import { chmod, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { CaissonError } from '../base/errors.ts';

const BACKLOG = 4096;
const SOCKET_MODE = 0o600;

/** Resolves with the address, as http://127.0.0.1:8484. */
export function listenOnAddress(app: FastifyInstance, host: string, port: number): Promise<string> {
  return app.listen({ host, port, backlog: BACKLOG });
}

/**
 * `path` lies in a directory of mode 0700 that exists. A socket that an ended process left is replaced.
 * Throws `data_dir_locked` if a living process listens there.
 */
export async function listenOnSocket(app: FastifyInstance, path: string): Promise<void> {
  if (await isAnswered(path)) throw new CaissonError('data_dir_locked', `another process listens on ${path}`);
  await rm(path, { force: true });
  await app.listen({ path, backlog: BACKLOG });
  await chmod(path, SOCKET_MODE);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const answer = (alive: boolean) => () => {
      probe.destroy();
      resolve(alive);
    };
    probe.once('connect', answer(true)).once('error', answer(false));
  });
}
