// Owns what an endpoint says of its own health, by whichever address it has for that. Knows no request for an answer.
import type { IncomingMessage } from 'node:http';
import { refusalIn } from './failure.ts';

/**
 * `get` asks the address below the endpoint's host, and rejects as the connection does. False: nobody is there, or it says that it
 * cannot work. Undefined: it has no such address, or did not answer in time, which a busy engine may not.
 */
export function createHealth(
  base: string,
  get: (url: URL, signal: AbortSignal) => Promise<IncomingMessage>,
): (signal: AbortSignal) => Promise<boolean | undefined> {
  const root = base.replace(/\/v1$/, '');
  // vLLM, llama.cpp and Dynamo; NIM; whoever has neither lists models.
  let addresses = [`${root}/health`, `${root}/v1/health/ready`, `${base}/models`];
  return async (signal) => {
    for (const address of addresses) {
      const said = await ask(address, get, signal);
      if (said === 'unknown') continue;
      if (said === true) addresses = [address];
      return said === 'late' ? undefined : said;
    }
    return undefined;
  };
}

async function ask(
  address: string,
  get: (url: URL, signal: AbortSignal) => Promise<IncomingMessage>,
  signal: AbortSignal,
): Promise<boolean | 'unknown' | 'late'> {
  try {
    const answer = await get(new URL(address), signal);
    answer.resume();
    return true;
  } catch (error) {
    if (signal.aborted) return 'late';
    const status = refusalIn(error)?.status;
    if (status === undefined || status >= 500) return false;
    return 'unknown';
  }
}
