// The authority of one sandbox and the certificates that it signs.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createAuthority } from '../../../../src/egress/tls/authority.ts';
import { makeAuthority, makeLeaf, makeLeafKey } from '../../../../src/egress/tls/certificates.ts';
import { IN_DATE, movableClock } from './parts.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test('an authority is one for leaves alone, on its own curve, for days and not for years', async () => {
  const { certificate } = await createAuthority('run_1', movableClock());
  const authority = new X509Certificate(certificate);
  const days = (Date.parse(authority.validTo) - Date.parse(authority.validFrom)) / DAY;
  assert.deepEqual(
    {
      subject: authority.subject,
      ca: authority.ca,
      signsItself: authority.verify(authority.publicKey),
      curve: authority.publicKey.asymmetricKeyDetails,
      days: Math.round(days),
      startsBefore: Date.parse(authority.validFrom) < Date.now(),
    },
    {
      subject: 'CN=Caisson authority of run_1',
      ca: true,
      signsItself: true,
      curve: { namedCurve: 'prime256v1' },
      days: 30,
      startsBefore: true,
    },
  );
});

test('the key of an authority cannot be read, not even by its own process', async () => {
  const { key } = await makeAuthority('one', IN_DATE);
  assert.deepEqual([key.extractable, key.usages], [false, ['sign']]);
  await assert.rejects(crypto.subtle.exportKey('pkcs8', key), { name: 'InvalidAccessError' });
});

test('a leaf is for one host, signed by the authority, and no authority itself', async () => {
  const authority = await makeAuthority('one', IN_DATE);
  const pem = await makeLeaf('a.example.com', await makeLeafKey(), authority, IN_DATE);
  const leaf = new X509Certificate(pem);
  const signer = new X509Certificate(authority.certificate.toString('pem'));
  assert.deepEqual(
    {
      names: leaf.subjectAltName,
      ca: leaf.ca,
      usage: leaf.keyUsage,
      issued: leaf.checkIssued(signer),
      verified: leaf.verify(signer.publicKey),
      forHost: leaf.checkHost('a.example.com'),
      forOther: leaf.checkHost('b.example.com'),
      forBelow: leaf.checkHost('x.a.example.com'),
    },
    {
      names: 'DNS:a.example.com',
      ca: false,
      usage: ['1.3.6.1.5.5.7.3.1'],
      issued: true,
      verified: true,
      forHost: 'a.example.com',
      forOther: undefined,
      forBelow: undefined,
    },
  );
});

test('two authorities of the same run share nothing: what one signed the other did not', async () => {
  const [one, other] = await Promise.all([makeAuthority('run', IN_DATE), makeAuthority('run', IN_DATE)]);
  const leaf = new X509Certificate(await makeLeaf('a.example.com', await makeLeafKey(), one, IN_DATE));
  const signer = (pem: string) => new X509Certificate(pem).publicKey;
  assert.deepEqual(
    [leaf.verify(signer(one.certificate.toString('pem'))), leaf.verify(signer(other.certificate.toString('pem')))],
    [true, false],
  );
  assert.notEqual(one.certificate.serialNumber, other.certificate.serialNumber);
});

test('a leaf is made once for each host, anew when it is half a day old, and the least asked for of very many', async () => {
  const clock = movableClock();
  const authority = await createAuthority('run_1', clock);
  const first = await authority.contextFor('a.example.com');
  assert.equal(await authority.contextFor('a.example.com'), first);
  assert.notEqual(await authority.contextFor('b.example.com'), first);
  clock.advance(11 * HOUR);
  assert.equal(await authority.contextFor('a.example.com'), first);
  clock.advance(2 * HOUR);
  const second = await authority.contextFor('a.example.com');
  assert.notEqual(second, first);
  const crowd = Array.from({ length: 255 }, (_, index) => authority.contextFor(`host-${index}.example.com`));
  assert.equal(await authority.contextFor('a.example.com'), second);
  await Promise.all([...crowd, authority.contextFor('one.example.com')]);
  assert.equal(await authority.contextFor('a.example.com'), second);
  assert.notEqual(await authority.contextFor('host-0.example.com'), await crowd[0]);
});

test('a host name of 253 characters gets its certificate', async () => {
  const host = `${'a'.repeat(61)}.${'b'.repeat(61)}.${'c'.repeat(61)}.${'d'.repeat(63)}.com`;
  assert.equal(host.length, 253);
  const pem = await makeLeaf(host, await makeLeafKey(), await makeAuthority('one', IN_DATE), IN_DATE);
  assert.equal(new X509Certificate(pem).checkHost(host), host);
});
