// A client that leaves takes its request along: the engine is let go within a second, whatever it was doing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRouter } from '../../../src/backends/router.ts';
import { call } from '../http.ts';
import { type Service, startService } from '../service.ts';
import { askOf, type Dialect, DIALECTS, endOf } from './dialects.ts';
import { backendFor, type Script, startFaultyEngine } from './engine.ts';

type Context = Parameters<typeof startService>[0];

/** Model `m` never says a word; `talks` begins and goes on for ever; `whole` ends. */
const script: Script = async (say, { model, messages }) => {
  if (JSON.stringify(messages).includes('whole')) {
    await say.text('all of it');
    say.end();
  } else if (JSON.stringify(messages).includes('talk')) {
    while (!say.response.destroyed) {
      await say.text('and on ');
      await delay(10);
    }
  } else assert.equal(model, 'm');
};

async function start(context: Context) {
  const engine = await startFaultyEngine(context, script);
  const { stream } = createRouter([backendFor('engine', engine)]);
  const service = await startService(context, { changes: { stream } });
  return { engine, service, key: await service.key(['client']) };
}

/** A client that can be made to leave. */
function ask(service: Service, dialect: Dialect, key: string, words: string, stream: boolean) {
  const { json } = askOf(dialect, key, stream);
  const body = JSON.stringify(json).replace('"hi"', JSON.stringify(words));
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const request = httpRequest({
    host: '127.0.0.1',
    port: service.port,
    method: 'POST',
    path: dialect.path,
    headers,
    agent: false,
  });
  request.on('error', () => {});
  request.end(body);
  return request;
}

async function until(holds: () => boolean): Promise<number> {
  const start = performance.now();
  while (!holds()) await delay(2);
  return performance.now() - start;
}

for (const dialect of DIALECTS)
  describe(`a client of the ${dialect.name} dialect that leaves`, () => {
    const cases = [
      { when: 'before the first event', words: 'quiet', stream: true, reads: false },
      { when: 'in the middle of the answer', words: 'talk', stream: true, reads: true },
      { when: 'while it waits for the whole answer', words: 'quiet', stream: false, reads: false },
      { when: 'while the engine makes the whole answer', words: 'talk', stream: false, reads: false },
    ];
    for (const { when, words, stream, reads } of cases)
      test(when, async (context) => {
        const { engine, service, key } = await start(context);
        const client = ask(service, dialect, key, words, stream);
        if (reads) {
          const [answer] = (await once(client, 'response')) as [NodeJS.ReadableStream];
          await once(answer, 'data');
        }
        await until(() => engine.asked() === 1);
        await delay(20);
        assert.equal(engine.left(), 0);
        client.destroy();
        const waited = await until(() => engine.left() === 1);
        assert.ok(waited < 1000, `${waited} ms`);
        await until(() => endOf(service, dialect.path) !== undefined);
        assert.equal(endOf(service, dialect.path)?.['status'], 499);
        const [line] = service.ports.admission.lines();
        assert.deepEqual([line?.running, line?.waiting], [[], []]);
      });

    test('is told apart from one that got everything', async (context) => {
      const { engine, service, key } = await start(context);
      const ends = [true, false].map((stream) => {
        const { json } = askOf(dialect, key, stream);
        const body = JSON.stringify(json).replace('"hi"', '"whole"');
        return call(service, 'POST', dialect.path, { key, headers: { 'content-type': 'application/json' }, body });
      });
      assert.deepEqual(
        (await Promise.all(ends)).map(({ status }) => status),
        [200, 200],
      );
      assert.deepEqual([engine.asked(), engine.left(), endOf(service, dialect.path)?.['status']], [2, 0, 200]);
    });
  });
