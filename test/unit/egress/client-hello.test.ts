// Shows that a ClientHello is read whole or not at all, in whatever pieces, and that no changed byte makes it name another host.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { parseClientHello } from '../../../src/egress/client-hello.ts';
import { helloOf, records } from '../../egress/hello.ts';
import { seeded } from '../policy/scene.ts';

const GOOD = helloOf({ names: ['a.test'] });

test('a hello is read from its last byte on, and not before, in fragments of every size', () => {
  for (const fragment of [1, 2, 3, 4, 5, 50, 100, 16_384]) {
    const bytes = helloOf({ names: ['A.test.'], fragment });
    for (let end = 0; end < bytes.length; end += 1)
      assert.equal(parseClientHello(bytes.subarray(0, end)), undefined, `${fragment} ${end}`);
    assert.deepEqual(parseClientHello(bytes), { name: 'a.test', hasHidden: false });
    const more = Buffer.concat([bytes, Buffer.from([23, 3, 3, 0, 1, 0])]);
    assert.deepEqual(parseClientHello(more), { name: 'a.test', hasHidden: false });
  }
});

test('hidden parts are told, and an old hello without extensions has no name', () => {
  const hidden = [0xfe0d, 0xffce].map((type) =>
    parseClientHello(helloOf({ names: ['a.test'], more: [[type, Buffer.alloc(8)]] })),
  );
  assert.deepEqual(hidden, [
    { name: 'a.test', hasHidden: true },
    { name: 'a.test', hasHidden: true },
  ]);
  const body = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32), Buffer.from([0, 0, 2, 0x13, 1, 1, 0])]);
  const old = records(Buffer.concat([Buffer.from([1, 0, 0, body.length]), body]));
  assert.deepEqual(parseClientHello(old), { fault: 'its ClientHello has no server name' });
});

test('more bytes than the ceiling are refused before they have come', () => {
  const message = Buffer.alloc(LIMITS.egressHelloBytes + 100);
  message.writeUInt8(1, 0);
  message.writeUIntBE(LIMITS.egressHelloBytes + 1, 1, 3);
  const fault = { fault: `its ClientHello is longer than ${LIMITS.egressHelloBytes} bytes` };
  assert.deepEqual(parseClientHello(records(message).subarray(0, 20)), fault);
});

test('a change of any byte leaves the name, is refused, or waits for more: none names another host', () => {
  let refused = 0;
  for (let at = 0; at < GOOD.length; at += 1) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = Buffer.from(GOOD);
      bytes[at] = value;
      const hello = parseClientHello(bytes);
      if (hello === undefined || 'fault' in hello) refused += 1;
      else if (GOOD.indexOf('a.test') > at || GOOD.indexOf('a.test') + 6 <= at)
        assert.equal(hello.name, 'a.test', `${at} ${value}`);
    }
  }
  assert.ok(refused > 100, `${refused} were refused`);
});

test('random bytes are never taken for a hello, and none ends the reader', () => {
  const pick = seeded(5);
  for (let round = 0; round < 5000; round += 1) {
    const bytes = Buffer.from(Array.from({ length: pick(200) }, () => pick(256)));
    const start = Buffer.concat([GOOD.subarray(0, pick(60)), bytes]);
    for (const one of [bytes, start]) {
      const hello = parseClientHello(one);
      if (hello !== undefined && !('fault' in hello)) assert.equal(hello.name, 'a.test');
    }
  }
});
