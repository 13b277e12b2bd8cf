// Engines that die: another replica or a clear error before the first word, a reset after it, and never an answer that looks whole.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRouter } from '../../../src/backends/router.ts';
import { call, callJson, open } from '../http.ts';
import { startService } from '../service.ts';
import { askOf, type Dialect, DIALECTS, endOf } from './dialects.ts';
import { backendFor, type FaultyEngine, type Script, startFaultyEngine } from './engine.ts';

type Context = Parameters<typeof startService>[0];

const answers =
  (name: string): Script =>
  async (say) => {
    await say.text(`I am ${name}`);
    say.end();
  };

async function start(context: Context, ...engines: readonly FaultyEngine[]) {
  const { stream } = createRouter(engines.map((engine, index) => backendFor(`engine-${index}`, engine)));
  const service = await startService(context, { changes: { stream } });
  return { service, key: await service.key(['client']) };
}

/** What came, and whether it ended tidily. */
async function readAll(answer: IncomingMessage, onText: (text: string) => void = () => {}) {
  let text = '';
  try {
    for await (const part of answer) {
      text += String(part);
      onText(text);
    }
    return { text, ended: 'tidily' };
  } catch (error) {
    return { text, ended: String((error as NodeJS.ErrnoException).code) };
  }
}

for (const dialect of DIALECTS)
  describe(`an engine behind the ${dialect.name} dialect that dies`, () => {
    test('before it was asked is 503 with the time to come again, where there is no other', async (context) => {
      const engine = await startFaultyEngine(context, answers('a'));
      const { service, key } = await start(context, engine);
      await engine.kill();
      for (const stream of [true, false]) {
        const { status, headers, text } = await call(service, 'POST', dialect.path, askOf(dialect, key, stream));
        assert.deepEqual([status, headers['retry-after']], [503, '5']);
        assert.match(text, /the engine of this model cannot be reached/);
      }
    });

    test('before it was asked leaves the request to the next replica', async (context) => {
      const [dead, alive] = [
        await startFaultyEngine(context, answers('a')),
        await startFaultyEngine(context, answers('b')),
      ];
      const { service, key } = await start(context, dead, alive);
      await dead.kill();
      for (const stream of [true, false]) {
        const { status, text } = await call(service, 'POST', dialect.path, askOf(dialect, key, stream));
        assert.equal(status, 200);
        assert.match(text, /I am b/);
      }
      assert.equal(alive.asked(), 2);
    });

    test('with the request in its hands leaves it to the next replica, and to an error where there is none', async (context) => {
      const dying: Script = ({ response }) => void response.socket?.destroy();
      const engines = [
        await startFaultyEngine(context, dying),
        await startFaultyEngine(context, answers('b')),
      ] as const;
      const { service, key } = await start(context, ...engines);
      for (const stream of [true, false]) {
        const { status, text } = await call(service, 'POST', dialect.path, askOf(dialect, key, stream));
        assert.equal(status, 200);
        assert.match(text, /I am b/);
      }
      await engines[1].kill();
      const { status, headers } = await callJson(service, 'POST', dialect.path, askOf(dialect, key, true));
      assert.deepEqual([status, headers['retry-after']], [503, '5']);
    });

    test('in the middle of the answer resets the connection, and no client takes it for whole', async (context) => {
      const half: Script = (say) => say.text('half');
      const engines = [await startFaultyEngine(context, half), await startFaultyEngine(context, half)] as const;
      const { service, key } = await start(context, ...engines);
      const answer = await open(service, 'POST', dialect.path, askOf(dialect, key, true));
      const { text, ended } = await readAll(answer, (so) => {
        if (so.includes('half')) void engines.find((engine) => engine.asked() === 1)?.kill();
      });
      assert.deepEqual([ended, engines[0].asked() + engines[1].asked()], ['ECONNRESET', 1]);
      assert.doesNotMatch(text, dialect.end);
      assert.doesNotMatch(text, dialect.failure);
      while (endOf(service, dialect.path) === undefined) await delay(2);
      assert.equal(endOf(service, dialect.path)?.['status'], 502);
    });

    test('in the middle of a call never leaves a call that looks whole', async (context) => {
      const dying = await startFaultyEngine(context, (say) => {
        say.call({ id: 'c', name: 'bash', arguments: '{"command":"ls -a' });
        say.call({ arguments: ' && ' });
      });
      const { service, key } = await start(context, dying);
      const answer = await open(service, 'POST', dialect.path, askOf(dialect, key, true));
      const { text, ended } = await readAll(answer, (so) => {
        if (so.includes(' && ')) void dying.kill();
      });
      assert.equal(ended, 'ECONNRESET');
      assert.doesNotMatch(text, /content_block_stop|arguments\.done|output_item\.done|"finish_reason":"/);
    });

    test('while a whole answer is waited for is an error', async (context) => {
      const dying = await startFaultyEngine(context, async (say) => {
        await say.text('half');
        await delay(100);
        say.response.socket?.resetAndDestroy();
      });
      const { service, key } = await start(context, dying);
      const { status, text } = await call(service, 'POST', dialect.path, askOf(dialect, key, false));
      assert.equal(status, 502);
      assert.doesNotMatch(text, /half/);
    });
  });

/** What engines send that is no answer. */
const GARBAGE: readonly { readonly name: string; readonly script: Script }[] = [
  { name: 'a page of HTML', script: ({ response }) => void response.end('<html>502 Bad Gateway</html>') },
  { name: 'nothing at all', script: ({ response }) => void response.end() },
  {
    name: 'JSON that breaks off',
    script: ({ response }) => say(response, 'data: {"choices":[{"delta":{"content":"ha\n\n'),
  },
  {
    name: 'JSON of another kind',
    script: ({ response }) => say(response, 'data: [1,2,3]\n\ndata: "x"\n\ndata: null\n\n'),
  },
  {
    name: 'bytes that are no UTF-8',
    script: ({ response }) => say(response, Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0x0a])),
  },
  { name: 'a line that never ends', script: ({ response }) => say(response, `data: ${'x'.repeat(20_000_000)}`) },
  {
    name: 'an error as an event',
    script: ({ response }) => say(response, 'data: {"error":{"message":"died","code":500}}\n\ndata: [DONE]\n\n'),
  },
  { name: 'a farewell without an end', script: ({ response }) => say(response, 'data: [DONE]\n\n') },
];

function say(response: ServerResponse, data: string | Buffer): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(data);
}

async function outcomeOf(asked: Promise<{ status: number; text: string }>, { end }: Dialect): Promise<string> {
  try {
    const { status, text } = await asked;
    return status === 200 && end.test(text) ? 'whole' : `error ${status >= 500 ? 'of the engine' : status}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

describe('an engine that sends', () => {
  for (const { name, script } of GARBAGE)
    test(`${name} gives no client an answer`, async (context) => {
      const engine = await startFaultyEngine(context, script);
      const { service, key } = await start(context, engine);
      for (const dialect of DIALECTS)
        for (const stream of [true, false]) {
          const outcome = await outcomeOf(call(service, 'POST', dialect.path, askOf(dialect, key, stream)), dialect);
          assert.ok(['error of the engine', 'ECONNRESET'].includes(outcome), `${dialect.name} ${outcome}`);
        }
      assert.ok(!service.logged.some(({ message }) => message.includes('unexpectedly')));
    });
});
