// Owns both ends of TLS in one proxy, as its port has them. Keeps no connection.
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { certificatesIn } from '../../base/certificates.ts';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import type { EgressProfile } from '../../contracts/egress.ts';
import type { EgressTls } from '../tls-port.ts';
import { createAuthority } from './authority.ts';
import { originateTls } from './originate.ts';
import { terminateTls } from './terminate.ts';

/**
 * An authority that only the sandbox `of` trusts, and TLS in both directions. Origins are trusted by the public authorities (those that
 * Node knows) and by `profile.authorities`. Rejects with `config_invalid` if these are no certificates.
 */
export async function createTls(
  profile: Pick<EgressProfile, 'authorities'>,
  of: { readonly run: string },
  { clock, handshakeMs = LIMITS.egressHandshakeMs }: { readonly clock: Clock; readonly handshakeMs?: number },
): Promise<EgressTls> {
  const trusted = trustedContext(profile.authorities);
  const authority = await createAuthority(of.run, clock);
  return {
    authority: authority.certificate,
    terminate: async (tunnel, hello, { host }) => {
      const context = await authority.contextFor(host);
      return terminateTls(tunnel, hello, { host, context, handshakeMs });
    },
    secure: async (connection, { host }) => originateTls(connection, { host, context: trusted(), handshakeMs }),
  };
}

/** All of them are read once for each proxy; without authorities of the site, Node keeps the public ones read. */
function trustedContext(authorities: string | undefined): () => SecureContext {
  let made: SecureContext | undefined;
  if (authorities === undefined) return () => (made ??= createSecureContext());
  // Node would pass over what is no certificate without a word.
  certificatesIn(authorities, { file: 'the profile of the sandbox', field: 'authorities' });
  return () => (made ??= createSecureContext({ ca: [...getCACertificates('default'), authorities] }));
}
