// Owns the unix socket on which other terminals reach a house that works in a command. The web framework is imported only then.
import type { CaissonError } from './base/errors.ts';
import { answers } from './cli/http-call.ts';
import type { House } from './house.ts';

const SOON_MS = 10_000;
const ANSWER_MS = 2000;

export interface SocketService {
  /** Serves in a moment, when the work is under way. */
  soon(): void;
  /** Serves now, because someone is asked something. */
  now(): void;
  close(): Promise<void>;
}

export function serveSocketSoon(house: House): SocketService {
  let serving: Promise<{ close(): Promise<void> } | undefined> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const now = () => {
    serving ??= serve(house);
  };
  const stop = house.journal.subscribe((events) => {
    if (events.some(({ body }) => body.type === 'asked')) now();
  });
  return {
    soon: () => {
      timer = setTimeout(now, SOON_MS).unref();
    },
    now,
    close: async () => {
      clearTimeout(timer);
      stop();
      await (await serving)?.close();
    },
  };
}

/** Work goes on without the socket: only other terminals cannot reach it. */
async function serve(house: House): Promise<{ close(): Promise<void> } | undefined> {
  try {
    const { listenOnSocket } = await import('./serving.ts');
    return await listenOnSocket(house);
  } catch (error) {
    house.logger.warn('other terminals cannot reach this run', { message: (error as CaissonError).message });
    return undefined;
  }
}

/** True if a Caisson answers on that socket. */
export function listening(socket: string): Promise<boolean> {
  return answers({ socket }, ANSWER_MS);
}
