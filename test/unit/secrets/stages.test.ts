// Secrets on their way out and back, at the port that the proxy has: each leak that is known is an attack beside a use that works.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { BoundSecret, EgressFields, EgressMatch, EgressSecrets } from '../../../src/contracts/egress.ts';
import type { EgressEffect } from '../../../src/contracts/effects.ts';
import { createSecretStages } from '../../../src/secrets/stages.ts';

const SECRET: BoundSecret = {
  name: 'TOKEN',
  value: 'ghp_a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ',
  placeholder: 'ghp_ZyXwVuTsRqPoNmLk0J9i8H7g6F5e4D3c2B1a',
  header: 'authorization',
  match: { hosts: ['api.example.com'], schemes: ['https'], methods: ['GET', 'POST'], pathPrefixes: ['/v1'] },
};
const REQUEST: EgressEffect = {
  type: 'egress',
  host: 'api.example.com',
  port: 443,
  scheme: 'https',
  method: 'GET',
  path: '/v1/me',
};
const BEARER = `Bearer ${SECRET.placeholder}`;
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const USES: Readonly<Record<string, readonly [sent: string, received: string]>> = {
  'as Bearer': [BEARER, `Bearer ${SECRET.value}`],
  alone: [SECRET.placeholder, SECRET.value],
  'as the password of Basic': [basic('me', SECRET.placeholder), basic('me', SECRET.value)],
  'as the user of Basic': [
    basic(SECRET.placeholder, 'x-oauth-basic'),
    basic(SECRET.placeholder.replace(SECRET.placeholder, SECRET.value), 'x-oauth-basic'),
  ],
  twice: [`a=${SECRET.placeholder}; b=${SECRET.placeholder}`, `a=${SECRET.value}; b=${SECRET.value}`],
};

for (const [name, [sent, received]] of Object.entries(USES))
  test(`the value is put in where the placeholder stands in its header ${name}`, () => {
    assert.deepEqual(
      stages().outgoing(REQUEST, [
        ['accept', '*/*'],
        ['authorization', sent],
      ]),
      {
        fields: [
          ['accept', '*/*'],
          ['authorization', received],
          ['accept-encoding', 'identity'],
        ],
        used: ['TOKEN'],
      },
    );
  });

const LEAKS: Readonly<
  Record<string, { readonly request?: Partial<EgressEffect>; readonly field: EgressFields[number] }>
> = {
  'in another header': { field: ['x-echo', BEARER] },
  'in the cookie': { field: ['cookie', `session=${SECRET.placeholder}`] },
  'to another host': { request: { host: 'evil.example.com' }, field: ['authorization', BEARER] },
  'to a host below': { request: { host: 'x.api.example.com' }, field: ['authorization', BEARER] },
  'without TLS': { request: { scheme: 'http', port: 80 }, field: ['authorization', BEARER] },
  'with another method': { request: { method: 'PUT' }, field: ['authorization', BEARER] },
  'with the method in small letters': { request: { method: 'get' }, field: ['authorization', BEARER] },
  'to another path': { request: { path: '/echo' }, field: ['authorization', BEARER] },
  'as a part of a longer word': { field: ['authorization', `Bearer x${SECRET.placeholder}`] },
  'as a part of the password of Basic': { field: ['authorization', basic('me', `x${SECRET.placeholder}`)] },
  'in Basic twice encoded': {
    field: ['authorization', `Basic ${Buffer.from(basic('me', SECRET.placeholder)).toString('base64')}`],
  },
};

for (const [name, { request, field }] of Object.entries(LEAKS))
  test(`attack: the placeholder ${name} goes as the placeholder`, () => {
    const sent = stages().outgoing({ ...REQUEST, ...request }, [field]);
    assert.deepEqual([sent.fields.find(([header]) => header === field[0]), sent.used], [field, []]);
  });

