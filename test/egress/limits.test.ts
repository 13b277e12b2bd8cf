// Shows the ceilings of a proxy, what a grant opens, the way through the site's own proxy, and that nothing is left open.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { LIMITS } from '../../src/base/limits.ts';
import type { EgressGrant } from '../../src/contracts/egress.ts';
import { helloOf } from './hello.ts';
import { HOST, LOOPBACK, openOrigin, openTestProxy, ruleOf, talk, talkInTunnel } from './scene.ts';
import { compileNetwork } from './stand-in-judge.ts';

const get = (at: string, path = '/', more = '') => `GET http://${at}${path} HTTP/1.1\r\nHost: ${at}\r\n${more}\r\n`;
const post = (at: string, fields: string, body: string) =>
  `POST http://${at}/ HTTP/1.1\r\nHost: ${at}\r\n${fields}\r\n\r\n${body}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const long = 'x'.repeat(2000);

describe('A rule with ceilings', () => {
  const cases: readonly (readonly [
    name: string,
    caps: object,
    fields: string,
    body: string,
    answer: string,
    said: RegExp,
  ])[] = [
    [
      'a body of a known length',
      { requestBytes: 1000 },
      'Content-Length: 2000',
      long,
      '',
      /its body is larger than 1000 bytes/,
    ],
    [
      'a body in chunks',
      { requestBytes: 1000 },
      'Transfer-Encoding: chunked',
      `7d0\r\n${long}\r\n0\r\n\r\n`,
      '',
      /its body is larger than 1000 bytes/,
    ],
    [
      'an answer of a known length',
      { responseBytes: 1000 },
      'Content-Length: 0',
      '',
      `HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n${long}`,
      /its answer is larger than 1000 bytes/,
    ],
    [
      'an answer in chunks',
      { responseBytes: 1000 },
      'Content-Length: 0',
      '',
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n${long}\r\n0\r\n\r\n`,
      /its answer is larger than 1000 bytes/,
    ],
  ];
  for (const [name, caps, fields, body, answer, said] of cases) {
    it(`stops ${name} that is larger, and lets through what is not`, async () => {
      const origin = await openOrigin(answer);
      const tight = await openTestProxy({ rules: [{ ...LOOPBACK, caps }] });
      const wide = await openTestProxy({ rules: [{ ...LOOPBACK, caps: { requestBytes: 2000, responseBytes: 2000 } }] });
      const sent = post(`${HOST}:${origin.port}`, fields, body);
      await talk(tight.port, sent);
      const before = origin.seen();
      const open = await talk(wide.port, sent);
      const whole = `${origin.seen().slice(before.length)}${open}`;
      await Promise.all([tight.close(), wide.close(), origin.close()]);
      assert.match(whole, /x{2000}/);
      assert.doesNotMatch(before, /x{2000}/);
      assert.match(tight.records()[0]?.said ?? '', said);
      assert.deepEqual(wide.records().map((record) => record.outcome)[0], answer === '' ? 'failed' : 'allowed');
    });
  }

  it('ends a tunnel whose bytes are more', async () => {
    const origin = await openOrigin((socket) => socket.write(long));
    const proxy = await openTestProxy({ rules: [{ ...LOOPBACK, tls: 'pass', caps: { responseBytes: 1000 } }] });
    await talkInTunnel(proxy.port, `${HOST}:${origin.port}`, helloOf({ names: [HOST] }));
    await Promise.all([proxy.close(), origin.close()]);
    assert.match(
      proxy.records()[0]?.said ?? '',
      /^HTTPS to .* is cut off by the rule rule-1: its answer is larger than 1000 bytes\.$/,
    );
  });

  it('answers 429 to more requests in a minute, and what is alike is one record', async () => {
    const origin = await openOrigin();
    const proxy = await openTestProxy({ rules: [{ ...LOOPBACK, caps: { requestsPerMinute: 3 } }] });
    const got = await talk(proxy.port, get(`${HOST}:${origin.port}`).repeat(5));
    const records = proxy.records().map(({ outcome, times }) => [outcome, times]);
    await Promise.all([proxy.close(), origin.close()]);
    assert.deepEqual(got.match(/HTTP\/1\.1 \d+/g), [
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 429',
      'HTTP/1.1 429',
    ]);
    assert.deepEqual(records, [
      ['allowed', 3],
      ['denied', 2],
    ]);
  });
});

