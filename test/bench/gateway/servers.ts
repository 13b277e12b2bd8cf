// Owns the processes of the gateway bench: engine, minimal proxy, the service itself, and what each has cost. Knows no figure.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const HERE = import.meta.dirname;
const CAISSON = join(HERE, '..', '..', '..', 'bin', 'caisson');
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));

export interface Server {
  readonly url: string;
  readonly key: string;
  /** That its clients send beside the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** CPU milliseconds of the process and its threads so far. */
  cpuMs(): number;
  residentBytes(): number;
  stop(): void;
}

export interface Seen {
  readonly answers: number;
  readonly events: number;
  readonly failures: number;
  readonly firstMedian: number;
  readonly firstP99: number;
}

export function startEngine(): Promise<Server> {
  return listening(pinned(1, [process.execPath, join(HERE, 'engine.ts')]), /^(\d+)$/, 'none');
}

export function startMinimal(engine: Server): Promise<Server> {
  return listening(pinned(0, [process.execPath, join(HERE, 'minimal-proxy.ts'), engine.url]), /^(\d+)$/, 'none');
}

/** With keys, quotas, journal and metrics on. */
export async function startGateway(engine: Server, folder: string): Promise<Server> {
  const config = join(folder, 'gateway.yaml');
  const models = ['flat-200', 'flat-2000', 'paced-5', 'paced-20', 'paced-50', 'flood', 'plain'];
  writeFileSync(
    config,
    `data_dir: ${join(folder, 'gateway')}\nserver:\n  port: 0\nlog:\n  level: warn\n` +
      `backends:\n  - {name: e, type: openai, url: "${engine.url}/v1", models: [${models.join(', ')}], max_concurrent: 4096}\n`,
  );
  const server = await listening(
    pinned(0, [process.execPath, CAISSON, 'serve', '--config', config]),
    /http:\/\/[^:]+:(\d+)/,
  );
  const words = ['keys', 'create', 'bench', '--role', 'client', '--rpm', '100000000', '--tpm', '1000000000000'];
  const made = spawnSync(process.execPath, [CAISSON, ...words, '--config', config], { encoding: 'utf8' });
  const key = /csn_\S+/.exec(made.stdout)?.[0];
  if (key === undefined) throw new Error(`no key was made: ${made.stdout}${made.stderr}`);
  return { ...server, key };
}

export function load(
  server: Server,
  order: {
    readonly path: string;
    readonly body: object;
    readonly clients: number;
    readonly ms: number;
    readonly deaf?: boolean;
  },
): Promise<Seen> {
  const told = JSON.stringify({
    ...order,
    url: server.url,
    key: server.key,
    headers: server.headers,
    body: JSON.stringify(order.body),
  });
  const file = spawn(...pinned(1, [process.execPath, join(HERE, 'load.ts')]), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  file.stdin.end(told);
  return new Promise((resolve, reject) => {
    let text = '';
    file.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    file.on('close', () =>
      text === '' ? reject(new Error('the clients said nothing')) : resolve(JSON.parse(text) as Seen),
    );
  });
}

/** Each side has a core of its own, where the machine can do that. */
export function pinned(core: number, argv: readonly string[]): [string, string[]] {
  const [program = '', ...words] = argv;
  return spawnSync('taskset', ['-c', String(core), 'true']).status === 0
    ? ['taskset', ['-c', String(core), program, ...words]]
    : [program, words];
}

function listening([program, words]: [string, string[]], pattern: RegExp, key = ''): Promise<Server> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`${words.join(' ')} ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const port = pattern.exec(line)?.[1];
      if (port !== undefined) resolve({ ...costsOf(child), url: `http://127.0.0.1:${port}`, key });
    });
  });
}

/** `taskset` becomes the program it starts: the process is the same. */
export function costsOf(child: ChildProcess): Pick<Server, 'cpuMs' | 'residentBytes' | 'stop'> {
  const read = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
  return {
    cpuMs: () => {
      const fields = read('stat')
        .slice(read('stat').lastIndexOf(')') + 2)
        .split(' ');
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
    },
    residentBytes: () => Number(read('statm').split(' ')[1]) * PAGE_BYTES,
    stop: () => {
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    },
  };
}
