// What the backend makes of the answers of real engines, shaped as they were observed, bytes and all.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import { backendOf, delta, errorOf, eventsOf, gathered, REQUEST, says, sse, startEngine, streams } from './engine.ts';

const FIRST = delta({ role: 'assistant', content: '' });
const STOP = delta({}, 'stop');
const CALLED = delta({}, 'tool_calls');
const DONE = '[DONE]';
/** Requests that run side by side where there are many. */
const AT_ONCE = 50;
const FINISHED = { type: 'finish', reason: 'stop' } as const;
const FINISHED_CALLS = { type: 'finish', reason: 'tool_calls' } as const;
const CITY_TOOL = { name: 'weather', description: 'd', parameters: { type: 'object', required: ['city'] } };
const BARE_TOOL = { name: 'now', description: 'd', parameters: { type: 'object' } };
const WITH_TOOLS: ChatRequest = { ...REQUEST, tools: [CITY_TOOL, BARE_TOOL] };

const callStart = (index: number, id: string, name: string, text?: string) =>
  delta({
    tool_calls: [{ index, id, type: 'function', function: text === undefined ? { name } : { name, arguments: text } }],
  });
const callMore = (index: number, text: string) => delta({ tool_calls: [{ index, function: { arguments: text } }] });

/** The answer made of these events, put together. */
async function answered(context: TestContext, ...values: readonly unknown[]) {
  const engine = await startEngine(context, says(sse(...values)));
  return gathered(await eventsOf(backendOf(engine.url), WITH_TOOLS));
}

describe('an answer of text and thinking', () => {
  const nothing = { reasoning: '', text: '', calls: [], rest: [FINISHED] };

  test('comes in the order in which it was sent, with the usage before the finish', async (context) => {
    const usage = {
      prompt_tokens: 20,
      total_tokens: 27,
      completion_tokens: 7,
      prompt_tokens_details: { cached_tokens: 16, created_cache_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 4 },
    };
    const text = sse(FIRST, delta({ reasoning: 'hm' }), delta({ content: 'He' }), delta({ content: 'llo' }), STOP);
    const engine = await startEngine(context, says(text + sse({ choices: [], usage }, DONE)));
    assert.deepEqual(await eventsOf(backendOf(engine.url)), [
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'He' },
      { type: 'text', text: 'llo' },
      { type: 'usage', promptTokens: 20, completionTokens: 7, cachedTokens: 16, reasoningTokens: 4 },
      FINISHED,
    ]);
  });

  test('may carry its finish on the last text', async (context) => {
    assert.deepEqual(await answered(context, FIRST, delta({ content: 'Hello' }, 'stop'), DONE), {
      ...nothing,
      text: 'Hello',
    });
  });

  test('may call its thinking by the older name', async (context) => {
    const told = await answered(context, delta({ reasoning_content: 'hm' }), delta({ content: 'Yes' }), STOP, DONE);
    assert.deepEqual(told, { ...nothing, reasoning: 'hm', text: 'Yes' });
    const both = [
      { reasoning: '', reasoning_content: 'h' },
      { reasoning: 'm', reasoning_content: 'm' },
    ];
    assert.equal((await answered(context, ...both.map((piece) => delta(piece)), STOP, DONE)).reasoning, 'hm');
  });

  test('may be only thinking', async (context) => {
    assert.deepEqual(await answered(context, FIRST, delta({ reasoning: 'hm' }), STOP, DONE), {
      ...nothing,
      reasoning: 'hm',
    });
  });

  test('that repeats all of its thinking as text with the finish is told once', async (context) => {
    const thinking = [delta({ reasoning: 'I thi' }), delta({ reasoning: 'nk so' })];
    const told = await answered(context, FIRST, ...thinking, delta({ content: 'I think so' }, 'stop'), DONE);
    assert.deepEqual(told, { ...nothing, reasoning: 'I think so' });
  });

  test('that says the same in thinking and in text before the finish is told twice', async (context) => {
    const told = await answered(context, delta({ reasoning: 'Yes' }), delta({ content: 'Yes' }), STOP, DONE);
    assert.deepEqual(told, { ...nothing, reasoning: 'Yes', text: 'Yes' });
  });

  test('is whole without `[DONE]`, and without a blank line behind the last event', async (context) => {
    const engine = await startEngine(context, says(sse(delta({ content: 'a' }), STOP).trimEnd()));
    assert.deepEqual(gathered(await eventsOf(backendOf(engine.url))), { ...nothing, text: 'a' });
  });

  test('ends at `[DONE]`, even if the connection stays open', async (context) => {
    const engine = await startEngine(context, (response) => {
      streams(response);
      response.write(sse(delta({ content: 'a' }), STOP, DONE));
    });
    assert.deepEqual(gathered(await eventsOf(backendOf(engine.url))), { ...nothing, text: 'a' });
  });

  test('may be cut by the length limit, which its finish says', async (context) => {
    const told = await answered(context, delta({ content: 'Hel' }), delta({}, 'length'), DONE);
    assert.deepEqual(told, { ...nothing, text: 'Hel', rest: [{ type: 'finish', reason: 'length' }] });
  });

  test('may hold comments, other fields, empty chunks and null where nothing is meant', async (context) => {
    const odd = [
      { choices: [{ index: 0, delta: { content: null, tool_calls: null, reasoning: null }, finish_reason: null }] },
      { choices: null, usage: null },
      { choices: [{ index: 0, delta: {}, logprobs: { content: [{ token: 'a' }] } }] },
      { choices: [{ index: 1, delta: { content: 'another choice' } }] },
    ];
    const text = `: ping\n\nevent: message\nid: 7\n${sse(...odd, delta({ content: 'a' }), STOP, DONE)}`;
    const engine = await startEngine(context, says(text));
    assert.deepEqual(gathered(await eventsOf(backendOf(engine.url))), { ...nothing, text: 'a' });
  });
});

