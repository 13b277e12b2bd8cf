// Owns the authority of one sandbox: its certificate, and what TLS is ended with for each host. Writes no key anywhere.
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { type LeafKey, makeAuthority, makeLeaf, makeLeafKey, type SigningAuthority } from './certificates.ts';

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** What a TLS server for `host` (lower case, punycode) shows. Made with the first request, then kept until it is old. */
  contextFor(host: string): Promise<SecureContext>;
}

interface Kept {
  readonly context: Promise<SecureContext>;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Of a common name, in characters. */
const MOST_NAME = 64;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** That the clock of a program may be behind ours. */
const BEHIND_MS = 5 * MINUTE;
/** A run may wait for people for days; nothing trusts its authority after it. */
const AUTHORITY_MS = 30 * DAY;
const LEAF_MS = DAY;
/** A leaf is made anew while a connection that begins now may still use it. */
const LEAF_FRESH_MS = LEAF_MS / 2;
/** More hosts than that, as below a `*.name`: the one that was not asked for longest is made anew. */
const MOST_LEAVES = 256;

/** `run`: for the name of the certificate. */
export async function createAuthority(run: string, clock: Pick<Clock, 'now'>): Promise<Authority> {
  const [signing, key] = await Promise.all([
    makeAuthority(`Caisson authority of ${run}`.slice(0, MOST_NAME), validityFrom(clock, AUTHORITY_MS)),
    makeLeafKey(),
  ]);
  const leaves = new Map<string, Kept>();
  return {
    certificate: `${signing.certificate.toString('pem')}\n`,
    contextFor: (host) => {
      const kept = leaves.get(host);
      leaves.delete(host);
      const good = kept !== undefined && clock.now() < kept.until ? kept : newLeaf(host, key, signing, clock);
      leaves.set(host, good);
      dropOldest(leaves);
      good.context.catch(() => {
        if (leaves.get(host) === good) leaves.delete(host);
      });
      return good.context;
    },
  };
}

function newLeaf(host: string, key: LeafKey, signing: SigningAuthority, clock: Pick<Clock, 'now'>): Kept {
  const context = makeLeaf(host, key, signing, validityFrom(clock, LEAF_MS)).then((cert) =>
    // No session is taken up again: of one that is, no server name is told.
    createSecureContext({ cert, key: key.key, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET }),
  );
  return { context, until: clock.now() + LEAF_FRESH_MS };
}

function validityFrom(clock: Pick<Clock, 'now'>, lasts: number): { readonly from: number; readonly to: number } {
  const now = clock.now();
  return { from: now - BEHIND_MS, to: now + lasts };
}

function dropOldest(leaves: Map<string, Kept>): void {
  if (leaves.size <= MOST_LEAVES) return;
  for (const host of leaves.keys()) {
    leaves.delete(host);
    return;
  }
}
