// Owns the life of the one thread that counts the tokens of long texts: started with the first, ended when it is idle. Counts nothing.
import { Worker } from 'node:worker_threads';
import type { Counted, TokenizerFiles } from './counting-thread.ts';

const THREAD = new URL('./counting-thread.ts', import.meta.url);
const IDLE_MS = 30_000;

/** Tokens of a text; undefined if they cannot be counted. Never rejects. An idle thread keeps no process alive. */
export type CountLong = (text: string) => Promise<number | undefined>;

export function countBeside(files: TokenizerFiles, idleMs = IDLE_MS): CountLong {
  let thread: Thread | undefined;
  return (text) => {
    if (thread === undefined || thread.isOver()) thread = startThread(files, idleMs);
    return thread.count(text);
  };
}

interface Thread {
  readonly count: CountLong;
  isOver(): boolean;
}

function startThread(workerData: TokenizerFiles, idleMs: number): Thread {
  const worker = new Worker(THREAD, { workerData });
  const waiting = new Map<number, (count: number | undefined) => void>();
  let last = 0;
  let over = false;
  let idle: NodeJS.Timeout | undefined;
  const end = () => {
    over = true;
    clearTimeout(idle);
    for (const tell of waiting.values()) tell(undefined);
    waiting.clear();
  };
  const rest = () => {
    if (waiting.size > 0 || over) return;
    worker.unref();
    idle = setTimeout(() => {
      end();
      void worker.terminate();
    }, idleMs).unref();
  };
  worker.on('message', ({ id, count }: Counted) => {
    waiting.get(id)?.(count);
    waiting.delete(id);
    rest();
  });
  worker.on('error', end);
  worker.on('exit', end);
  return {
    isOver: () => over,
    count: (text) => {
      clearTimeout(idle);
      worker.ref();
      const id = (last += 1);
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        worker.postMessage({ id, text }, []);
      });
    },
  };
}
