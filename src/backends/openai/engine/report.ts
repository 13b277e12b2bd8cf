// Owns what an engine is asked of itself: version and numbers, at the addresses that each kind has for them. Knows no answer.
import type { EngineReport } from '../../../contracts/ports.ts';
import { type ConnectionOptions, createConnection, readHead } from '../connection.ts';
import { printable } from '../printable.ts';
import { readNumbers } from './numbers.ts';
import { remarksOn } from './versions.ts';

const VERSION_BYTES = 16 * 1024;
const NUMBERS_BYTES = 4 * 1024 * 1024;
const SHOWN = 60;

export interface ReportOptions extends ConnectionOptions {
  /** Base address, usually ending in /v1. */
  readonly url: string;
  /** Those that it serves. */
  readonly models: readonly string[];
}

/** vLLM has both beside its API, NIM within it. Never rejects. */
export async function reportEngine(options: ReportOptions, signal: AbortSignal): Promise<EngineReport> {
  const ask = createConnection(options);
  const get = (url: URL) => ask({ method: 'GET', url, signal });
  const root = options.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const read = async (address: string, bytes: number) => readHead(await get(new URL(address)), bytes);
  const first = async <Value>(path: string, bytes: number, valueOf: (text: string) => Value | undefined) => {
    for (const address of [`${root}/${path}`, `${root}/v1/${path}`]) {
      const value = valueOf(await read(address, bytes).catch(() => ''));
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const [version, numbers] = await Promise.all([
    first('version', VERSION_BYTES, versionIn),
    first('metrics', NUMBERS_BYTES, readNumbers),
  ]);
  return {
    ...(version === undefined ? {} : { version }),
    remarks: version === undefined ? [] : remarksOn(version, options.models),
    ...(numbers === undefined ? {} : { numbers }),
  };
}

function versionIn(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const version: unknown =
      typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
    return typeof version === 'string' && version !== '' ? printable(version, SHOWN) : undefined;
  } catch {
    return undefined;
  }
}
