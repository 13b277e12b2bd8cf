// SIGHUP and a real `caisson serve`: it reads its certificate again and goes on, while any other command ends as it did.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import http, { type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { type CertificateFiles, makeCertificate } from '../gateway/certificates.ts';
import { readText } from '../gateway/http.ts';
import { dataDirFor } from './cli-setup.ts';
import { ENTRY, serve, type Served } from './served.ts';

const piece = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

interface Engine {
  readonly url: string;
  /** The answer that was asked for, to be gone on with. */
  readonly answering: Promise<ServerResponse>;
}

async function startEngine(context: TestContext): Promise<Engine> {
  const { promise: answering, resolve } = Promise.withResolvers<ServerResponse>();
  const answer = async (request: http.IncomingMessage, response: ServerResponse) => {
    const asked = await readText(request);
    // The service asks by itself how the engine is, and lets it prove that by a token.
    if (request.method !== 'POST') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(piece({ role: 'assistant', content: 'one ' }));
    if (asked.includes('"count"')) resolve(response);
    else response.end(`${piece({}, 'length')}data: [DONE]\n\n`);
  };
  const server = http.createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.closeAllConnections());
  context.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, answering };
}

function serveWith(context: TestContext, engine: string, tls: CertificateFiles | undefined): Promise<Served> {
  const lines = tls === undefined ? '' : `server: {tls: {cert: ${tls.cert}, key: ${tls.key}}}\n`;
  return serve(context, `${lines}backends: [{name: e, type: openai, url: "${engine}", models: [m]}]\n`);
}

async function untilLogged({ logged }: Served, words: string): Promise<void> {
  while (!logged().includes(words)) await delay(10);
}

/** Common name of the certificate that a new connection is shown. */
async function shownBy(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test('new connections get the new certificate, an open stream goes on, and a broken file changes nothing', async (context) => {
  const { folder } = dataDirFor(context);
  const engine = await startEngine(context);
  const [files, next] = [await makeCertificate(folder, 'first'), await makeCertificate(folder, 'second')];
  const service = await serveWith(context, engine.url, files);
  const { stdout } = await promisify(execFile)(process.execPath, [ENTRY, 'keys', 'create', 'k', ...service.common]);
  const request = https.request({
    host: '127.0.0.1',
    port: service.port,
    method: 'POST',
    path: '/v1/chat/completions',
    ca: await readFile(files.cert),
    agent: false,
    headers: { authorization: `Bearer ${stdout.trim()}`, 'content-type': 'application/json' },
  });
  request.end(JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'count' }] }));
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
  const text = answer.setEncoding('utf8').toArray();
  const response = await engine.answering;

  await copyFile(next.key, files.key);
  await copyFile(next.cert, files.cert);
  service.child.kill('SIGHUP');
  await untilLogged(service, 'the certificate was read again');
  assert.equal(await shownBy(service.port), 'second');

  await writeFile(files.cert, 'no certificate');
  service.child.kill('SIGHUP');
  await untilLogged(service, 'server.tls.cert is not a certificate in PEM form');
  assert.match(service.logged(), /the certificate stays as it is: the files are wrong/);
  assert.equal(await shownBy(service.port), 'second');

  response.end(`${piece({ content: 'two' })}${piece({}, 'stop')}data: [DONE]\n\n`);
  assert.match((await text).join(''), /"one ".*"two".*\[DONE\]/s);
  assert.deepEqual([service.child.exitCode, service.child.signalCode], [null, null]);
});

test('a service without a certificate goes on as well, and says that there is nothing to read', async (context) => {
  const service = await serveWith(context, 'http://127.0.0.1:9/v1', undefined);
  service.child.kill('SIGHUP');
  await untilLogged(service, 'there is no certificate to read again');
  assert.equal((await fetch(`http://127.0.0.1:${service.port}/healthz`)).status, 200);
});

test('a runner, which has no certificate, ends as before', async (context) => {
  const { dataDir } = dataDirFor(context);
  const words = ['runner', '--data-dir', dataDir];
  const runner = spawn(process.execPath, [ENTRY, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const gone = once(runner, 'exit');
  let log = '';
  runner.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  while (!log.includes('the runner is ready') && runner.exitCode === null) await delay(10);
  runner.kill('SIGHUP');
  assert.deepEqual({ ended: await gone, log: /is ready/.test(log) }, { ended: [0, null], log: true }, log);
});
