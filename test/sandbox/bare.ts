// Owns the positive control of an attack: the same text in the same shell for the same user, without a sandbox.
import { spawn } from 'node:child_process';
import type { TestSandbox } from './setup.ts';

/** Everything it says. `env` is what a service would have in its own environment. */
export function bare(text: string, world: TestSandbox, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { user, toolbox } = world.setup;
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return new Promise((resolve) => {
    const child = spawn('bash', ['--noprofile', '--norc', '-c', text], {
      ...as,
      cwd: '/tmp',
      env: { PATH: `${toolbox}:/usr/local/bin:/usr/bin:/bin`, HOME: world.user.home, LANG: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.on('close', () => resolve(output));
  });
}
