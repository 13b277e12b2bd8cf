// Owns what the attacks of the self-test reach for, and what they do without a sandbox. Judges nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { makeOwnFolder } from '../own-folder.ts';
import { killGroup } from '../processes.ts';
import type { ProbeSetup } from './probing.ts';
import type { Treasures } from './suite.ts';

export interface Laid {
  readonly treasures: Treasures;
  /** Everything that the text says as the user of the commands, without any sandbox. */
  bare(text: string): Promise<string>;
  remove(): Promise<void>;
}

const BARE_MS = 5000;
const MOST_LETTERS = 4096;

/** `folder`: one that the user of the commands owns. */
export async function layTreasures(folder: string, setup: ProbeSetup): Promise<Laid> {
  const temporary = makeOwnFolder();
  const file = join(temporary, 'secret');
  await writeFile(file, 'live\n', { mode: 0o644 });
  const { user } = setup;
  if (user !== undefined) await chown(file, user.uid, user.gid);
  const abstract = `caisson-probe-${randomUUID()}`;
  const servers = [createServer((socket) => socket.end()), createServer((socket) => socket.end())];
  // It ends with its standard input, so with this process too.
  const victim = startAs('cat', [], setup, { SECRET: 'live' });
  victim.on('error', () => {});
  const [onLoopback, onSocket] = servers as [Server, Server];
  const port = await listenOnLoopback(onLoopback);
  await new Promise<void>((resolve) => onSocket.listen(`\0${abstract}`, resolve));
  const treasures = { file: setup.canary, temporary: file, folder, process: victim.pid ?? 0, port, abstract };
  return {
    treasures,
    bare: (text) => runBare(text, setup),
    remove: async () => {
      killGroup(victim.pid ?? 0);
      for (const server of servers) server.close();
      await rm(temporary, { recursive: true, force: true });
    },
  };
}

function listenOnLoopback(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

function startAs(
  file: string,
  words: readonly string[],
  { toolbox, user }: ProbeSetup,
  variables: Readonly<Record<string, string>> = {},
): ChildProcess {
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const env = { PATH: `${toolbox}:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8', ...variables };
  return spawn(file, words, { ...as, cwd: '/', env, detached: true, stdio: 'pipe' });
}

function runBare(text: string, setup: ProbeSetup): Promise<string> {
  return new Promise((resolve) => {
    const child = startAs('bash', ['--noprofile', '--norc', '-c', text], setup);
    child.stdin?.on('error', () => {}).end();
    let said = '';
    const timer = setTimeout(() => killGroup(child.pid ?? 0), BARE_MS);
    const finish = () => {
      clearTimeout(timer);
      resolve(said);
    };
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(0, MOST_LETTERS)));
    child.once('error', finish).once('close', finish);
  });
}
