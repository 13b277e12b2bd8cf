// Owns the making of certificates: an authority that signs itself, and leaves that it signs for one host. Knows no connection.
// `reflect-metadata` is there before the library that needs it. Both are dear to load: whoever imports this file does it late.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** The key signs within this process and cannot be read out of it. */
export interface SigningAuthority {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** PEM texts. `key` is PKCS #8: a TLS server takes no other form. */
export interface LeafKey {
  readonly pair: webcrypto.CryptoKeyPair;
  readonly key: string;
}

/** Milliseconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const NAME_CONSTRAINTS = '2.5.29.30';
const V4_BYTES = 4;
const V6_BYTES = 16;

/** It signs leaves and nothing else, for names and never for an address: no address has a server name. */
export async function makeAuthority(name: string, validity: Validity): Promise<SigningAuthority> {
  const keys = await webcrypto.subtle.generateKey(CURVE, false, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    ...dates(validity),
    serialNumber: serial(),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new Extension(NAME_CONSTRAINTS, true, noAddresses()),
    ],
  });
  return { certificate, key: keys.privateKey };
}

export async function makeLeafKey(): Promise<LeafKey> {
  const pair = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const der = await webcrypto.subtle.exportKey('pkcs8', pair.privateKey);
  const body = Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n');
  return { pair, key: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n` };
}

/** PEM of a certificate for `host` alone. */
export async function makeLeaf(
  host: string,
  { pair }: LeafKey,
  authority: SigningAuthority,
  validity: Validity,
): Promise<string> {
  const leaf = await X509CertificateGenerator.create({
    // A common name has 64 characters at most, a host name more: the host stands in its own extension alone.
    subject: [{ O: ['Caisson'] }, { CN: ['proxy of the sandbox'] }],
    issuer: authority.certificate.subject,
    ...dates(validity),
    serialNumber: serial(),
    signingAlgorithm: SIGNING,
    publicKey: pair.publicKey,
    signingKey: authority.key,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
      await SubjectKeyIdentifierExtension.create(pair.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  return leaf.toString('pem');
}

function dates({ from, to }: Validity): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(from), notAfter: new Date(to) };
}

/** 127 bits at random; the first one is 0 for a positive number, the second 1 for one of full length. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

/** DER of name constraints that exclude every address of version 4 and of version 6: address and mask are all zero. */
function noAddresses(): Uint8Array<ArrayBuffer> {
  const address = (bytes: number) => der(0x30, der(0x87, Buffer.alloc(2 * bytes)));
  return new Uint8Array(der(0x30, der(0xa1, Buffer.concat([address(V4_BYTES), address(V6_BYTES)]))));
}

/** One element of fewer than 128 bytes. */
function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}
