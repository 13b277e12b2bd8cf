// Owns the file of authorities in the box of a sandbox with a network: those of this host, and those that its proxy speaks for.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

/** Below the root of a box, which is read-only inside. */
export const TRUST_FILE = join('.caisson', 'authorities.pem');

/** Where distributions keep the public authorities. */
const OF_HOSTS = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** `own`: PEM texts. Programs read this file in the place of their own list, so the public authorities are in it too. */
export async function putTrust(box: string, own: readonly string[]): Promise<void> {
  const path = join(box, TRUST_FILE);
  const text = [await publicAuthorities(OF_HOSTS), ...own].map((pem) => `${pem.trim()}\n`).join('');
  await rm(path, { force: true });
  await writeFile(path, text, { flag: 'wx', mode: 0o644 });
}

/** The first list that can be read; a host without one has those of Node. */
export async function publicAuthorities(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  }
  return rootCertificates.join('\n');
}