describe('A site with a proxy of its own', () => {
  it('gets plain requests with their whole URL, tunnels by CONNECT, and neither what is direct', async () => {
    const answer = (socket: Socket, text: string) => {
      if (text.startsWith('CONNECT')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsite');
    };
    const [site, origin] = [await openOrigin(answer), await openOrigin()];
    const proxy = await openTestProxy({
      rules: [{ hosts: ['far.test'] }, { hosts: ['tls.test'], tls: 'pass' }, LOOPBACK],
      profile: { upstream: { url: `http://user:word@127.0.0.1:${site.port}`, direct: [HOST, '10.0.0.0/8'] } },
    });
    const hello = helloOf({ names: ['tls.test'] });
    const got = [
      await talk(proxy.port, get('far.test', '/a/../b')),
      await talk(proxy.port, get(`${HOST}:${origin.port}`)),
    ];
    await talkInTunnel(proxy.port, 'tls.test:443', hello);
    await Promise.all([proxy.close(), site.close(), origin.close()]);
    assert.match(got[0] ?? '', /site$/);
    assert.match(got[1] ?? '', /loot$/);
    const basic = Buffer.from('user:word').toString('base64');
    assert.equal(
      site.seen(),
      `GET http://far.test/b HTTP/1.1\r\nhost: far.test\r\nproxy-authorization: Basic ${basic}\r\n\r\n` +
        `CONNECT tls.test:443 HTTP/1.1\r\nhost: tls.test:443\r\nproxy-authorization: Basic ${basic}\r\n\r\n${hello.toString('latin1')}`,
    );
  });

  it('is asked for no address that is not public, and for nothing where only the site’s ranges are reached', async () => {
    const site = await openOrigin();
    const upstream = { url: `http://127.0.0.1:${site.port}`, direct: [] };
    const proxy = await openTestProxy({ rules: [{}], profile: { upstream } });
    const closed = await openTestProxy({
      rules: [{}],
      profile: { upstream, airGapped: true, siteRanges: ['10.0.0.0/8'] },
    });
    const open = await talk(proxy.port, get('far.test'));
    const got = [
      await talk(proxy.port, get('10.0.0.1')),
      await talk(proxy.port, get('169.254.169.254')),
      await talk(closed.port, get('93.184.216.34')),
    ];
    await Promise.all([proxy.close(), closed.close(), site.close()]);
    assert.match(open, /loot$/);
    assert.match(got[0] ?? '', /10\.0\.0\.1 is a private address/);
    assert.match(got[1] ?? '', /link-local address/);
    assert.match(got[2] ?? '', /is in none of the site/);
    assert.equal(site.connections(), 1);
  });

  it('that refuses a tunnel is told as it is', async () => {
    const site = await openOrigin('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
    const profile = { upstream: { url: `http://127.0.0.1:${site.port}`, direct: [] } };
    const proxy = await openTestProxy({ rules: [{ hosts: ['tls.test'], tls: 'pass' }], profile });
    const got = await talk(proxy.port, 'CONNECT tls.test:443 HTTP/1.1\r\nHost: tls.test:443\r\n\r\n');
    await Promise.all([proxy.close(), site.close()]);
    assert.match(got, /^HTTP\/1\.1 502 .*own proxy refused it: status 407\.\n$/s);
  });
});

describe('A grant', () => {
  const grant: EgressGrant = { id: 'grant-1', match: { hosts: [HOST], pathPrefixes: ['/asked'] }, uses: 2 };
  const rules = [{ hosts: [HOST], verdict: 'ask' as const, reason: 'Somebody should look.' }];

  it('lets the next try through at once, so often as it says', async () => {
    const site = await openOrigin();
    const judge = compileNetwork(rules.map(ruleOf), []);
    const profile = { names: {}, upstream: { url: `http://127.0.0.1:${site.port}`, direct: [] } };
    const proxy = await openTestProxy({ rules, judge, profile });
    const before = await talk(proxy.port, get(HOST, '/asked'));
    judge.permit(grant);
    const after = await talk(proxy.port, get(HOST, '/asked').repeat(3) + get(HOST, '/other'));
    await Promise.all([proxy.close(), site.close()]);
    assert.match(before, /^HTTP\/1\.1 403 /);
    assert.deepEqual(after.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 403']);
    const seen = proxy
      .records()
      .map(({ outcome, rule, grant: by, times, ask }) => [outcome, rule, by, times, ask?.path]);
    assert.deepEqual(seen, [
      ['denied', 'rule-1', undefined, undefined, '/asked'],
      ['allowed', 'grant-1', 'grant-1', 2, undefined],
      ['denied', 'rule-1', undefined, undefined, '/asked'],
      ['denied', 'rule-1', undefined, undefined, '/other'],
    ]);
  });

  it('never opens an address that is not public', async () => {
    const origin = await openOrigin();
    const proxy = await openTestProxy({ judge: compileNetwork([], [grant]) });
    const got = await talk(proxy.port, get(`${HOST}:${origin.port}`, '/asked'));
    await Promise.all([proxy.close(), origin.close()]);
    assert.match(got, /a loopback address, and no rule that allows this names its range/);
    assert.equal(origin.connections(), 0);
  });
});

describe('A proxy', () => {
  it('takes no more connections at once than its ceiling, and new ones when others have ended', async () => {
    const proxy = await openTestProxy();
    const sockets = Array.from({ length: LIMITS.egressConnections }, () => connect(proxy.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const full = await talk(proxy.port, get('other.test'));
    for (const socket of sockets) socket.destroy();
    await pause(100);
    const free = await talk(proxy.port, get('other.test'));
    await proxy.close();
    assert.deepEqual([full, free.slice(0, 12)], ['', 'HTTP/1.1 403']);
  });

  it('reads no faster than the program does', async () => {
    let written = 0;
    const origin = await openOrigin((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n');
      const piece = Buffer.alloc(1 << 16);
      const more = () => {
        do written += piece.length;
        while (socket.write(piece));
      };
      socket.on('drain', more);
      more();
    });
    const proxy = await openTestProxy();
    const slow = connect(proxy.port, '127.0.0.1');
    slow.pause();
    slow.write(get(`${HOST}:${origin.port}`));
    await pause(500);
    const first = written;
    await pause(500);
    const second = written;
    slow.destroy();
    await Promise.all([proxy.close(), origin.close()]);
    assert.ok(first > 0 && second === first, `${first} and then ${second} bytes`);
    assert.ok(second < 32 * 1024 * 1024, `${second} bytes`);
  });

  it('ends at its origin what a program does not wait for', async () => {
    let ended = 0;
    const origin = await openOrigin((socket) => socket.on('close', () => (ended += 1)));
    const proxy = await openTestProxy();
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(get(`${HOST}:${origin.port}`));
    await pause(150);
    const before = ended;
    socket.destroy();
    await pause(150);
    await Promise.all([proxy.close(), origin.close()]);
    assert.deepEqual([before, ended], [0, 1]);
  });

  it('ends every connection when it is closed', async () => {
    const origin = await openOrigin(() => {});
    const proxy = await openTestProxy({ rules: [{ ...LOOPBACK, tls: 'pass' }] });
    const [one, other] = [connect(proxy.port, '127.0.0.1'), connect(proxy.port, '127.0.0.1')];
    const closed = Promise.all([one, other].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    for (const socket of [one, other]) socket.on('error', () => {}).resume();
    one.write(get(`${HOST}:${origin.port}`));
    other.write(`CONNECT ${HOST}:${origin.port} HTTP/1.1\r\nHost: ${HOST}:${origin.port}\r\n\r\n`);
    await pause(150);
    await proxy.close();
    await closed;
    await assert.rejects(
      new Promise((resolve, reject) => connect(proxy.port, '127.0.0.1').on('connect', resolve).on('error', reject)),
      /ECONNREFUSED/,
    );
    await origin.close();
  });

  it('keeps no more records than its ceiling, denials rather than what was allowed', async () => {
    const origin = await openOrigin();
    const proxy = await openTestProxy();
    const at = `${HOST}:${origin.port}`;
    const allowed = Array.from({ length: LIMITS.egressRecords }, (_, index) => get(at, `/${index}`)).join('');
    const denied = Array.from({ length: 20 }, (_, index) => get(`other-${index}.test`)).join('');
    await talk(proxy.port, allowed + allowed + denied);
    const records = proxy.records();
    await Promise.all([proxy.close(), origin.close()]);
    const count = (outcome: string) => records.filter((record) => record.outcome === outcome).length;
    assert.deepEqual(
      [records.length, count('denied'), count('allowed')],
      [LIMITS.egressRecords, 20, LIMITS.egressRecords - 20],
    );
    assert.equal(records.at(-21)?.times, LIMITS.egressRecords + 1);
    assert.deepEqual(proxy.records(), []);
  });
});
