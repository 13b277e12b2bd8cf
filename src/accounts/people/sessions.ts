// Owns the sessions of people who signed in with a browser: kept in memory under the hash of their secret. Knows no cookie and no token.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/hash.ts';
import type { Principal } from '../../contracts/accounts.ts';

export interface Sessions {
  /** The secret is in the answer and nowhere else. */
  begin(principal: Principal): string;
  /** Undefined if there is none, or if it is over. Whoever asks keeps it from falling asleep. */
  find(secret: string): Principal | undefined;
  end(secret: string): void;
}

interface Session {
  readonly principal: Principal;
  readonly until: number;
  idleUntil: number;
}

/** Roles are those of the sign-in: what the provider takes away holds here after so long at the latest. */
export const SESSION_MS = 8 * 60 * 60_000;
const IDLE_MS = 60 * 60_000;
const MOST_SESSIONS = 10_000;
const SECRET_BYTES = 32;

export function createSessions(clock: Pick<Clock, 'monotonic'>): Sessions {
  const sessions = new Map<string, Session>();
  return {
    begin: (principal) => {
      const now = clock.monotonic();
      sweep(sessions, now);
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      sessions.set(sha256(secret), { principal, until: now + SESSION_MS, idleUntil: now + IDLE_MS });
      return secret;
    },
    find: (secret) => {
      const hash = sha256(secret);
      const session = sessions.get(hash);
      const now = clock.monotonic();
      if (session === undefined || isOver(session, now)) {
        sessions.delete(hash);
        return undefined;
      }
      session.idleUntil = now + IDLE_MS;
      return session.principal;
    },
    end: (secret) => void sessions.delete(sha256(secret)),
  };
}

/** Those that are over, and the oldest where there are too many: a map keeps the order. */
function sweep(sessions: Map<string, Session>, now: number): void {
  for (const [hash, session] of sessions) if (isOver(session, now)) sessions.delete(hash);
  const [oldest] = sessions.keys();
  if (sessions.size >= MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest);
}

function isOver({ until, idleUntil }: Session, now: number): boolean {
  return now >= until || now >= idleUntil;
}
