// TLS that the proxy begins to origins: every certificate that is not good is an attack, beside a good one that passes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { EgressTls } from '../../../../src/egress/tls-port.ts';
import { createTls } from '../../../../src/egress/tls/create-tls.ts';
import { EXPIRED, firstBytes, listen, movableClock, NOT_YET, openOrigin, type Origin, socketPair } from './parts.ts';

const HOST = 'origin.example.com';

test('an origin whose certificate is signed by an authority of the site is spoken to, by its name and in HTTP/1.1', async (context) => {
  const origin = await openOrigin(context, { host: HOST });
  assert.equal(await greeting(origin, HOST, origin.authority), `hello ${HOST} http/1.1`);
});

const BAD: Readonly<Record<string, { readonly open: Parameters<typeof openOrigin>[1]; readonly message: string }>> = {
  'for another name': {
    open: { host: 'other.example.com' },
    message: `the certificate of ${HOST} is for another name`,
  },
  'for a name above': {
    open: { host: 'example.com' },
    message: `the certificate of ${HOST} is for another name`,
  },
  'that has expired': { open: { host: HOST, validity: EXPIRED }, message: `the certificate of ${HOST} has expired` },
  'that is not valid yet': {
    open: { host: HOST, validity: NOT_YET },
    message: `the certificate of ${HOST} is not valid yet`,
  },
};

for (const [name, { open, message }] of Object.entries(BAD))
  test(`attack: an origin with a certificate ${name} is refused, though its authority is trusted`, async (context) => {
    const origin = await openOrigin(context, open);
    assert.equal(await carelessly(origin), 'hello', 'without a check the attack works');
    await assert.rejects(greeting(origin, HOST, origin.authority), { message });
  });

test('attack: an origin with a certificate of an authority that nobody trusts is refused', async (context) => {
  const origin = await openOrigin(context, { host: HOST });
  assert.equal(await carelessly(origin), 'hello', 'without a check the attack works');
  const message = `the certificate of ${HOST} is signed by an authority that is not trusted here`;
  await assert.rejects(greeting(origin, HOST), { message });
});

test('attack: an origin whose certificate says the right issuer and was signed by another key is refused', async (context) => {
  const origin = await openOrigin(context, { host: HOST, signsItself: true });
  assert.equal(await carelessly(origin), 'hello', 'without a check the attack works');
  await assert.rejects(
    greeting(origin, HOST, origin.authority),
    /^Error: the TLS handshake with .* failed|the certificate of/,
  );
});

test('attack: the authority of the sandbox is not one for origins', async (context) => {
  const [near, far] = await socketPair(context);
  const clock = movableClock();
  const tls = await createTls({}, { run: 'run_1' }, { clock });
  const server = terminated(tls, far);
  await assert.rejects(tls.secure(near, { host: HOST, port: 443 }), {
    message: `the certificate of ${HOST} is signed by an authority that is not trusted here`,
  });
  await server;
});

test('an origin that speaks no TLS, is silent, or goes away is told apart', async (context) => {
  const said = async (answer: (socket: Socket) => void) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      answer(socket);
    });
    const port = await listen(context, server);
    const tls = await createTls({}, { run: 'run_1' }, { clock: movableClock(), handshakeMs: 100 });
    return tls.secure(connectSocket(port, '127.0.0.1'), { host: HOST, port }).then(
      () => 'secured',
      (error: Error) => error.message,
    );
  };
  assert.deepEqual(
    await Promise.all([
      said((one) => one.end('HTTP/1.1 400 no\r\n\r\n')),
      said(() => {}),
      said((one) => one.resetAndDestroy()),
    ]),
    [
      `the TLS handshake with ${HOST} failed (ERR_SSL_WRONG_VERSION_NUMBER)`,
      'its TLS handshake took more than 100 ms',
      `the TLS handshake with ${HOST} failed (ECONNRESET)`,
    ],
  );
});

test('authorities that are no certificates are a mistake of the configuration', async () => {
  await assert.rejects(
    createTls(
      { authorities: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      { run: 'r' },
      { clock: movableClock() },
    ),
    {
      code: 'config_invalid',
      message: 'authorities is not a certificate in PEM form',
      place: { file: 'the profile of the sandbox', field: 'authorities' },
    },
  );
});

async function greeting(origin: Origin, host: string, authorities?: string): Promise<string> {
  const profile = authorities === undefined ? {} : { authorities };
  const tls = await createTls(profile, { run: 'run_1' }, { clock: movableClock() });
  const connection = await origin.connect();
  const plain = await tls.secure(connection, { host, port: origin.port }).catch((error: unknown) => {
    assert.equal(connection.destroyed, true, 'a connection to an origin that is not good is left open');
    throw error;
  });
  const [bytes] = (await once(plain, 'data')) as [Buffer];
  plain.destroy();
  return String(bytes);
}

/** The positive control: a client that verifies nothing. */
async function carelessly(origin: Origin): Promise<string> {
  const socket = connect({ socket: await origin.connect(), servername: HOST, rejectUnauthorized: false });
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return String(bytes).split(' ')[0] ?? '';
}

async function terminated(tls: EgressTls, far: Socket): Promise<void> {
  await tls.terminate(far, await firstBytes(far), { host: HOST, port: 443 }).catch(() => {});
}
