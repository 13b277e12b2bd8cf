// TLS that ends at the proxy: real handshakes of a program in a sandbox, the first bytes of which were read before.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { EgressTls } from '../../../../src/egress/tls-port.ts';
import { createTls } from '../../../../src/egress/tls/create-tls.ts';
import { firstBytes, movableClock, socketPair } from './parts.ts';

const TO = { host: 'a.example.com', port: 443 };

interface Scene {
  readonly tls: EgressTls;
  readonly program: TLSSocket;
  readonly plain: Promise<Duplex>;
}

test('the plain bytes of both sides pass, and none of those that were read before is lost', async (context) => {
  const { program, plain } = await openScene(context);
  const [proxy] = await Promise.all([plain, once(program, 'secureConnect')]);
  program.write('from the program');
  proxy.write('from the proxy');
  assert.deepEqual((await Promise.all([once(proxy, 'data'), once(program, 'data')])).flat().map(String), [
    'from the program',
    'from the proxy',
  ]);
  assert.deepEqual(
    [program.authorized, program.getPeerCertificate().subjectaltname, program.alpnProtocol],
    [true, 'DNS:a.example.com', 'http/1.1'],
  );
});

test('a tunnel that is no socket of the system is ended in the same way', async (context) => {
  const { program, plain } = await openScene(context, { wrapped: true });
  const [proxy] = await Promise.all([plain, once(program, 'secureConnect')]);
  program.write('hello');
  assert.equal(String((await once(proxy, 'data'))[0]), 'hello');
});

test('a program without ALPN is served; one that speaks HTTP/2 alone is told in the handshake', async (context) => {
  const old = await openScene(context, { options: { ALPNProtocols: [] } });
  await Promise.all([old.plain, once(old.program, 'secureConnect')]);
  assert.equal(old.program.alpnProtocol, false);
  const modern = await openScene(context, { options: { ALPNProtocols: ['h2'] } });
  const [error] = (await once(modern.program, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  await assert.rejects(modern.plain, { message: 'the program speaks no HTTP/1.1, only what its ALPN names' });
});

test('a program that does not trust the authority of its sandbox is told apart', async (context) => {
  const { plain } = await openScene(context, { trusts: false });
  await assert.rejects(plain, /^Error: (?:the program does not trust the authority|the connection was closed)/);
});

test('TLS 1.1 is refused', async (context) => {
  const options: ConnectionOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
  const { plain } = await openScene(context, { options });
  await assert.rejects(plain, { message: 'the program speaks no TLS from version 1.2 on' });
});

test('attack: a ClientHello that was judged by one name and carries another ends there', async (context) => {
  const other = await openScene(context, {
    options: { servername: 'b.example.com', checkServerIdentity: () => undefined },
  });
  await assert.rejects(other.plain, {
    message: 'the server name in its TLS handshake is "b.example.com", not a.example.com',
  });
  assert.equal(other.program.destroyed || (await once(other.program, 'close').then(() => true)), true);
});

test('attack: a ClientHello without a server name ends there', async (context) => {
  const none = await openScene(context, { options: { servername: '', checkServerIdentity: () => undefined } });
  await assert.rejects(none.plain, { message: 'the server name in its TLS handshake is "", not a.example.com' });
});

test('attack: a program that stops in the middle of its handshake is cut off in time', async (context) => {
  const [program, tunnel] = await socketPair(context);
  const tls = await createTls({}, { run: 'run_1' }, { clock: movableClock(), handshakeMs: 100 });
  program.write(Buffer.from('160301', 'hex'));
  const hello = await firstBytes(tunnel);
  await assert.rejects(tls.terminate(tunnel, hello, TO), { message: 'its TLS handshake took more than 100 ms' });
  assert.equal(tunnel.destroyed, true);
});

test('attack: bytes that only begin like TLS end the tunnel', async (context) => {
  const [program, tunnel] = await socketPair(context);
  const tls = await createTls({}, { run: 'run_1' }, { clock: movableClock() });
  program.write(Buffer.from('1603010005deadbeef00', 'hex'));
  const hello = await firstBytes(tunnel);
  await assert.rejects(tls.terminate(tunnel, hello, TO), /the TLS handshake with the program failed \(ERR_SSL_/);
  assert.equal(tunnel.destroyed, true);
});

test('attack: no session is taken up again, at the same host or at another', async (context) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await openScene(context, { options: { maxVersion } });
    const [plain] = await Promise.all([first.plain, once(first.program, 'secureConnect')]);
    plain.write('so that a ticket would come');
    await once(first.program, 'data');
    const session = first.program.getSession() ?? Buffer.alloc(0);
    for (const host of [TO.host, 'b.example.com']) {
      const again = await openScene(context, { tls: first.tls, options: { maxVersion, session }, host });
      await Promise.all([again.plain, once(again.program, 'secureConnect')]);
      assert.deepEqual([host, maxVersion, again.program.isSessionReused()], [host, maxVersion, false]);
    }
  }
});

interface SceneOptions {
  readonly options?: ConnectionOptions;
  readonly trusts?: boolean;
  readonly wrapped?: boolean;
  readonly tls?: EgressTls;
  readonly host?: string;
}

async function openScene(context: TestContext, scene: SceneOptions = {}): Promise<Scene> {
  const { options, trusts = true, wrapped = false, host = TO.host } = scene;
  const tls = scene.tls ?? (await createTls({}, { run: 'run_1' }, { clock: movableClock() }));
  const [socket, tunnel] = await socketPair(context);
  const program = connect({
    socket,
    servername: host,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...(trusts ? { ca: tls.authority } : {}),
    ...options,
  });
  program.on('error', () => {});
  const hello = await firstBytes(tunnel);
  const plain = tls.terminate(wrapped ? wrap(tunnel) : tunnel, hello, { host, port: 443 });
  plain.catch(() => {});
  context.after(() => [program, tunnel].map((one) => one.destroy()));
  return { tls, program, plain };
}

/** As a tunnel looks that goes through something else. */
function wrap(inner: Duplex): Duplex {
  return Duplex.from({ readable: inner, writable: inner });
}
