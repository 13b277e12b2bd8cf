// Owns the beginning of TLS to an origin: its certificate is always verified, and for the judged host. Opens no connection.
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect, type SecureContext } from 'node:tls';
import { type HandshakeTime, whenSecure } from './handshake.ts';

/** Rejects if the certificate of the origin is not good for `host`, or the handshake fails; the connection is destroyed then. */
export async function originateTls(
  connection: Duplex,
  to: HandshakeTime & { readonly host: string; readonly context: SecureContext },
): Promise<Duplex> {
  const { host, context } = to;
  const plain = connect({
    socket: connection,
    secureContext: context,
    // An address is no server name; the certificate must name it all the same.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
  });
  await whenSecure(plain, {
    event: 'secureConnect',
    handshakeMs: to.handshakeMs,
    explain: (error) => explain(error, host),
  });
  return plain;
}

/** By the code that Node makes of OpenSSL's. */
const WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself, not by an authority that is trusted here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by an authority that is not trusted here',
};

function explain({ code = '' }: NodeJS.ErrnoException, host: string): string {
  const known = WORDS[code];
  return known === undefined
    ? `the TLS handshake with ${host} failed (${code})`
    : `the certificate of ${host} ${known}`;
}