test('to a host that no secret is bound to, everything goes and comes as it is', () => {
  const request = { ...REQUEST, host: 'other.example.com' };
  const fields: EgressFields = [
    ['accept-encoding', 'gzip'],
    ['range', 'bytes=0-9'],
  ];
  assert.deepEqual(stages().outgoing(request, fields), { fields, used: [] });
  assert.equal(stages().incoming(request), undefined);
});

test('attack: a part of an answer, or an encoded one, is not asked for from a host that a secret is bound to', () => {
  const fields: EgressFields = [
    ['range', 'bytes=0-9'],
    ['if-range', '"x"'],
    ['accept-encoding', 'gzip, br'],
  ];
  const { fields: sent } = stages().outgoing({ ...REQUEST, path: '/any' }, fields);
  assert.deepEqual(sent, [['accept-encoding', 'identity']]);
});

const ECHOES: Readonly<Record<string, (value: string) => string>> = {
  plain: (value) => `you sent ${value}.`,
  'in base64': (value) => Buffer.from(`{"sent":"${value}"}`).toString('base64'),
  'percent-encoded': (value) => `?token=${encodeURIComponent(value)}`,
  'in hex': (value) => Buffer.from(value).toString('hex'),
};

for (const [name, echo] of Object.entries(ECHOES))
  test(`attack: an origin that echoes the value ${name}, byte by byte, is heard with the placeholder`, async () => {
    const bytes = Buffer.from(echo(SECRET.value));
    const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
    assert.deepEqual(await answer(stages(), [['content-length', String(bytes.length)]], pieces), {
      fields: [['content-length', String(bytes.length)]],
      body: echo(SECRET.placeholder),
    });
  });

const ENCODERS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

for (const [encoding, encode] of Object.entries(ENCODERS))
  test(`attack: an origin that answers in ${encoding}, though it was asked for none, is decoded and masked`, async () => {
    const body = encode(Buffer.from(`${'x'.repeat(100_000)}${SECRET.value}${'y'.repeat(100_000)}`));
    const fields: EgressFields = [
      ['content-encoding', encoding],
      ['content-length', String(body.length)],
      ['etag', '"1"'],
    ];
    assert.deepEqual(await answer(stages(), fields, [body.subarray(0, 20), body.subarray(20)]), {
      fields: [['etag', '"1"']],
      body: `${'x'.repeat(100_000)}${SECRET.placeholder}${'y'.repeat(100_000)}`,
    });
  });

test('an encoded answer without a body has none', async () => {
  assert.deepEqual(await answer(stages(), [['content-encoding', 'gzip']], []), { fields: [], body: '' });
});

test('an answer that is not what its encoding says breaks off', async () => {
  await assert.rejects(answer(stages(), [['content-encoding', 'gzip']], [Buffer.from('no gzip at all')]), {
    code: 'Z_DATA_ERROR',
  });
  const cut = gzipSync(Buffer.alloc(1000)).subarray(0, 20);
  await assert.rejects(answer(stages(), [['content-encoding', 'gzip']], [cut]), { code: 'Z_BUF_ERROR' });
});

const REFUSED: readonly (readonly [EgressFields, string])[] = [
  [[['content-encoding', 'compress']], 'it came in the content-encoding "compress", though it was asked for none'],
  [[['content-encoding', 'gzip, br']], 'it came in the content-encoding "gzip, br", though it was asked for none'],
  [[['content-encoding', 'toString']], 'it came in the content-encoding "tostring", though it was asked for none'],
  [
    [
      ['content-encoding', 'gzip'],
      ['content-encoding', 'gzip'],
    ],
    'it came in the content-encoding "gzip, gzip", though it was asked for none',
  ],
  [[['content-range', 'bytes 0-9/100']], 'it is a part of a whole, in which a secret could not be seen'],
  [
    [['content-type', 'Multipart/ByteRanges; boundary=x']],
    'it is a part of a whole, in which a secret could not be seen',
  ],
];

for (const [fields, refused] of REFUSED)
  test(`attack: an answer that could not be looked through (${fields.flat().join(' ')}) is refused`, () => {
    assert.deepEqual(stages().incoming(REQUEST)?.answer(fields), { refused });
  });

