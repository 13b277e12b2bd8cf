// Shows that an address has one reading, that every range is known by its bytes, and that an odd notation is no address.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAddress, isIn, parseAddress, parseRange } from '../../../src/egress/address/bytes.ts';
import { authorityText, parseAuthority, parseHost } from '../../../src/egress/address/host.ts';
import { isMetadataName, kindOf } from '../../../src/egress/address/ranges.ts';
import { seeded } from '../policy/scene.ts';

const bytesOf = (text: string) => {
  const address = parseAddress(text);
  assert.ok(address !== undefined, text);
  return address;
};

describe('An address', () => {
  test('is read from its usual forms, and written in one', () => {
    const forms = [
      ['127.0.0.1', '127.0.0.1'],
      ['255.255.255.255', '255.255.255.255'],
      ['::', '::'],
      ['::1', '::1'],
      ['1::', '1::'],
      ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['::ffff:10.2.0.1', '::ffff:a02:1'],
      ['64:ff9b::169.254.169.254', '64:ff9b::a9fe:a9fe'],
      ['fe80:0:0:0:1:2:3:4', 'fe80::1:2:3:4'],
    ];
    assert.deepEqual(
      forms.map(([given = '']) => [given, formatAddress(bytesOf(given))]),
      forms,
    );
  });

  test('is not read from any other notation', () => {
    const odd = [
      '',
      '1',
      '127.1',
      '127.0.1',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '127.0.0.01',
      '127.0.0.256',
      '127.0.0.1.',
      '1.2.3.4.5',
    ];
    const odd6 = [
      'fe80::1%eth0',
      '[::1]',
      '::1::',
      '1:2:3:4:5:6:7',
      ':::',
      '::ffff:127.1',
      '12345::',
      ' ::1',
      '::1/128',
    ];
    assert.deepEqual(
      [...odd, ...odd6].filter((text) => parseAddress(text) !== undefined),
      [],
    );
  });

  test('is itself again after it was written, for thousands of random ones', () => {
    const pick = seeded(3);
    for (let round = 0; round < 5000; round += 1) {
      const length = pick(2) === 0 ? 4 : 16;
      const address = Buffer.from(Array.from({ length }, () => (pick(3) === 0 ? pick(256) : 0)));
      assert.deepEqual(parseAddress(formatAddress(address)), address, formatAddress(address));
    }
  });
});

describe('A range', () => {
  test('holds what has its first bits, of its own family', () => {
    const cases: readonly (readonly [range: string, inside: string, outside: string])[] = [
      ['10.0.0.0/8', '10.255.255.255', '11.0.0.0'],
      ['172.16.0.0/12', '172.31.255.255', '172.32.0.0'],
      ['192.168.1.128/25', '192.168.1.128', '192.168.1.127'],
      ['127.0.0.1', '127.0.0.1', '127.0.0.2'],
      ['0.0.0.0/0', '255.1.2.3', '::'],
      ['fd00::/8', 'fdff::1', 'fe00::'],
      ['fe80::/10', 'febf::1', 'fec0::'],
      ['::/0', 'ffff::', '0.0.0.0'],
      ['::1/128', '::1', '::2'],
    ];
    for (const [text, inside, outside] of cases) {
      const range = parseRange(text);
      assert.ok(range !== undefined, text);
      assert.deepEqual([isIn(bytesOf(inside), range), isIn(bytesOf(outside), range)], [true, false], text);
    }
  });

  test('is refused with bits behind its length, and in any other form', () => {
    const wrong = [
      '10.0.0.1/8',
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      'fd00::/129',
      'fd00::1/8',
      '10/8',
      'all',
      '',
    ];
    assert.deepEqual(
      wrong.filter((text) => parseRange(text) !== undefined),
      [],
    );
  });
});

