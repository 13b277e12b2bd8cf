// TLS on the service's own port, with certificates that openssl makes: old versions, foreign clients, new files, files that are wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { CaissonError } from '../../../src/base/errors.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { buildApp } from '../../../src/gateway/app.ts';
import { listenOnAddress } from '../../../src/gateway/listen.ts';
import { readTls, type TlsFiles, watchTls } from '../../../src/gateway/tls.ts';
import { makeCertificate, makeFolder } from '../certificates.ts';
import { says, startService } from '../service.ts';

type Model = NonNullable<Parameters<typeof startService>[1]>['model'];

async function start(context: TestContext, files: TlsFiles, model: Model = says()) {
  const service = await startService(context, model === undefined ? {} : { model });
  const app = buildApp(service.ports, await readTls(files, Date.now()));
  await listenOnAddress(app, '127.0.0.1', 0);
  context.after(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const ca = await readFile(files.cert, 'utf8');
  return { service, app, port, ca, key: await service.key(['client']) };
}

async function ask(options: https.RequestOptions, body?: string): Promise<IncomingMessage> {
  const request = https.request({ host: '127.0.0.1', servername: 'localhost', agent: false, ...options });
  request.end(body);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return answer;
}

/** Common name of the certificate that is shown. */
async function shownBy(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test('the service answers over TLS, and not without it, and not in an old version', async (context) => {
  const { port, ca } = await start(context, await makeCertificate(await makeFolder(context), 'first'));
  const { statusCode } = await ask({ port, path: '/healthz', ca });
  assert.equal(statusCode, 200);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
  await assert.rejects(ask({ port, path: '/healthz', ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));
  await assert.rejects(ask({ port, path: '/healthz' }), /self-signed/);
});

test('an answer that is cut is cut over TLS as well', async (context) => {
  const seen = Promise.withResolvers<void>();
  const { port, ca, key, service } = await start(
    context,
    await makeCertificate(await makeFolder(context), 'first'),
    async function* dies(): AsyncGenerator<ModelEvent> {
      yield { type: 'text', text: 'half' };
      await seen.promise;
      yield { type: 'error', code: 'backend_failed', message: 'died', retryable: true };
    },
  );
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] });
  const answer = await ask({ port, ca, method: 'POST', path: '/v1/chat/completions', headers }, body);
  seen.resolve();
  await assert.rejects(answer.toArray(), { code: 'ECONNRESET' });
  assert.equal(service.asked.length, 1);
});

test('with a CA for clients, only a client that it knows is let in', async (context) => {
  const folder = await makeFolder(context);
  const [files, known, foreign] = await Promise.all(
    ['first', 'known', 'foreign'].map((name) => makeCertificate(folder, name)),
  );
  assert.ok(files !== undefined && known !== undefined && foreign !== undefined);
  const { port, ca } = await start(context, { ...files, clientCa: known.cert });
  const statusOf = async (client?: TlsFiles) => {
    const shown = client === undefined ? {} : { cert: await readFile(client.cert), key: await readFile(client.key) };
    return ask({ port, path: '/healthz', ca, ...shown }).then(
      ({ statusCode }) => statusCode,
      () => 'refused',
    );
  };
  assert.deepEqual([await statusOf(known), await statusOf(foreign), await statusOf()], [200, 'refused', 'refused']);
});

test('new files are taken without a restart; wrong ones are told in the log, and the old stay', async (context) => {
  const folder = await makeFolder(context);
  const [files, next] = [await makeCertificate(folder, 'first'), await makeCertificate(folder, 'second')];
  const { app, port, service } = await start(context, files);
  const server = app.server as https.Server;
  const watch = watchTls(server, files, service.ports.logger, { now: Date.now, everyMs: 20 });
  context.after(() => watch.close());
  assert.equal(await shownBy(port), 'first');
  await writeFile(files.cert, 'no certificate');
  const failed = () => service.logged.some(({ message }) => message.startsWith('the certificate stays as it is'));
  while (!failed()) await delay(10);
  assert.equal(await shownBy(port), 'first');
  await copyFile(next.key, files.key);
  await copyFile(next.cert, files.cert);
  while ((await shownBy(port)) !== 'second') await delay(10);
});

test('what is wrong with a file is told with its name', async (context) => {
  const folder = await makeFolder(context);
  const [good, other] = [await makeCertificate(folder, 'good'), await makeCertificate(folder, 'other')];
  const garbage = join(folder, 'garbage');
  await writeFile(garbage, 'hello');
  const day = 24 * 60 * 60 * 1000;
  const told = async (files: TlsFiles, now = Date.now()) => {
    const error: unknown = await readTls(files, now).catch((reason: unknown) => reason);
    return error instanceof CaissonError ? [error.code, error.message.split(' until ')[0]?.split(' from ')[0]] : error;
  };
  assert.deepEqual(
    [
      await told({ ...good, key: other.key }),
      await told({ ...good, cert: garbage }),
      await told({ ...good, key: garbage }),
      await told({ ...good, clientCa: garbage }),
      await told(good, Date.now() + 3 * day),
      await told(good, Date.now() - day),
      ((await told({ ...good, cert: join(folder, 'missing') })) as readonly string[])[0],
    ],
    [
      ['config_invalid', 'server.tls.key: the key does not belong to the certificate'],
      ['config_invalid', 'server.tls.cert is not a certificate in PEM form'],
      ['config_invalid', 'server.tls.key is not a private key without a password in PEM form'],
      ['config_invalid', 'server.tls.client_ca is not a certificate in PEM form'],
      ['config_invalid', 'server.tls.cert: the certificate was valid'],
      ['config_invalid', 'server.tls.cert: the certificate is valid'],
      'config_unreadable',
    ],
  );
});
