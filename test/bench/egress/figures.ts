// Owns the figures of the proxy of a sandbox: CPU of its process for small requests, and for one large download. Both are of one core.
import { type ChildProcess, fork } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { helloOf } from '../../egress/hello.ts';
import { listen } from '../../egress/scene.ts';
import type { Figure } from '../figure.ts';
import { spreadOf } from '../measure.ts';

const CONNECTIONS = 16;
const REQUESTS = 6000;
const DOWNLOAD_MB = 512;
const MB = 1024 * 1024;
const SMALL = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"small": true}';

export async function egressFigures(rounds: number): Promise<readonly Figure[]> {
  const origin = createServer(answer);
  const port = await listen(origin);
  const child = fork(join(import.meta.dirname, 'proxy-process.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const proxy = (await told(child)).port ?? 0;
  const [small, plain, passed]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round <= rounds; round += 1) {
    const perRequest = (await cpuOf(child, () => smallRequests(proxy, port))) / REQUESTS;
    const perPlain = (await cpuOf(child, () => download(proxy, plainRequest(port)))) / DOWNLOAD_MB;
    const perPassed = (await cpuOf(child, () => download(proxy, ...tunnel(port)))) / DOWNLOAD_MB;
    // The first one warms.
    if (round === 0) continue;
    small.push(perRequest * 1000);
    plain.push(perPlain);
    passed.push(perPassed);
  }
  child.disconnect();
  origin.close();
  return [
    { what: 'proxy: CPU of a small request (3,000/s: 333)', spread: spreadOf(small), unit: 'µs', bar: 333 },
    {
      what: 'proxy: CPU of a download in a tunnel (300 MB/s: 3.3)',
      spread: spreadOf(passed),
      unit: 'ms/MB',
      bar: 3.33,
    },
    { what: 'proxy: CPU of a download by HTTP (300 MB/s: 3.3)', spread: spreadOf(plain), unit: 'ms/MB', bar: 3.33 },
  ];
}

/** Small ones by their path; else so much as a download has, as fast as it is taken. */
function answer(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    const count = text.split('GET /small').length - 1;
    if (count > 0) {
      socket.write(SMALL.repeat(count));
      return;
    }
    if (text.startsWith('GET')) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${DOWNLOAD_MB * MB}\r\n\r\n`);
    sendLarge(socket);
  });
}

function sendLarge(socket: Socket): void {
  const piece = Buffer.alloc(MB / 2);
  let left = DOWNLOAD_MB * 2;
  const more = () => {
    while (left > 0) {
      left -= 1;
      if (!socket.write(piece)) return;
    }
    socket.off('drain', more);
  };
  socket.on('drain', more);
  more();
}

async function smallRequests(proxy: number, port: number): Promise<void> {
  const at = `site.test:${port}`;
  const request = `GET http://${at}/small/a?b=c HTTP/1.1\r\nHost: ${at}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`;
  await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(proxy, request, REQUESTS / CONNECTIONS)));
}

/** One after the other on one connection. */
function ask(proxy: number, request: string, times: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = times;
    let got = '';
    const socket = connect(proxy, '127.0.0.1', () => socket.write(request));
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('close', () => (left > 0 ? reject(new Error(`the proxy said ${got}`)) : resolve()));
    socket.on('data', (bytes: Buffer) => {
      got += bytes.toString('latin1');
      if (!got.endsWith('{"small": true}')) return;
      got = '';
      left -= 1;
      if (left > 0) socket.write(request);
      else socket.end();
    });
  });
}

function plainRequest(port: number): string {
  return `GET http://site.test:${port}/large HTTP/1.1\r\nHost: site.test:${port}\r\n\r\n`;
}

function tunnel(port: number): [string, Buffer] {
  return [`CONNECT pass.test:${port} HTTP/1.1\r\nHost: pass.test:${port}\r\n\r\n`, helloOf({ names: ['pass.test'] })];
}

/** `then`: sent after the first answer. */
function download(proxy: number, request: string, then?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let isFirst = true;
    const socket = connect(proxy, '127.0.0.1', () => socket.write(request));
    socket.on('error', reject);
    socket.on('close', () => (bytes < DOWNLOAD_MB * MB ? reject(new Error(`only ${bytes} bytes came`)) : resolve()));
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (isFirst && then !== undefined) socket.write(then);
      isFirst = false;
      if (bytes >= DOWNLOAD_MB * MB) socket.end();
    });
  });
}

async function cpuOf(child: ChildProcess, work: () => Promise<void>): Promise<number> {
  const before = await askCpu(child);
  await work();
  return (await askCpu(child)) - before;
}

async function askCpu(child: ChildProcess): Promise<number> {
  child.send('cpu');
  return (await told(child)).cpuMs ?? Number.NaN;
}

function told(child: ChildProcess): Promise<{ readonly port?: number; readonly cpuMs?: number }> {
  return new Promise((resolve) => child.once('message', (message) => resolve(message as object)));
}
