// Shows that after CONNECT only a ClientHello with exactly the judged name goes on: named attacks, each with its positive control.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { makeAuthority, makeLeaf, makeLeafKey } from '../../src/egress/tls/certificates.ts';
import { helloOf, records, type WantedHello } from './hello.ts';
import { openNaiveProxy } from './naive-proxy.ts';
import { HOST, listen, LOOPBACK, openOrigin, openTestProxy, talk, talkInTunnel } from './scene.ts';

const PASS = { ...LOOPBACK, tls: 'pass' as const };
const ECH = 0xfe0d;
const ESNI = 0xffce;

interface TunnelAttack {
  readonly name: string;
  readonly bytes: Buffer;
  readonly blocked: RegExp;
}

const text = (bytes: string) => Buffer.from(bytes, 'latin1');
const hello = (wanted: WantedHello) => helloOf({ names: [HOST], ...wanted });

const ATTACKS: readonly TunnelAttack[] = [
  { name: 'plain HTTP', bytes: text('GET /secret HTTP/1.1\r\nHost: x\r\n\r\n'), blocked: /follows CONNECT is no TLS/ },
  { name: 'SSH', bytes: text('SSH-2.0-OpenSSH_9.9\r\n'), blocked: /is no TLS/ },
  { name: 'HTTP/2 by prior knowledge', bytes: text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), blocked: /is no TLS/ },
  { name: 'another CONNECT to a relay', bytes: text('CONNECT inner.test:22 HTTP/1.1\r\n\r\n'), blocked: /is no TLS/ },
  { name: 'a record of TLS that is no handshake', bytes: records(text('loot'), 100, 23), blocked: /is no TLS/ },
  {
    name: 'a handshake that is no ClientHello',
    bytes: records(Buffer.from([2, 0, 0, 1, 0])),
    blocked: /no ClientHello/,
  },
  {
    name: 'a hello for another host',
    bytes: helloOf({ names: ['inner.test'] }),
    blocked: /its server name is inner\.test/,
  },
  { name: 'a hello for a host below', bytes: helloOf({ names: [`a.${HOST}`] }), blocked: /its server name is a\.site/ },
  { name: 'a hello without a name', bytes: helloOf({}), blocked: /has no server name/ },
  { name: 'a hello with an empty list of names', bytes: helloOf({ names: [] }), blocked: /empty or no host name/ },
  { name: 'a hello with an empty name', bytes: helloOf({ names: [''] }), blocked: /is no host name/ },
  { name: 'a hello with two names', bytes: helloOf({ names: [HOST, 'inner.test'] }), blocked: /several server names/ },
  { name: 'a hello with an address', bytes: helloOf({ names: ['127.0.0.1'] }), blocked: /server name is an address/ },
  {
    name: 'a name that ends in a NUL',
    bytes: helloOf({ names: [`${HOST}\0.inner.test`] }),
    blocked: /is no host name/,
  },
  {
    name: 'two extensions with names',
    bytes: hello({ more: [[0, Buffer.from([0, 4, 0, 0, 1, 97])]] }),
    blocked: /an extension stands twice/,
  },
  { name: 'a hidden hello (ECH)', bytes: hello({ more: [[ECH, Buffer.alloc(40)]] }), blocked: /encrypted part/ },
  { name: 'a hidden name (ESNI)', bytes: hello({ more: [[ESNI, Buffer.alloc(40)]] }), blocked: /encrypted part/ },
  {
    name: 'a second message in the record of the hello',
    bytes: records(Buffer.concat([hello({}).subarray(5), Buffer.from([1, 0, 0, 0])])),
    blocked: /ClientHello is broken/,
  },
  {
    name: 'a wrong name in fragments of seven bytes',
    bytes: helloOf({ names: ['inner.test'], fragment: 7 }),
    blocked: /its server name is inner\.test/,
  },
  {
    name: 'a hello without end',
    bytes: records(Buffer.concat([Buffer.from([1, 0xff, 0, 0]), Buffer.alloc(60_000)])),
    blocked: /longer than/,
  },
];

describe('What follows CONNECT to a host that is allowed', { concurrency: 4 }, () => {
  for (const { name, bytes, blocked } of ATTACKS) {
    it(`${name} goes through a naive proxy, and not through ours`, async () => {
      const origin = await openOrigin('');
      const naive = await openNaiveProxy({ allows: (host) => host === HOST, addressOf: () => '127.0.0.1' });
      const proxy = await openTestProxy({ rules: [PASS] });
      const sent = bytes.toString('latin1');
      await talkInTunnel(naive.port, `${HOST}:${origin.port}`, bytes);
      assert.ok(origin.seen().startsWith(sent.slice(0, 1000)), 'the attack does not even work against a naive proxy');
      const before = origin.seen();
      await talkInTunnel(proxy.port, `${HOST}:${origin.port}`, bytes);
      const said = proxy.records().map((record) => [record.rule, record.said].join(' '));
      await Promise.all([naive.close(), proxy.close(), origin.close()]);
      assert.equal(origin.seen(), before);
      assert.match(said.join('\n'), blocked);
      assert.match(said.join('\n'), /^floor:server-name /);
    });
  }
});

