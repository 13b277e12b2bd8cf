// Certificates for one test, made by openssl in a folder of its own.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export async function makeFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-tls-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** For localhost. Signed by itself, or by this signer. */
export async function makeCertificate(
  folder: string,
  name: string,
  { days = 2, signer }: { readonly days?: number; readonly signer?: CertificateFiles } = {},
): Promise<CertificateFiles> {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const by = signer === undefined ? [] : ['-CA', signer.cert, '-CAkey', signer.key];
  await openssl(
    'req',
    '-x509',
    ...kind,
    ...by,
    '-days',
    String(days),
    ...names,
    '-keyout',
    files.key,
    '-out',
    files.cert,
  );
  return files;
}

const run = promisify(execFile);

async function openssl(...words: readonly string[]): Promise<void> {
  await run('openssl', words).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new Error('this test needs openssl: install the package openssl');
    throw error;
  });
}
