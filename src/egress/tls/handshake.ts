// Owns the waiting for one TLS handshake, from either side. Knows no certificate.
import type { TLSSocket } from 'node:tls';

export interface HandshakeTime {
  /** Milliseconds that it may take. */
  readonly handshakeMs: number;
}

/**
 * Resolves with the end of the handshake. Rejects with what `explain` makes of its error, or when its time is over; the socket is
 * destroyed then. Afterwards the errors of the socket are those of whoever has it.
 */
export function whenSecure(
  socket: TLSSocket,
  {
    event,
    handshakeMs,
    explain,
  }: HandshakeTime & {
    readonly event: 'secure' | 'secureConnect';
    readonly explain: (error: NodeJS.ErrnoException) => string;
  },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error(`its TLS handshake took more than ${handshakeMs} ms`)), handshakeMs);
    const onError = (error: Error) => fail(new Error(explain(error), { cause: error }));
    const onClose = () => fail(new Error('the connection was closed in the middle of its TLS handshake'));
    const leave = () => {
      clearTimeout(timer);
      socket.off('error', onError);
      socket.off('close', onClose);
      socket.off(event, onSecure);
    };
    const fail = (error: Error) => {
      leave();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onSecure = () => {
      leave();
      resolve();
    };
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on(event, onSecure);
  });
}