describe('The kind of an address', () => {
  const never = (
    '0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 100.100.100.200 168.63.129.16 192.0.0.192 ' +
    '224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: fe80::1 ff02::1 fd00:ec2::254 ' +
    '::ffff:169.254.169.254 ::169.254.169.254 64:ff9b::169.254.169.254 64:ff9b:1::169.254.169.254 ' +
    '2002:a9fe:a9fe::1 ' +
    '2001:0:a9fe:a9fe::1 ' +
    '2001::5601:5601 ' +
    '2001:db8::5efe:a9fe:a9fe ' +
    '::ffff:0:169.254.169.254 ' +
    '::ffff:0.0.0.0 64:ff9b::0.0.0.1'
  ).split(' ');
  const named = (
    '10.0.0.1 ' +
    '172.16.0.1 ' +
    '172.31.0.1 ' +
    '192.168.0.1 ' +
    '127.0.0.1 ' +
    '127.255.0.1 ' +
    '100.64.0.1 ' +
    '100.127.255.255 ' +
    '198.18.0.1 198.19.255.255 192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 ' +
    '::1 fc00::1 fdff::1 fec0::1 2001:db8::1 2001:0:808:808::f7f7:f7f7 2002:0808:0808::1 64:ff9b::8.8.8.8 ' +
    '::ffff:8.8.8.8 ::8.8.8.8 100::1 5f00::1 3fff::1 2606:4700::5efe:a00:1 4000::1'
  ).split(' ');
  const open = (
    '8.8.8.8 ' +
    '93.184.216.34 ' +
    '172.32.0.1 ' +
    '100.63.255.255 ' +
    '100.128.0.0 ' +
    '198.20.0.0 ' +
    '2606:4700::1111 ' +
    '2a00::1 ' +
    '2001:4860::8888'
  ).split(' ');

  test('is never, named or public, whatever IPv4 address it holds', () => {
    const kinds = (list: readonly string[]) => list.map((text) => [text, kindOf(bytesOf(text)).reach]);
    assert.deepEqual(
      kinds(never),
      never.map((text) => [text, 'never']),
    );
    assert.deepEqual(
      kinds(named),
      named.map((text) => [text, 'named']),
    );
    assert.deepEqual(
      kinds(open),
      open.map((text) => [text, 'public']),
    );
  });

  test('is also known for the names of metadata, and not for names that only begin alike', () => {
    const names = [
      'metadata',
      'metadata.google.internal',
      'instance-data',
      'metadata.ftp-master.debian.org',
      'example.org',
    ];
    assert.deepEqual(names.filter(isMetadataName), ['metadata', 'metadata.google.internal', 'instance-data']);
  });
});

describe('A host', () => {
  test('is a name in small letters without a final dot, or an address in its one form', () => {
    const forms = [
      ['Example.ORG', 'example.org'],
      ['example.org.', 'example.org'],
      ['a_b-c.x', 'a_b-c.x'],
      ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
      ['localhost', 'localhost'],
      ['127.0.0.1', '127.0.0.1'],
      ['[::1]', '::1'],
      ['[2001:DB8::0:1]', '2001:db8::1'],
      ['1password.com', '1password.com'],
      ['3.14.example', '3.14.example'],
    ];
    const text = (given: string) => {
      const host = parseHost(given);
      return 'fault' in host ? host.fault : host.text;
    };
    assert.deepEqual(
      forms.map(([given = '']) => [given, text(given)]),
      forms,
    );
  });

  test('is refused in every other form', () => {
    const wrong: readonly (readonly [given: string, why: RegExp])[] = [
      ...[
        '2130706433',
        '0x7f000001',
        '0x7f.1',
        '127.1',
        '0177.0.0.1',
        '127.0.0.1.',
        '1.2.3.4.5',
        'a.0x1f',
        '1.2.3.08',
        '0x',
      ].map((given) => [given, /odd notation/] as const),
      ['', /is no host name/],
      ['.', /is no host name/],
      ['a..b', /is no host name/],
      ['example.org..', /is no host name/],
      ['-a.example', /is no host name/],
      ['a b', /is no host name/],
      ['ex%61mple.org', /is no host name/],
      ['exämple.org', /is no host name/],
      ['a/b', /is no host name/],
      ['::1', /odd notation|is no host name/],
      ['[::1', /is no host/],
      ['[127.0.0.1]', /is no IPv6 address/],
      ['[fe80::1%25eth0]', /with a zone/],
      [`${'a'.repeat(64)}.example`, /is no host name/],
      [`${'a.'.repeat(127)}example`, /is no host name/],
    ];
    for (const [given, why] of wrong) {
      const host = parseHost(given);
      assert.match('fault' in host ? host.fault : `read as ${host.text}`, why, given);
    }
  });

  test('has a port of its own, the usual one, or none where one must be there', () => {
    const read = (text: string, usual: number | undefined) => {
      const authority = parseAuthority(text, usual);
      return 'fault' in authority ? authority.fault : authorityText(authority, 80);
    };
    assert.deepEqual(
      [
        read('a.test', 80),
        read('a.test:8080', 80),
        read('[::1]:443', undefined),
        read('[::1]', 80),
        read('a.test:080', 443),
      ],
      ['a.test', 'a.test:8080', '[::1]:443', '[::1]', 'a.test'],
    );
    for (const text of [
      'a.test:',
      'a.test:0',
      'a.test:65536',
      'a.test:x',
      'u@a.test:1',
      ':80',
      'a:b:1',
      'a.test:1:1',
      '[::1]x:1',
    ])
      assert.match(read(text, undefined), /port|host|user/, text);
    assert.match(read('a.test', undefined), /its port is no port/);
  });
});