test('attack: the value in fields of an answer, a redirect among them, is masked', async () => {
  const fields = (value: string): EgressFields => [
    ['location', `https://evil.example.com/?t=${value}`],
    ['set-cookie', `t=${Buffer.from(value).toString('base64')}`],
    [`x-${value.toLowerCase()}`, '1'],
  ];
  const { fields: shown } = await answer(stages(), fields(SECRET.value), []);
  assert.deepEqual(shown, fields(SECRET.placeholder));
});

test('attack: what was put into Basic is masked as well where an origin encodes it once more, and in later answers too', async () => {
  const all = stages();
  all.outgoing(REQUEST, [['authorization', basic('me', SECRET.placeholder)]]);
  const twice = (value: string) => Buffer.from(`authorization: ${basic('me', value)}`).toString('base64');
  const later = { ...REQUEST, path: '/other' };
  assert.equal((await answer(all, [], [Buffer.from(twice(SECRET.value))], later)).body, twice(SECRET.placeholder));
});

test('attack: a program that names ever more users beside a secret is given no more of it, and the answers stay masked', async () => {
  const all = stages();
  const used = Array.from(
    { length: 12 },
    (_, index) => all.outgoing(REQUEST, [['authorization', basic(`user-${index}`, SECRET.placeholder)]]).used.length,
  );
  assert.deepEqual(
    used,
    Array.from({ length: 12 }, (_, index) => (index < 8 ? 1 : 0)),
  );
  assert.deepEqual(all.outgoing(REQUEST, [['authorization', basic('user-3', SECRET.placeholder)]]).used, ['TOKEN']);
  assert.equal((await answer(all, [], [Buffer.from(SECRET.value)])).body, SECRET.placeholder);
});

test('attack: a secret of one host that another bound host knows is masked there as well', async () => {
  const other: BoundSecret = {
    ...SECRET,
    name: 'OTHER',
    value: 'abcdefghijkl',
    placeholder: 'zyxwvutsrqpo',
    match: { hosts: ['b.example.com'] },
  };
  const all = createSecretStages([SECRET, other], covers);
  const request = { ...REQUEST, host: 'b.example.com' };
  assert.equal((await answer(all, [], [Buffer.from(SECRET.value)], request)).body, SECRET.placeholder);
});

test('a small encoded answer that becomes a very large one waits for its reader', async () => {
  const body = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const shown = stages()
    .incoming(REQUEST)
    ?.answer([['content-encoding', 'gzip']]);
  assert.ok(shown !== undefined && 'body' in shown);
  shown.body.end(body);
  shown.body.read(0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(shown.body.readableLength < 1024 * 1024, `${shown.body.readableLength} bytes wait`);
  let bytes = 0;
  for await (const piece of shown.body) bytes += (piece as Buffer).length;
  assert.equal(bytes, 64 * 1024 * 1024);
});

function stages(): EgressSecrets {
  return createSecretStages([SECRET], covers);
}

/** A stand-in for the policy's own. */
function covers(
  { hosts, schemes, methods, pathPrefixes }: EgressMatch,
  { host, scheme, method, path }: EgressEffect,
): boolean {
  const has = <Value>(list: readonly Value[] | undefined, value: Value) => list?.includes(value) ?? true;
  const isBelow = pathPrefixes?.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)) ?? true;
  return has(hosts, host) && has(schemes, scheme) && has(methods, method) && isBelow;
}

async function answer(
  secrets: EgressSecrets,
  fields: EgressFields,
  pieces: readonly Buffer[],
  request: EgressEffect = REQUEST,
): Promise<{ readonly fields: EgressFields; readonly body: string }> {
  const shown = secrets.incoming(request)?.answer(fields);
  assert.ok(shown !== undefined && 'body' in shown);
  for (const piece of pieces) shown.body.write(piece);
  shown.body.end();
  return { fields: shown.fields, body: await text(shown.body) };
}