describe('A tunnel that is allowed', () => {
  it('takes a hello of the right name byte by byte, in fragments, in capitals and with a final dot', async () => {
    const origin = await openOrigin('');
    const proxy = await openTestProxy({ rules: [PASS] });
    const hellos = [
      hello({}),
      hello({ fragment: 5 }),
      helloOf({ names: ['SITE.test'] }),
      helloOf({ names: [`${HOST}.`] }),
    ];
    for (const bytes of hellos)
      await talkInTunnel(proxy.port, `${HOST}:${origin.port}`, Buffer.concat([bytes, text('more')]));
    const sent = hellos.map((bytes) => `${bytes.toString('latin1')}more`).join('');
    await proxy.close();
    await origin.close();
    assert.equal(origin.seen(), sent);
  });

  it('carries TLS that nobody else reads, and is one record with its bytes', async () => {
    const validity = { from: Date.now() - 60_000, to: Date.now() + 60_000 };
    const [authority, key] = [await makeAuthority('Authority of a test', validity), await makeLeafKey()];
    const server = createTlsServer({ key: key.key, cert: await makeLeaf(HOST, key, authority, validity) }, (socket) => {
      socket.on('data', (bytes) => socket.end(`you said ${bytes.toString()}`));
    });
    const port = await listen(server);
    const proxy = await openTestProxy({ rules: [PASS] });
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(proxy.port, '127.0.0.1');
      socket.write(`CONNECT ${HOST}:${port} HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`);
      socket.once('data', () => {
        const tls = connectTls({ socket, servername: HOST, ca: authority.certificate.toString('pem') }, () =>
          tls.write('hello'),
        );
        tls.on('data', (bytes) => resolve(bytes.toString()));
        tls.on('error', reject);
      });
    });
    server.close();
    await proxy.close();
    assert.equal(answer, 'you said hello');
    const [record, ...others] = proxy.records();
    assert.deepEqual(others, []);
    assert.deepEqual(
      {
        ...record,
        at: 0,
        sentBytes: (record?.sentBytes ?? 0) > 200,
        receivedBytes: (record?.receivedBytes ?? 0) > 500,
      },
      {
        at: 0,
        outcome: 'allowed',
        rule: 'rule-1',
        said: `HTTPS to ${HOST}:${port} was allowed by rule-1.`,
        host: HOST,
        port,
        scheme: 'https',
        method: 'CONNECT',
        path: '',
        sentBytes: true,
        receivedBytes: true,
      },
    );
  });

  it('is no record when a program only looks whether it may', async () => {
    const origin = await openOrigin('');
    const proxy = await openTestProxy({ rules: [PASS] });
    const got = await talk(
      proxy.port,
      `CONNECT ${HOST}:${origin.port} HTTP/1.1\r\nHost: ${HOST}:${origin.port}\r\n\r\n`,
    );
    await proxy.close();
    await origin.close();
    assert.deepEqual([got, proxy.records()], ['HTTP/1.1 200 Connection established\r\n\r\n', []]);
  });
});

describe('CONNECT', () => {
  const asked = (authority: string, more = '') => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${more}\r\n`;
  const refusals: readonly (readonly [name: string, request: string, said: RegExp])[] = [
    [
      'to a host that no rule names',
      asked('other.test:443'),
      /HTTPS to other\.test:443 is allowed by no rule; request_access/,
    ],
    ['to an address', asked('127.0.0.1:443'), /TLS to an address has no server name/],
    ['to another port than the rule says', asked(`${HOST}:22`), /HTTPS to site\.test:22 is allowed by no rule/],
    ['without a port', asked(HOST), /its port is no port/],
    ['to a whole URL', asked(`https://${HOST}:443`), /is no host/],
    [
      'with a Host of its own',
      `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: inner.test\r\n\r\n`,
      /its Host names inner\.test/,
    ],
    ['with a body', asked(`${HOST}:443`, 'Content-Length: 4\r\n'), /a CONNECT has no body/],
  ];
  for (const [name, request, said] of refusals) {
    it(`${name} is refused with a sentence`, async () => {
      const proxy = await openTestProxy({ rules: [{ ...PASS, ports: [443] }] });
      const got = await talk(proxy.port, request);
      const records = proxy.records();
      await proxy.close();
      assert.match(got, said);
      assert.deepEqual(
        records.map((record) => [record.outcome, got.endsWith(`${record.said}\n`)]),
        [['denied', true]],
      );
    });
  }
});
