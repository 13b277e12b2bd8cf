// Owns the figures of starting: the service until it answers, `caisson run` until its first request, and how large that is.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeFixture } from '../fixtures/make.ts';
import type { Figure } from './figure.ts';
import { spreadOf } from './measure.ts';
import { makeRepo } from './plain-repository.ts';

const ROOT = join(import.meta.dirname, '..', '..');
export const CAISSON = join(ROOT, 'bin', 'caisson');

export interface Endpoint {
  readonly url: string;
  /** What was asked since the last call. */
  requests(): { readonly at: number; readonly bytes: number; readonly grows: boolean }[];
  stop(): void;
}

/** The scripted endpoint, in a process of its own. */
export async function startEndpoint(): Promise<Endpoint> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'scripted-endpoint.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const port = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) =>
      line.startsWith('{') ? lines.push(line) : resolve(line),
    );
  });
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests: () => lines.splice(0).map((line) => JSON.parse(line) as ReturnType<Endpoint['requests']>[number]),
    stop: () => child.kill(),
  };
}

export async function serviceFigures(rounds: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(process.getuid?.() === 0 ? tmpdir() : homedir(), '.caisson-bench-'));
  const endpoint = await startEndpoint();
  try {
    const ready: number[] = [];
    const first: number[] = [];
    const configured: number[] = [];
    let bytes = 0;
    const plain = makeRepo(join(folder, 'plain'));
    const { repo } = await makeFixture('slugify-js', folder);
    for (let round = 0; round <= rounds; round += 1) {
      const serve = await untilServed(join(folder, 'serve'), endpoint.url);
      const bare = await untilFirstRequest(join(folder, 'run'), plain, endpoint);
      const run = await untilFirstRequest(join(folder, 'run'), repo, endpoint);
      bytes = run.bytes;
      if (round === 0) continue;
      ready.push(serve);
      first.push(bare.ms);
      configured.push(run.ms);
    }
    return [
      { what: 'caisson serve until it answers', spread: spreadOf(ready), unit: 'ms', bar: 1000 },
      { what: 'caisson run until its first model request', spread: spreadOf(first), unit: 'ms', bar: 300 },
      { what: 'the same where the repository has a .caisson.yaml', spread: spreadOf(configured), unit: 'ms', bar: 600 },
      { what: 'first request of a run', spread: spreadOf([bytes]), unit: 'bytes', bar: 6144 },
    ];
  } finally {
    endpoint.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilServed(dataDir: string, url: string): Promise<number> {
  const began = performance.now();
  const words = ['serve', '--port', '0', '--data-dir', dataDir, '--endpoint', url, '--model', 'bench'];
  const child = spawn(process.execPath, [CAISSON, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  const address = await firstLine(child, /http:\S+/);
  await fetch(`${address}/healthz`);
  const took = performance.now() - began;
  await stopped(child);
  return took;
}

function firstLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on('exit', () => reject(new Error('the process ended before it was ready')));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = pattern.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit').once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

async function untilFirstRequest(
  dataDir: string,
  repo: string,
  endpoint: Endpoint,
): Promise<{ ms: number; bytes: number }> {
  endpoint.requests();
  const began = performance.timeOrigin + performance.now();
  const words = ['run', 'work', '--repo', repo, '--data-dir', dataDir, '--endpoint', endpoint.url, '--model', 'bench'];
  const child = spawn(process.execPath, [CAISSON, ...words], { stdio: 'ignore' });
  let seen: ReturnType<Endpoint['requests']> = [];
  while (seen.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    seen = endpoint.requests();
  }
  await stopped(child);
  return { ms: (seen[0]?.at ?? 0) - began, bytes: seen[0]?.bytes ?? 0 };
}