describe('a tool call', () => {
  const whole = { id: 'c1', name: 'weather', arguments: '{"city": "Basel"}', complete: true };
  const calls = (...all: readonly unknown[]) => ({ reasoning: '', text: '', calls: all, rest: [FINISHED_CALLS] });

  test('may begin without arguments, and end with the finish alone', async (context) => {
    const pieces = [callStart(0, 'c1', 'weather'), callMore(0, '{"city": '), callMore(0, '"Basel"}')];
    assert.deepEqual(await answered(context, FIRST, ...pieces, CALLED, DONE), calls(whole));
  });

  test('may have name and arguments together, and the finish on its last piece', async (context) => {
    const last = delta({ tool_calls: [{ index: 0, function: { arguments: '"Basel"}' } }] }, 'tool_calls');
    assert.deepEqual(await answered(context, callStart(0, 'c1', 'weather', '{"city": '), last, DONE), calls(whole));
  });

  test('that an engine ends with `stop` is a call all the same', async (context) => {
    assert.deepEqual(await answered(context, callStart(0, 'c1', 'weather', whole.arguments), STOP, DONE), calls(whole));
  });

  test('is told complete once, by the last of its events', async (context) => {
    const engine = await startEngine(
      context,
      says(sse(callStart(0, 'c1', 'weather', '{"city": '), callMore(0, '"Basel"}'), CALLED, DONE)),
    );
    const events = (await eventsOf(backendOf(engine.url))).filter(({ type }) => type === 'tool_call');
    assert.deepEqual(
      events.map((event) => event.type === 'tool_call' && event.complete),
      [...events.slice(1).map(() => false), true],
    );
  });

  test('may stand beside another one, their pieces mixed', async (context) => {
    const pieces = [
      callStart(0, 'c1', 'weather', '{"city"'),
      callStart(1, 'c2', 'now', '{'),
      callMore(0, ': "Basel"}'),
      callMore(1, '}'),
    ];
    const other = { id: 'c2', name: 'now', arguments: '{}', complete: true };
    assert.deepEqual(await answered(context, ...pieces, CALLED, DONE), calls(whole, other));
  });

  test('without an index goes on with the last, and a new id begins another', async (context) => {
    const pieces = [
      delta({ tool_calls: [{ id: 'c1', function: { name: 'weather', arguments: '{"city": ' } }] }),
      delta({ tool_calls: [{ function: { arguments: '"Basel"}' } }] }),
      delta({ tool_calls: [{ id: 'c2', function: { name: 'weather', arguments: '{"city": "Bern"}' } }] }),
    ];
    const other = { id: 'c2', name: 'weather', arguments: '{"city": "Bern"}', complete: true };
    assert.deepEqual(await answered(context, ...pieces, CALLED, DONE), calls(whole, other));
  });

  test('without an id gets one of its own, another one in each answer', async (context) => {
    const piece = delta({ tool_calls: [{ index: 0, function: { name: 'now', arguments: '{}' } }] });
    const engine = await startEngine(context, says(sse(piece, CALLED, DONE)));
    const ids = [];
    for (let round = 0; round < 2; round += 1)
      for (const event of await eventsOf(backendOf(engine.url)))
        if (event.type === 'tool_call' && event.id !== undefined) ids.push(event.id);
    assert.equal(new Set(ids).size, 2);
    for (const id of ids) assert.match(id, /^[\w-]{6,}$/);
  });

  test('of a tool that needs no arguments is whole without any', async (context) => {
    const told = await answered(context, callStart(0, 'c1', 'now'), CALLED, DONE);
    const [call] = told.calls as { arguments: string; complete: boolean }[];
    assert.deepEqual([call?.complete, ['', '{}'].includes(call?.arguments ?? '-')], [true, true]);
  });

  test('that a tool needs arguments for and that has none was cut', async (context) => {
    const told = await answered(context, callStart(0, 'c1', 'weather'), CALLED, DONE);
    assert.deepEqual(told.calls, [{ ...whole, arguments: '', complete: false }]);
  });

  test('that the length limit cut is never complete, nor one that closed just then', async (context) => {
    for (const text of ['{"city": "', '{"city": "Basel"}']) {
      const told = await answered(context, callStart(0, 'c1', 'weather', text), delta({}, 'length'), DONE);
      assert.deepEqual(told.calls, [{ ...whole, arguments: text, complete: false }]);
    }
  });

  test('before the one that the length limit cut is complete', async (context) => {
    const pieces = [callStart(0, 'c1', 'weather', whole.arguments), callStart(1, 'c2', 'weather', '{"ci')];
    const told = await answered(context, ...pieces, delta({}, 'length'), DONE);
    assert.deepEqual(
      told.calls.map((call) => (call as { complete: boolean }).complete),
      [true, false],
    );
  });

  test('that was never closed is never complete, whatever the finish says', async (context) => {
    for (const text of ['{"city": "Basel', '{"city": "Basel"', '[1]', '"Basel"', 'null', '{"a":1}{"b":2}']) {
      const told = await answered(context, callStart(0, 'c1', 'weather', text), CALLED, DONE);
      assert.deepEqual(told.calls, [{ ...whole, arguments: text, complete: false }]);
    }
  });

  test('of a tool that nobody offered is passed on: who runs it decides', async (context) => {
    const told = await answered(context, callStart(0, 'c1', 'format_disk', '{}'), CALLED, DONE);
    assert.deepEqual(told, calls({ id: 'c1', name: 'format_disk', arguments: '{}', complete: true }));
  });

  test('is followed by no blank text, and the text before it loses the break that leads to it', async (context) => {
    const pieces = [
      delta({ content: '\n\nLet me see.' }),
      delta({ content: '\n\n' }),
      callStart(0, 'c1', 'weather', whole.arguments),
      delta({ content: '\n' }),
    ];
    const told = await answered(context, FIRST, ...pieces, CALLED, DONE);
    assert.deepEqual({ ...told, text: told.text.trim() }, { ...calls(whole), text: 'Let me see.' });
    assert.ok(!told.text.endsWith('\n\n\n'));
  });
});

