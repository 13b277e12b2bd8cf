// Owns what is known of a model file before anything is loaded: that it is there, a GGUF, and not larger than the memory. Knows no engine.
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { LoadOrder } from './wire.ts';

type Wish = Pick<LoadOrder, 'file' | 'slots' | 'context'>;

const MAGIC = 'GGUF';
const GB = 1e9;

/** Why it cannot be loaded; undefined: it may be. */
export async function whyUnfit(wish: Wish): Promise<string | undefined> {
  const { file } = wish;
  try {
    await using handle = await open(file);
    const stats = await handle.stat();
    if (!stats.isFile()) return `the model file ${file} is no file`;
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    if (buffer.toString('latin1', 0, bytesRead) !== MAGIC) return `the model file ${file} is no GGUF file`;
    const available = availableBytes();
    return stats.size > available ? tooLarge(wish, stats.size, available) : undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `the model file ${file} ${code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`}`;
  }
}

/** Bytes of memory that may be used: of the machine and, where there is one, of the limit of the container. */
export function availableBytes(): number {
  try {
    const line = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (line !== undefined) return Math.min(Number(line) * 1024, process.availableMemory());
  } catch {
    // Not Linux.
  }
  return process.availableMemory();
}

export function tooLarge({ file, slots, context }: Wish, needed: number, there: number): string {
  const gigabytes = (bytes: number) => `${(bytes / GB).toFixed(1)} GB`;
  const wish = `${slots} slots${context === undefined ? '' : ` of ${context} tokens`}`;
  return (
    `the model file ${file} with ${wish} needs ${gigabytes(needed)} of memory and ${gigabytes(there)} are there: ` +
    'give less context or slots, or a smaller model'
  );
}
