// Shows what is told of an endpoint that cannot be reached: nobody there, no such name, no TLS, no HTTP, no answer to the connection.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelErrorEvent } from '../../../../src/contracts/model-events.ts';
import { failureOf } from '../../../../src/backends/openai/failure.ts';
import { gather, HELLO, patient } from '../events.ts';
import { backendAt, closedAddress, startSocket } from './scripted-endpoint.ts';

/** There was no connection at all. */
const unsent = (message: string): ModelErrorEvent => ({ ...unreachable(message), unsent: true });
const unreachable = (message: string): ModelErrorEvent => ({
  type: 'error',
  code: 'backend_unreachable',
  message,
  retryable: true,
});

describe('an endpoint that cannot be reached', () => {
  test('because nothing listens there', async () => {
    const url = await closedAddress();
    const { host } = new URL(url);
    assert.deepEqual(await gather(backendAt(url).stream(HELLO, patient())), [
      unsent(`${url} cannot be reached: ECONNREFUSED: connect ECONNREFUSED ${host}`),
    ]);
  });

  test('because there is no such host', async () => {
    const [event, ...more] = await gather(backendAt('http://engine.invalid/v1').stream(HELLO, patient()));
    assert.deepEqual(more, []);
    assert.ok(event?.type === 'error');
    assert.match(event.message, /^http:\/\/engine\.invalid\/v1 cannot be reached: (ENOTFOUND|EAI_AGAIN): getaddrinfo /);
    assert.deepEqual({ ...event, message: '' }, unsent(''));
  });

  test('because it does not speak TLS', async (t) => {
    const url = (await startSocket(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))).replace(
      'http',
      'https',
    );
    const [event, ...more] = await gather(backendAt(url).stream(HELLO, patient()));
    assert.deepEqual(more, []);
    assert.ok(event?.type === 'error');
    assert.match(event.message, /cannot be reached: ERR_SSL_WRONG_VERSION_NUMBER: |cannot be reached: EPROTO: /);
    assert.deepEqual({ ...event, message: '' }, unreachable(''));
  });

  test('because it takes the connection and says nothing to the TLS greeting within the time for connecting', async (t) => {
    const url = (await startSocket(t, () => {})).replace('http', 'https');
    assert.deepEqual(await gather(backendAt(url, { limits: { modelConnectMs: 200 } }).stream(HELLO, patient())), [
      unsent(`${url} cannot be reached: no connection within 200 ms`),
    ]);
  });

  test('because it closes each connection without a word', async (t) => {
    const url = await startSocket(t, (socket) => socket.once('data', () => socket.end()));
    assert.deepEqual(await gather(backendAt(url).stream(HELLO, patient())), [
      unreachable(`${url} cannot be reached: ECONNRESET: socket hang up`),
    ]);
  });

  test('because what it speaks is not HTTP', async (t) => {
    const url = await startSocket(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
    const [event, ...more] = await gather(backendAt(url).stream(HELLO, patient()));
    assert.deepEqual(more, []);
    assert.ok(event?.type === 'error');
    assert.match(event.message, /does not speak HTTP: HPE_[A-Z_]+: /);
    assert.deepEqual({ ...event, message: '' }, { ...unreachable(''), code: 'backend_garbage', retryable: false });
  });

  test('is named without the password and the query of its address', async () => {
    const { host } = new URL(await closedAddress());
    const backend = backendAt(`http://user:secret@${host}/v1/?token=secret`);
    assert.deepEqual(await gather(backend.stream(HELLO, patient())), [
      unsent(`http://${host}/v1 cannot be reached: ECONNREFUSED: connect ECONNREFUSED ${host}`),
    ]);
  });
});

describe('a failure', () => {
  test('is told by its innermost cause, and by the first of several', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' });
    const wrapped = new Error('Connection error.', { cause: new AggregateError([refused, new Error('other')]) });
    assert.deepEqual(
      failureOf(wrapped, 'http://e', 0),
      unsent('http://e cannot be reached: ECONNREFUSED: connect ECONNREFUSED ::1:1'),
    );
  });

  test('that is no error is told as it is', () => {
    assert.deepEqual(failureOf('boom', 'http://e', 0), unreachable('http://e cannot be reached: boom'));
  });
});