describe('an answer that is not whole', () => {
  const broken: readonly (readonly [what: string, text: string, code: string, retryable: boolean])[] = [
    ['stops in the middle', sse(FIRST, delta({ content: 'Hel' })), 'backend_failed', true],
    ['says `[DONE]` without a finish', sse(delta({ content: 'Hel' }), DONE), 'backend_failed', true],
    ['stops within an event', `${sse(delta({ content: 'Hel' }))}data: {"choi`, 'backend_failed', true],
    ['is empty', '', 'backend_failed', true],
    ['is broken off by the engine', sse(delta({ content: 'Hel' }), delta({}, 'abort'), DONE), 'backend_failed', true],
    ['holds a line that is no JSON', sse(delta({ content: 'Hel' }), 'oops'), 'backend_garbage', false],
    ['holds JSON that is no chunk', sse(delta({ content: 'Hel' }), { choices: 3 }), 'backend_garbage', false],
    [
      'ends with an error of the engine',
      sse(
        delta({ content: 'Hel' }),
        { error: { message: 'EngineCore died', type: 'InternalServerError', code: 500 } },
        DONE,
      ),
      'backend_failed',
      true,
    ],
    [
      'ends with an event named error',
      `${sse(delta({ content: 'Hel' }))}event: error\ndata: {"message":"EngineCore died"}\n\n`,
      'backend_failed',
      true,
    ],
  ];
  for (const [what, text, code, retryable] of broken)
    test(`${what}: its last event is an error, and no finish comes`, async (context) => {
      const engine = await startEngine(context, says(text));
      const events = await eventsOf(backendOf(engine.url));
      const last = events.at(-1);
      assert.ok(last?.type === 'error');
      assert.deepEqual({ code: last.code, retryable: last.retryable }, { code, retryable });
      assert.ok(events.slice(0, -1).every(({ type }) => type === 'text'));
      if (text.includes('died')) assert.match(last.message, /EngineCore died/);
    });

  test('a call of an answer that broke off is never complete', async (context) => {
    for (const end of [[], [delta({}, 'abort'), DONE], [{ error: { message: 'x', code: 500 } }]]) {
      const engine = await startEngine(context, says(sse(callStart(0, 'c1', 'now', '{}'), ...end)));
      const events = await eventsOf(backendOf(engine.url));
      assert.deepEqual(
        events.filter((event) => event.type === 'tool_call' && event.complete),
        [],
      );
      assert.equal(events.at(-1)?.type, 'error');
    }
  });
});

