// Shows how an answer comes over a real connection: as it is made, and what becomes of one that is broken, foul, endless or unwanted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { begin, failed, finish, gather, HELLO, more, patient, say, think, whole } from '../events.ts';
import { backendAt, EVENT_STREAM, sendStream, startEndpoint } from './scripted-endpoint.ts';
import { chunk, CUT, DONE, fragment } from './frames.ts';

const ABORTED: ModelEvent = { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false };
const FIRST = chunk({ content: 'a' });
const LAST = chunk({}, 'stop') + DONE;

describe('an answer', () => {
  test('is told as it comes: the engine goes on only when its first words have arrived', async (t) => {
    const arrived = Promise.withResolvers<void>();
    const endpoint = await startEndpoint(t, async (response) => {
      response.writeHead(200, EVENT_STREAM).write(FIRST);
      await arrived.promise;
      response.end(chunk({ content: 'b' }) + LAST);
    });
    const events: ModelEvent[] = [];
    for await (const event of backendAt(endpoint.url).stream(HELLO, patient())) {
      events.push(event);
      arrived.resolve();
    }
    assert.deepEqual(events, [say('a'), say('b'), finish('stop')]);
  });

  test('gives the same events wherever the bytes of its connection are cut', async (t) => {
    const bytes = Buffer.from(
      chunk({ reasoning: 'ö' }) +
        chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'bash' } }] }) +
        fragment(0, '{"command":"ls"}') +
        chunk({}, 'tool_calls') +
        DONE,
    );
    const endpoint = await startEndpoint(t, (response, _, count) =>
      sendStream(response, bytes.subarray(0, count), bytes.subarray(count)),
    );
    const backend = backendAt(endpoint.url);
    const expected = [think('ö'), begin(0, 'a', 'bash'), more(0, '{"command":"ls"}'), whole(0), finish('tool_calls')];
    for (let at = 1; at < bytes.length; at += 1)
      assert.deepEqual(await gather(backend.stream(HELLO, patient())), expected, `cut at ${at}`);
  });

  test('is over with [DONE], whatever the endpoint sends behind it and even if it never closes', async (t) => {
    const endpoint = await startEndpoint(t, (response) => {
      response.writeHead(200, EVENT_STREAM).write(`${FIRST}${LAST}${chunk({ content: 'more' })}`);
    });
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [say('a'), finish('stop')]);
  });

  test('whose last bytes come a moment behind [DONE] may end tidily, so that its connection can be used again', async (t) => {
    const ended = Promise.withResolvers<boolean>();
    const endpoint = await startEndpoint(t, (response) => {
      response.once('close', () => ended.resolve(response.writableFinished));
      response.writeHead(200, EVENT_STREAM).write(FIRST + LAST);
      setTimeout(() => response.end(), 100);
    });
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [say('a'), finish('stop')]);
    assert.equal(await ended.promise, true);
  });
});

