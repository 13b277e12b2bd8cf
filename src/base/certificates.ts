// Owns certificates in PEM files: reading them, and saying what is wrong with them. Knows no connection.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CaissonError } from './errors.ts';

/** `field`: of the configuration, for messages. */
export interface PemFile {
  readonly file: string;
  readonly field: string;
}

/**
 * Text of a file with the certificates of those who sign, at least one of them in date. `now`: milliseconds since 1970.
 * Throws `config_unreadable` and `config_invalid`.
 */
export async function readSigners(pem: PemFile, now: number): Promise<string> {
  const text = await readPem(pem);
  const problems = certificatesIn(text, pem).map((one) => dateProblem(one, now));
  if (problems.every((one) => one !== undefined)) throw wrongPem(pem, problems[0] ?? '');
  return text;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Throws `config_unreadable`. */
export async function readPem({ file, field }: PemFile): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaissonError('config_unreadable', `${field} cannot be read: ${why}`, { cause, place: { file, field } });
  }
}

/** All of them, at least one. Throws `config_invalid`. */
export function certificatesIn(text: string, pem: PemFile): readonly X509Certificate[] {
  return (text.match(CERTIFICATES) ?? ['']).map((one) => certificateIn(one, pem));
}

/** The first one. Throws `config_invalid`. */
export function certificateIn(text: string, pem: PemFile): X509Certificate {
  return parsedPem(() => new X509Certificate(text), pem, 'a certificate');
}

/** What `parse` makes of it. Throws `config_invalid`, which says that it is not `what`. */
export function parsedPem<Value>(parse: () => Value, { file, field }: PemFile, what: string): Value {
  try {
    return parse();
  } catch (cause) {
    throw new CaissonError('config_invalid', `${field} is not ${what} in PEM form`, { cause, place: { file, field } });
  }
}

/** Undefined while it is in date. */
export function dateProblem({ validFrom, validTo }: X509Certificate, now: number): string | undefined {
  if (Date.parse(validTo) < now) return `the certificate was valid until ${validTo}`;
  return Date.parse(validFrom) > now ? `the certificate is valid from ${validFrom} on` : undefined;
}

export function wrongPem({ file, field }: PemFile, problem: string): CaissonError {
  return new CaissonError('config_invalid', `${field}: ${problem}`, { place: { file, field } });
}
