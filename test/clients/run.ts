// Owns `npm run test:clients`: the packages of the clients, and a place without a way to the internet. Knows no client.
// `--only NAME` plays the clients whose name begins so.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installNode } from '../sdk/install.ts';

const PLAY = join(import.meta.dirname, 'play.ts');
/** A network of its own, in which nothing but this machine itself can be reached. */
const LOOPBACK = 'ip link set lo up && exec "$@"';
const ISOLATIONS = [
  ['unshare', '--net'],
  ['unshare', '--map-root-user', '--net'],
].map((words) => [...words, 'sh', '-c', LOOPBACK, 'sh']);

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
process.exitCode = await main(values.only);

async function main(only: string): Promise<number> {
  const packages = await installNode('clients', import.meta.dirname, 'install');
  if (!packages.ok) {
    console.log(`left out: ${packages.why}`);
    return process.env['CI'] === 'true' ? 1 : 0;
  }
  const isolation = ISOLATIONS.find(([program = '', ...words]) => spawnSync(program, [...words, 'true']).status === 0);
  if (isolation === undefined)
    console.log('note: this machine allows no network of its own for them: the clients could reach the internet');
  const play = [process.execPath, '--disable-warning=ExperimentalWarning', PLAY, packages.folder, only];
  const [program = '', ...words] = [...(isolation ?? []), ...play];
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)));
}