describe('an answer that breaks', () => {
  /** The connection is reset when the first event of the text has arrived. */
  const broken = async (t: TestContext, text: string) => {
    const arrived = Promise.withResolvers<void>();
    const endpoint = await startEndpoint(t, async (response, { socket }) => {
      response.writeHead(200, EVENT_STREAM).write(text);
      await arrived.promise;
      socket.resetAndDestroy();
    });
    const events: ModelEvent[] = [];
    for await (const event of backendAt(endpoint.url).stream(HELLO, patient())) {
      events.push(event);
      arrived.resolve();
    }
    return { url: endpoint.url, events };
  };

  test('by a reset of its connection is an error that may be tried again', async (t) => {
    const { url, events } = await broken(t, FIRST);
    const lost = `the connection to ${url} was lost in the middle of the answer: ECONNRESET: `;
    assert.deepEqual(events, [say('a'), failed(`${lost}aborted`)]);
  });

  test('behind its finish is whole, only the farewell is missing', async (t) => {
    const { events } = await broken(t, FIRST + chunk({}, 'stop'));
    assert.deepEqual(events, [say('a'), finish('stop')]);
  });

  test('by a tidy end without a finish is cut', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendStream(response, FIRST));
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [say('a'), CUT]);
  });

  test('by silence in its middle is told', async (t) => {
    const endpoint = await startEndpoint(t, (response) => {
      response.writeHead(200, EVENT_STREAM).write(FIRST);
    });
    const events = await gather(backendAt(endpoint.url, { limits: { modelSilenceMs: 1500 } }).stream(HELLO, patient()));
    assert.deepEqual(events, [say('a'), failed(`${endpoint.url} sent nothing for 1500 ms`)]);
  });

  test('by silence before its headers is told', async (t) => {
    const endpoint = await startEndpoint(t, () => {});
    const events = await gather(backendAt(endpoint.url, { limits: { modelSilenceMs: 300 } }).stream(HELLO, patient()));
    assert.deepEqual(events, [failed(`${endpoint.url} sent nothing for 300 ms`)]);
  });

  test('is not broken by an engine that is slow but never silent for so long', async (t) => {
    const endpoint = await startEndpoint(t, async (response) => {
      response.writeHead(200, EVENT_STREAM);
      for (let count = 0; count < 4; count += 1) {
        response.write(FIRST);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      response.end(LAST);
    });
    const events = await gather(backendAt(endpoint.url, { limits: { modelSilenceMs: 1500 } }).stream(HELLO, patient()));
    assert.deepEqual(events, [say('a'), say('a'), say('a'), say('a'), finish('stop')]);
  });

  test('is not broken by a slow reader: only waiting for the engine counts as its silence', async (t) => {
    const endpoint = await startEndpoint(t, (response) => {
      response.writeHead(200, EVENT_STREAM).write(FIRST, () => setTimeout(() => response.end(LAST), 1700));
    });
    const events: ModelEvent[] = [];
    for await (const event of backendAt(endpoint.url, { limits: { modelSilenceMs: 1500 } }).stream(HELLO, patient())) {
      events.push(event);
      if (event.type === 'text') await new Promise((resolve) => setTimeout(resolve, 1800));
    }
    assert.deepEqual(events, [say('a'), finish('stop')]);
  });
});

describe('what comes in place of an answer', () => {
  const garbage = (url: string, type: string, shown: string): ModelEvent => ({
    type: 'error',
    code: 'backend_garbage',
    message: `${url} did not answer with an event stream of chat chunks (${type}); it sent: ${shown}`,
    retryable: false,
  });
  const CASES: readonly { name: string; type?: string; body: string | Uint8Array; told: string; shown: string }[] = [
    {
      name: 'a page',
      type: 'text/html',
      body: `<html>\n\t<title>Welcome</title>${'.'.repeat(900)}`,
      told: 'text/html',
      shown: `<html> <title>Welcome</title>${'.'.repeat(171)}`,
    },
    {
      name: 'one JSON text instead of a stream',
      type: 'application/json',
      body: '{"choices":[]}',
      told: 'application/json',
      shown: '{"choices":[]}',
    },
    {
      name: 'bytes without a content type, of which only what can be printed is shown',
      body: Uint8Array.of(0x1b, 0x5b, 0x33, 0x31, 0x6d, 0xff, 0x00, 0x41),
      told: 'without a content type',
      shown: '[31m A',
    },
    { name: 'nothing', type: 'text/plain', body: '', told: 'text/plain', shown: 'nothing' },
    {
      name: 'a page that is called an event stream',
      type: 'text/event-stream',
      body: '<html>\n<p>data</p>',
      told: 'text/event-stream',
      shown: '<html> <p>data</p>',
    },
    {
      name: 'events that are no JSON',
      type: 'text/event-stream',
      body: 'data: hello\n\n',
      told: 'text/event-stream',
      shown: 'hello',
    },
  ];
  for (const { name, type, body, told, shown } of CASES) {
    test(`is shown: ${name}`, async (t) => {
      const endpoint = await startEndpoint(t, (response) => {
        response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(body);
      });
      assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [
        garbage(endpoint.url, told, shown),
      ]);
    });
  }

  test('is shown: 204', async (t) => {
    const endpoint = await startEndpoint(t, (response) => {
      response.writeHead(204).end();
    });
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [
      garbage(endpoint.url, 'without a content type', 'nothing'),
    ]);
  });
});

