// Owns the certificate of the service's own port: reading it, saying what is wrong with it, taking a new one. Knows no route.
import { createPrivateKey } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { certificateIn, dateProblem, parsedPem, readPem, readSigners, wrongPem } from '../base/certificates.ts';
import type { Logger } from '../base/logger.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  /** The certificate, and those that lead to the one that clients know. */
  readonly cert: string;
  readonly key: string;
  /** Of those who sign the certificates of clients; then a client without one is not let in. */
  readonly clientCa?: string;
}

export type TlsMaterial = Pick<SecureContextOptions, 'cert' | 'key' | 'ca' | 'minVersion'>;

/** For the framework. With `ca`, a client has to show a certificate. */
export function secureServer(options: TlsMaterial & ServerOptions): (handler: RequestListener) => Server {
  const asks = options.ca !== undefined;
  return (handler) =>
    createServer({ ...options, requestCert: asks, rejectUnauthorized: asks, keepAliveTimeout: KEEP_ALIVE_MS }, handler);
}

const KEEP_ALIVE_MS = 75_000;

interface Replaceable {
  setSecureContext(material: TlsMaterial): void;
}

const LOOK_MS = 5000;

/** Throws `config_unreadable`, and `config_invalid` for files that are no certificate and key, do not fit, or are out of date. */
export async function readTls({ cert, key, clientCa }: TlsFiles, now: number): Promise<TlsMaterial> {
  const [certFile, keyFile] = [
    { file: cert, field: 'server.tls.cert' },
    { file: key, field: 'server.tls.key' },
  ];
  const [certText, keyText, ca] = await Promise.all([
    readPem(certFile),
    readPem(keyFile),
    clientCa === undefined ? undefined : readSigners({ file: clientCa, field: 'server.tls.client_ca' }, now),
  ]);
  const certificate = certificateIn(certText, certFile);
  const secret = parsedPem(() => createPrivateKey(keyText), keyFile, 'a private key without a password');
  if (!certificate.checkPrivateKey(secret)) throw wrongPem(keyFile, 'the key does not belong to the certificate');
  const problem = dateProblem(certificate, now);
  if (problem !== undefined) throw wrongPem(certFile, problem);
  return { cert: certText, key: keyText, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) };
}

export interface TlsWatch {
  /** Takes what the files hold now; files that are wrong are told in the log, and what was there before stays. */
  readonly reload: () => Promise<void>;
  close(): void;
}

/** Looks at the times of the files now and then. Connections that are open keep the certificate they have. */
export function watchTls(
  server: Replaceable,
  files: TlsFiles,
  logger: Logger,
  { now, everyMs = LOOK_MS }: { readonly now: () => number; readonly everyMs?: number },
): TlsWatch {
  let seen: Promise<string> = timesOf(files);
  const reload = async () => {
    seen = timesOf(files);
    try {
      server.setSecureContext(await readTls(files, now()));
      logger.info('the certificate was read again');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      logger.error('the certificate stays as it is: the files are wrong', { message });
    }
  };
  const look = async () => {
    if ((await timesOf(files)) !== (await seen)) await reload();
  };
  const timer = setInterval(() => void look(), everyMs).unref();
  return { reload, close: () => clearInterval(timer) };
}

async function timesOf({ cert, key, clientCa }: TlsFiles): Promise<string> {
  const paths = [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  const stats = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return stats.map((one) => `${one?.mtimeMs} ${one?.ino} ${one?.size}`).join();
}
