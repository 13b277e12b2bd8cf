// Owns what the proxy asks of whoever ends and begins TLS. Knows no certificate and no handshake.
import type { Duplex } from 'node:stream';

/** Lower case, no final dot, punycode; the host and port that were judged. */
export interface EgressTarget {
  readonly host: string;
  readonly port: number;
}

/** Both sides give a stream of plain bytes. A rejection has a message that can stand behind "because": it is shown to the model. */
export interface EgressTls {
  /** PEM of the authority that only this sandbox trusts. */
  readonly authority: string;
  /**
   * Ends TLS on a tunnel of the sandbox. `hello` was read from it already: a whole ClientHello whose only name is `host`, and maybe more.
   * Rejects when the handshake fails or has not come to its end within LIMITS.egressHandshakeMs; the tunnel is destroyed then.
   */
  terminate(tunnel: Duplex, hello: Buffer, to: EgressTarget): Promise<Duplex>;
  /**
   * Begins TLS to an origin over a connection to its checked address: `host` is the server name and what the certificate must be for.
   * No other connection is opened. Rejects when the certificate is not good; the connection is destroyed then.
   */
  secure(connection: Duplex, to: EgressTarget): Promise<Duplex>;
}