describe('an answer without end', () => {
  const LIMIT = 5000;
  const TOO_LONG = failed(`the answer is longer than ${LIMIT} bytes`, false);

  /** Sends the piece again and again until nobody listens; resolves then. */
  const pour = (response: ServerResponse, first: string, piece: string): Promise<unknown> => {
    const closed = once(response, 'close');
    response.writeHead(200, EVENT_STREAM).write(first);
    const go = () => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', go);
    };
    go();
    return closed;
  };
  const CASES: readonly { name: string; first: string; piece: string }[] = [
    { name: 'of text', first: '', piece: chunk({ content: 'ü'.repeat(50) }) },
    { name: 'of thinking', first: '', piece: chunk({ reasoning: 'x'.repeat(50) }) },
    {
      name: 'of arguments',
      first: chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'bash' } }] }),
      piece: fragment(0, 'x'.repeat(50)),
    },
    {
      name: 'of calls',
      first: '',
      piece: chunk({ tool_calls: [{ id: 'a', function: { name: 'x' } }, { function: { name: 'y' } }] }),
    },
    { name: 'in one event', first: 'data: {"choices":"', piece: 'x'.repeat(1000) },
  ];
  for (const { name, first, piece } of CASES) {
    test(`is ended at its ceiling, and its connection closed: ${name}`, async (t) => {
      let closed: Promise<unknown> | undefined;
      const endpoint = await startEndpoint(t, (response) => {
        closed = pour(response, first, piece);
      });
      const backend = backendAt(endpoint.url, { limits: { modelAnswerBytes: LIMIT } });
      const events = await gather(backend.stream(HELLO, patient()));
      assert.deepEqual(events.at(-1), TOO_LONG);
      assert.deepEqual(events.filter(({ type }) => type === 'error' || type === 'finish').length, 1);
      await closed;
    });
  }
});

describe('an answer that nobody wants any more', () => {
  test('is given up within a second of the abort in its middle: the engine sees its connection close', async (t) => {
    let closed: Promise<unknown> | undefined;
    const endpoint = await startEndpoint(t, (response) => {
      closed = once(response, 'close', { signal: AbortSignal.timeout(10_000) });
      response.writeHead(200, EVENT_STREAM).write(FIRST);
    });
    const abort = new AbortController();
    const events: ModelEvent[] = [];
    for await (const event of backendAt(endpoint.url).stream(HELLO, abort.signal)) {
      events.push(event);
      abort.abort();
    }
    assert.deepEqual(events, [say('a'), ABORTED]);
    await closed;
  });

  test('is given up before its headers', async (t) => {
    const abort = new AbortController();
    let closed: Promise<unknown> | undefined;
    const endpoint = await startEndpoint(t, (response) => {
      closed = once(response, 'close');
      abort.abort();
    });
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, abort.signal)), [ABORTED]);
    await closed;
  });

  test('is not even asked for if the abort came first', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendStream(response, FIRST + LAST));
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, AbortSignal.abort())), [ABORTED]);
    assert.equal(endpoint.asked.length, 0);
  });

  test('is given up when its reader stops reading', async (t) => {
    let closed: Promise<unknown> | undefined;
    const endpoint = await startEndpoint(t, (response) => {
      closed = once(response, 'close');
      response.writeHead(200, EVENT_STREAM).write(FIRST);
    });
    for await (const event of backendAt(endpoint.url).stream(HELLO, patient())) {
      assert.deepEqual(event, say('a'));
      break;
    }
    await closed;
  });
});