describe('an answer whose asker has gone', () => {
  test('ends at once, though all of it came in one piece', async (context) => {
    const all = sse(delta({ content: 'a' }), delta({ reasoning: 'b' }), STOP, DONE);
    const engine = await startEngine(context, says(all));
    const abort = new AbortController();
    const events = [];
    for await (const event of backendOf(engine.url).stream(REQUEST, abort.signal)) {
      events.push(event);
      abort.abort();
    }
    assert.deepEqual(events, [
      { type: 'text', text: 'a' },
      { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false },
    ]);
  });
});

describe('an answer that is too long', () => {
  const limits = { modelAnswerBytes: 1000 };
  const isTooLong = (events: Parameters<typeof errorOf>[0]) => {
    const { code, retryable, message } = errorOf(events.filter(({ type }) => type === 'error'));
    assert.deepEqual({ code, retryable }, { code: 'backend_failed', retryable: false });
    assert.match(message, /longer than 1000/);
    assert.equal(events.at(-1)?.type, 'error');
  };

  test('is ended in text, in thinking and in the arguments of a call, and the connection closed', async (context) => {
    const pieces = [{ content: 'x'.repeat(90) }, { reasoning: 'x'.repeat(90) }].map((piece) => delta(piece));
    for (const piece of [...pieces, callMore(0, 'x'.repeat(90))]) {
      const engine = await startEngine(context, async (response) => {
        streams(response);
        response.write(sse(callStart(0, 'c', 'n')));
        while (!response.destroyed) {
          response.write(sse(piece));
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      isTooLong(await eventsOf(backendOf(engine.url, { limits })));
    }
  });

  test('is ended in a single event without an end', async (context) => {
    const engine = await startEngine(context, async (response) => {
      streams(response);
      response.write('data: "');
      while (!response.destroyed) {
        response.write('x'.repeat(1000));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    isTooLong(await eventsOf(backendOf(engine.url, { limits })));
  });
});

test('wherever the bytes are cut, the events are the same', async (context) => {
  const text = sse(
    FIRST,
    delta({ reasoning: 'grüß 👋' }),
    delta({ content: '\n\nTschüß — 漢字' }),
    callStart(0, 'c1', 'weather'),
    callMore(0, '{"city": "Zürich'),
    callMore(0, '"}'),
    delta({ content: '\n' }),
    delta({}, 'tool_calls'),
    { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
    DONE,
  );
  const bytes = Buffer.from(text);
  const engine = await startEngine(context, async (response, { body }) => {
    const [{ content }] = (body as { messages: [{ content: string }] }).messages;
    const at = Number(content);
    response.socket?.setNoDelay(true);
    streams(response);
    response.write(bytes.subarray(0, at));
    await new Promise((resolve) => setTimeout(resolve, 1));
    response.end(bytes.subarray(at));
  });
  const backend = backendOf(engine.url);
  const cutAt = async (at: number) => ({
    at,
    events: await eventsOf(backend, { ...WITH_TOOLS, messages: [{ role: 'user', content: String(at) }] }),
  });
  const { events } = await cutAt(0);
  assert.deepEqual(gathered(events), {
    reasoning: 'grüß 👋',
    text: 'Tschüß — 漢字',
    calls: [{ id: 'c1', name: 'weather', arguments: '{"city": "Zürich"}', complete: true }],
    rest: [{ type: 'usage', promptTokens: 1, completionTokens: 2 }, FINISHED_CALLS],
  });
  for (let from = 1; from < bytes.length; from += AT_ONCE) {
    const positions = Array.from({ length: Math.min(AT_ONCE, bytes.length - from) }, (_, index) => from + index);
    assert.deepEqual(
      await Promise.all(positions.map(cutAt)),
      positions.map((at) => ({ at, events })),
    );
  }
});

test('line ends of every kind separate events, wherever they are cut', async (context) => {
  for (const end of ['\r\n', '\r', '\n']) {
    const bytes = Buffer.from(sse(delta({ content: 'a' }), delta({ content: 'b' }), STOP, DONE).replaceAll('\n', end));
    const engine = await startEngine(context, async (response) => {
      streams(response);
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        if (byte === 13 || byte === 10) await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    assert.deepEqual(gathered(await eventsOf(backendOf(engine.url))), {
      reasoning: '',
      text: 'ab',
      calls: [],
      rest: [FINISHED],
    });
  }
});
