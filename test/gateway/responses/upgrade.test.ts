// Shows that a WebSocket is refused with 426 on every path, and that other upgrades are not minded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeBytes } from '../http.ts';
import { ASK, PATH, start } from './streams.ts';
import { STOP } from './goldens.ts';

const upgrade = (path: string, protocol: string) =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\n` +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

test('a WebSocket is refused at once, without a key, wherever it is asked for', async (context) => {
  const { service } = await start(context, STOP);
  for (const path of [PATH, '/v1/realtime?model=m', '/nowhere', '/healthz'])
    for (const protocol of ['websocket', 'WebSocket']) {
      const text = await exchangeBytes(service, upgrade(path, protocol));
      assert.match(text, /^HTTP\/1\.1 426 Upgrade Required\r\n/, path);
      assert.match(text, /\r\nupgrade: HTTP\/1\.1\r\n/);
      assert.match(text, /\r\nx-request-id: req_/);
      assert.match(text, /"code":"upgrade_refused"\}\}$/);
    }
});

test('a client that offers HTTP/2 gets its answer', async (context) => {
  const { service, key } = await start(context, STOP);
  const json = JSON.stringify(ASK);
  const text = await exchangeBytes(
    service,
    `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c\r\n` +
      `authorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
  );
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /"status":"completed"/);
});
