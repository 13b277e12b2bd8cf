// Named attacks on the form of a request: what two servers in a row might read differently is refused, and nothing reaches an engine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeBytes } from '../http.ts';
import { says, type Service, startService } from '../service.ts';

const BODY = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';
const CHUNK = `${BODY.length.toString(16)}\r\n${BODY}\r\n`;

interface Shape {
  readonly name: string;
  /** Lines behind the request line, each without its end. */
  readonly lines: readonly string[];
  readonly body: string;
  readonly version?: string;
  /** Of the answer to what is no HTTP at all there is only the status. */
  readonly status?: number;
}

const length = `content-length: ${BODY.length}`;
const chunked = 'transfer-encoding: chunked';

const ATTACKS: readonly Shape[] = [
  { name: 'a length beside chunks', lines: [length, chunked], body: `${CHUNK}0\r\n\r\n` },
  { name: 'chunks beside a length', lines: [chunked, length], body: `${CHUNK}0\r\n\r\n` },
  { name: 'two lengths that differ', lines: [length, 'content-length: 1'], body: BODY },
  { name: 'two lengths that agree', lines: [length, length], body: BODY },
  { name: 'two lengths in one line', lines: [`content-length: ${BODY.length}, ${BODY.length}`], body: BODY },
  { name: 'a length with a sign', lines: [`content-length: +${BODY.length}`], body: BODY },
  { name: 'a negative length', lines: ['content-length: -1'], body: BODY },
  { name: 'a hexadecimal length', lines: [`content-length: 0x${BODY.length.toString(16)}`], body: BODY },
  { name: 'a length beyond every number', lines: ['content-length: 99999999999999999999999'], body: BODY },
  { name: 'a space before the colon of the length', lines: [`content-length : ${BODY.length}`], body: BODY },
  {
    name: 'a space before the colon of the encoding',
    lines: ['transfer-encoding : chunked'],
    body: `${CHUNK}0\r\n\r\n`,
  },
  { name: 'an encoding that ends otherwise', lines: ['transfer-encoding: chunked, identity'], body: BODY },
  { name: 'an encoding in front of chunks', lines: ['transfer-encoding: gzip, chunked'], body: `${CHUNK}0\r\n\r\n` },
  { name: 'an encoding that nobody knows', lines: ['transfer-encoding: xchunked'], body: `${CHUNK}0\r\n\r\n` },
  { name: 'chunks told twice', lines: [chunked, chunked], body: `${CHUNK}0\r\n\r\n` },
  { name: 'chunks in HTTP/1.0', lines: [chunked], body: `${CHUNK}0\r\n\r\n`, version: '1.0' },
  { name: 'a chunk size beyond every number', lines: [chunked], body: `fffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n` },
  { name: 'a chunk size that wraps round', lines: [chunked], body: `1${'0'.repeat(16)}\r\n${BODY}\r\n0\r\n\r\n` },
  { name: 'a chunk size that is no number', lines: [chunked], body: `${CHUNK}xyz\r\n\r\n` },
  { name: 'a chunk size with a sign', lines: [chunked], body: `+${CHUNK}0\r\n\r\n` },
  { name: 'a chunk longer than its size', lines: [chunked], body: `5\r\n${BODY}\r\n0\r\n\r\n` },
  { name: 'a bare line feed behind a chunk size', lines: [chunked], body: `${CHUNK.replace('\r\n', '\n')}0\r\n\r\n` },
  { name: 'a bare line feed behind a header', lines: [`x: a\n${length}`], body: BODY },
  { name: 'a bare carriage return in a header', lines: [`x: a\r${length}`, length], body: BODY },
  { name: 'a header that is folded', lines: [length, 'x: a', ' b'], body: BODY },
  { name: 'a zero byte in a header', lines: [length, 'x: a\u0000b'], body: BODY },
  { name: 'a control character in a header', lines: [length, 'x: a\u0001b'], body: BODY },
  { name: 'a delete character in a header', lines: [length, 'x: a\u007fb'], body: BODY },
  { name: 'a control character in a name', lines: [length, 'x\u0001: a'], body: BODY },
  { name: 'a header without a name', lines: [length, ': a'], body: BODY },
  { name: 'a header without a colon', lines: [length, 'nonsense'], body: BODY },
  { name: 'a second host', lines: [length, 'host: 127.0.0.1'], body: BODY },
  { name: 'a second kind of body', lines: [length, 'content-type: text/plain'], body: BODY },
  { name: 'a version that nobody speaks', lines: [length], body: BODY, version: '3.7' },
  { name: 'a body that is compressed', lines: [length, 'content-encoding: gzip'], body: BODY, status: 415 },
];

function bytesOf({ lines, body, version = '1.1' }: Omit<Shape, 'name'>, key: string): string {
  const head = [
    `POST /v1/chat/completions HTTP/${version}`,
    'host: localhost',
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    'connection: close',
    ...lines,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

async function start(context: Parameters<typeof startService>[0]): Promise<{ service: Service; key: string }> {
  const service = await startService(context, {
    model: says({ type: 'text', text: 'hello' }, { type: 'finish', reason: 'stop' }),
  });
  return { service, key: await service.key(['client']) };
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
}

test('a request that could be read in two ways is refused', async (context) => {
  const { service, key } = await start(context);
  await context.test('while the same request in one way is answered, by length and in chunks', async () => {
    const answers = await Promise.all([
      exchangeBytes(service, bytesOf({ lines: [length], body: BODY }, key)),
      exchangeBytes(service, bytesOf({ lines: [chunked], body: `${CHUNK}0\r\n\r\n` }, key)),
      exchangeBytes(service, bytesOf({ lines: [length, 'x: a\tb\u00e9'], body: BODY }, key)),
    ]);
    assert.deepEqual(answers.map(statusOf), [200, 200, 200]);
    assert.equal(service.asked.length, 3);
  });
  for (const { name, status = 400, ...shape } of ATTACKS)
    await context.test(name, async () => {
      const answer = await exchangeBytes(service, bytesOf(shape, key));
      assert.deepEqual({ status: statusOf(answer), asked: service.asked.length }, { status, asked: 3 });
      assert.equal(answer.match(/HTTP\/1\.1 \d{3} /g)?.length, 1, 'there is one answer to one request');
    });
});

test('what stands behind a request that is refused is not taken for the next one', async (context) => {
  const { service, key } = await start(context);
  const hidden = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';
  const attack = bytesOf({ lines: [length, chunked], body: `0\r\n\r\n${hidden}` }, key).replace(
    'connection: close\r\n',
    '',
  );
  const control = `GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n${hidden}`;
  const answersTo = async (bytes: string) => (await exchangeBytes(service, bytes)).match(/HTTP\/1\.1 \d{3} /g);
  assert.deepEqual(await answersTo(control), ['HTTP/1.1 200 ', 'HTTP/1.1 200 ']);
  assert.deepEqual(await answersTo(attack), ['HTTP/1.1 400 ']);
});

test('two keys, or a key twice, are refused before anyone is asked who that is', async (context) => {
  const { service, key } = await start(context);
  const line = `authorization: Bearer ${key}`;
  const answer = await exchangeBytes(service, bytesOf({ lines: [length, line], body: BODY }, key));
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /"the header authorization is there twice"/);
});
