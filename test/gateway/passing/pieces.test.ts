// Shows that the pieces in which an engine writes come together, in their order and to the byte, before the end is told.
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createPassing } from '../../../src/backends/openai/passing.ts';

async function heardOf(context: TestContext, engine: RequestListener) {
  const server = createServer(engine);
  context.after(() => server.close().closeAllConnections());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const send = createPassing({ url, key: 'none', connectMs: 5000, now: Date.now });
  return new Promise<{ readonly pieces: readonly string[]; readonly end: string }>((resolve) => {
    const pieces: string[] = [];
    const over = (end: string) => resolve({ pieces, end });
    send(
      { body: Buffer.from('{}'), model: 'm', has: () => false, signal: new AbortController().signal },
      {
        begin: () => {},
        data: (chunk) => void pieces.push(chunk.toString()),
        end: () => {
          over('end');
          return true;
        },
        refused: () => over('refused'),
        fail: ({ code }) => over(code),
      },
    );
  });
}

const EVENTS = Array.from({ length: 200 }, (_, index) => `data: ${index}\n\n`);

test('many events of one write are heard in few pieces, all of them before the end', async (context) => {
  const { pieces, end } = await heardOf(context, (_request, response) => {
    for (const event of EVENTS) response.write(event);
    response.end();
  });
  assert.deepEqual({ text: pieces.join(''), end }, { text: EVENTS.join(''), end: 'end' });
  assert.ok(pieces.length < 20, `${pieces.length} pieces`);
});

test('an event that comes alone is heard alone', async (context) => {
  const { pieces, end } = await heardOf(context, (_request, response) => {
    response.write('data: one\n\n');
    setTimeout(() => response.end('data: two\n\n'), 200);
  });
  assert.deepEqual({ pieces, end }, { pieces: ['data: one\n\n', 'data: two\n\n'], end: 'end' });
});

test('what came before an engine broke off is heard before the failure', async (context) => {
  const { pieces, end } = await heardOf(context, (_request, response) => {
    response.write('data: one\n\n');
    response.write('data: two\n\n', () => setTimeout(() => response.destroy(), 50));
  });
  assert.deepEqual({ text: pieces.join(''), end }, { text: 'data: one\n\ndata: two\n\n', end: 'backend_failed' });
});
