// An engine behind TLS whose certificate is signed by a CA that only its operator knows: asked both ways with `ca`, and neither without it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CaissonError } from '../../src/base/errors.ts';
import { readSigners } from '../../src/base/certificates.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createBackends } from '../../src/engines.ts';
import { makeFolder as makeConfigFolder } from '../unit/config/folder.ts';
import { type CertificateFiles, makeCertificate, makeFolder } from './certificates.ts';
import { open, readText } from './http.ts';
import { startService } from './service.ts';

const CHAT = { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] };
const PIECES = [{ role: 'assistant', content: 'secure' }, {}].map((delta, index) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: index === 1 ? 'stop' : null }],
}));
const WHOLE = `${PIECES.map((piece) => `data: ${JSON.stringify(piece)}\n\n`).join('')}data: [DONE]\n\n`;
const BOTH_WAYS = [CHAT, { ...CHAT, messages: [...CHAT.messages, ...CHAT.messages] }];

async function startEngine(context: TestContext, { cert, key }: CertificateFiles) {
  const paths: string[] = [];
  const engine = https.createServer({ cert: await readFile(cert), key: await readFile(key) }, (request, response) => {
    paths.push(request.url ?? '');
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(WHOLE);
    });
  });
  engine.listen(0, '127.0.0.1');
  await once(engine, 'listening');
  context.after(() => engine.closeAllConnections());
  context.after(() => engine.close());
  return { paths, url: `https://127.0.0.1:${(engine.address() as AddressInfo).port}/v1` };
}

/** The backend as the configuration makes it, and a gateway before it. */
async function startBackend(context: TestContext, url: string, ca?: string) {
  const folder = await makeConfigFolder(context);
  const line = ca === undefined ? '' : `, ca: ${ca}`;
  await folder.write('user.yaml', `backends: [{name: e, type: openai, url: "${url}", models: [m]${line}}]\n`);
  const [backend] = await createBackends(await loadConfig(folder.sources()), { allowRecorded: false });
  assert.ok(backend !== undefined);
  const passing = async () => backend.passing?.();
  const service = await startService(context, { model: backend.stream, changes: { passing } });
  return { backend, service, key: await service.key(['client']) };
}

test('with its ca, the engine answers where bytes pass and where they are translated', async (context) => {
  const folder = await makeFolder(context);
  const signer = await makeCertificate(folder, 'signer');
  const { url, paths } = await startEngine(context, await makeCertificate(folder, 'engine', { signer }));
  const { service, key } = await startBackend(context, url, signer.cert);
  const [passed, translated] = await Promise.all(
    BOTH_WAYS.map(async (json) => readText(await open(service, 'POST', '/v1/chat/completions', { key, json }))),
  );
  assert.equal(passed, WHOLE);
  assert.match(translated ?? '', /"content":"secure"/);
  assert.deepEqual(service.asked.length, 1);
  assert.deepEqual(paths, ['/v1/chat/completions', '/v1/chat/completions']);
});

test('without it, or with the ca of another, nothing is sent: the error says why and names the line', async (context) => {
  const folder = await makeFolder(context);
  const [signer, other] = [await makeCertificate(folder, 'signer'), await makeCertificate(folder, 'other')];
  const { url, paths } = await startEngine(context, await makeCertificate(folder, 'engine', { signer }));
  for (const ca of [undefined, other.cert]) {
    const { backend, service, key } = await startBackend(context, url, ca);
    const asked = { model: 'm', messages: [{ role: 'user', content: 'hi' }] } as const;
    assert.deepEqual(await Array.fromAsync(backend.stream(asked, AbortSignal.timeout(5000))), [
      {
        type: 'error',
        code: 'backend_unreachable',
        message:
          `${url} cannot be reached: its certificate is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE); ` +
          'name the file with the certificate of its signer in the line `ca` of this backend',
        retryable: false,
        unsent: true,
      },
    ]);
    for (const json of BOTH_WAYS) {
      const answer = await open(service, 'POST', '/v1/chat/completions', { key, json });
      assert.equal(answer.statusCode, 503);
      assert.match(await readText(answer), /backend_unreachable/);
    }
  }
  assert.deepEqual(paths, []);
});

test('a certificate that is for another name is no way either', async (context) => {
  const folder = await makeFolder(context);
  const signer = await makeCertificate(folder, 'signer');
  const { url, paths } = await startEngine(context, await makeCertificate(folder, 'engine', { signer }));
  const { backend } = await startBackend(context, url.replace('127.0.0.1', '127.0.0.2'), signer.cert);
  const asked = { model: 'm', messages: [] };
  const [event] = await Array.fromAsync(backend.stream(asked, AbortSignal.timeout(5000)));
  assert.ok(event?.type === 'error');
  assert.deepEqual([event.code, event.unsent, paths], ['backend_unreachable', true, []]);
});

test('a ca that is missing, is no certificate or is out of date stops the start, and is named', async (context) => {
  const folder = await makeFolder(context);
  const signer = await makeCertificate(folder, 'signer');
  const garbage = join(folder, 'garbage');
  await writeFile(garbage, 'hello');
  const told = async (work: Promise<unknown>) => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    if (!(error instanceof CaissonError)) throw error;
    return [error.code, error.message, error.place] as const;
  };
  const field = 'backends[0].ca';
  const started = (ca: string) => told(startBackend(context, 'https://127.0.0.1:9/v1', ca));
  const readIn = (days: number) => told(readSigners({ file: signer.cert, field }, Date.now() + days * 86_400_000));
  assert.deepEqual(await started(garbage), [
    'config_invalid',
    'backends[0].ca is not a certificate in PEM form',
    { file: garbage, field },
  ]);
  const [code, message] = await started(join(folder, 'missing'));
  assert.equal(code, 'config_unreadable');
  assert.match(message, /^backends\[0\]\.ca cannot be read: ENOENT/);
  assert.match((await readIn(3))[1], /^backends\[0\]\.ca: the certificate was valid until .* GMT$/);
  assert.match((await readIn(-1))[1], /^backends\[0\]\.ca: the certificate is valid from .* GMT on$/);
});

test('of several certificates in one file, one that is in date is enough', async (context) => {
  const folder = await makeFolder(context);
  const [short, long] = [await makeCertificate(folder, 'short'), await makeCertificate(folder, 'long', { days: 9 })];
  const text = `${await readFile(short.cert, 'utf8')}${await readFile(long.cert, 'utf8')}`;
  const file = join(folder, 'both');
  await writeFile(file, text);
  assert.equal(await readSigners({ file, field: 'f' }, Date.now() + 4 * 86_400_000), text);
});
