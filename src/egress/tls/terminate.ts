// Owns the end of TLS on a tunnel of a sandbox: the proxy shows a certificate of its own for the judged host. Knows no request.
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import { type HandshakeTime, whenSecure } from './handshake.ts';

/**
 * Gives the plain bytes of a tunnel whose first ones, `hello`, were read already. Rejects if the handshake fails, if it takes too long, or
 * if the server name is another one than `host`: the tunnel is destroyed then.
 */
export async function terminateTls(
  tunnel: Duplex,
  hello: Buffer,
  to: HandshakeTime & { readonly host: string; readonly context: SecureContext },
): Promise<Duplex> {
  tunnel.unshift(hello);
  const plain = new TLSSocket(tunnel, {
    isServer: true,
    secureContext: to.context,
    // Nothing behind reads HTTP/2: who speaks nothing else is told so in the handshake.
    ALPNProtocols: ['http/1.1'],
  });
  await whenSecure(plain, { event: 'secure', handshakeMs: to.handshakeMs, explain });
  // The ClientHello was judged before it came here; this is what the library made of it.
  const { servername } = plain;
  if (servername === to.host || (servername || '').toLowerCase().replace(/\.$/, '') === to.host) return plain;
  plain.on('error', () => {});
  plain.destroy();
  throw new Error(`the server name in its TLS handshake is ${JSON.stringify(servername || '')}, not ${to.host}`);
}

/** By the code that Node makes of OpenSSL's. */
const WORDS: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    'the program does not trust the authority of its sandbox: let it use the certificates in the file that SSL_CERT_FILE names',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'the program speaks no HTTP/1.1, only what its ALPN names',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the program speaks no TLS from version 1.2 on',
};
/** Other names of libraries for the same mistrust. */
const MISTRUST: readonly string[] = [
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
];

function explain({ code = '' }: NodeJS.ErrnoException): string {
  const known = WORDS[MISTRUST.includes(code) ? 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' : code];
  return known ?? `the TLS handshake with the program failed (${code})`;
}
