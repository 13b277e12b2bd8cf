// Owns the least that a proxy in Node can be: bytes in, bytes out, nothing else. What the gateway is measured against. Prints its port.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const pool = new Pool(process.argv[2] ?? '', { connections: 4096, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    pool.dispatch(
      {
        path: request.url ?? '/',
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer none' },
        body: Buffer.concat(parts),
      },
      {
        onRequestStart: (controller) => {
          response.once('close', () => {
            if (!response.writableFinished) controller.abort(new Error('gone'));
          });
        },
        onResponseStart: (_controller, status, headers) => {
          response.writeHead(status, { 'content-type': String(headers['content-type']) });
        },
        onResponseData: (controller, chunk) => {
          if (response.write(chunk)) return;
          controller.pause();
          response.once('drain', () => controller.resume());
        },
        onResponseEnd: () => void response.end(),
        onResponseError: () => void response.destroy(),
      },
    );
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(String((server.address() as AddressInfo).port)),
);
