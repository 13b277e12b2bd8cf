// Shows on a real llama.cpp that chat, thinking, tools, forms, aborts, parallel streams and embeddings are what they should be.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { LlamaBackend } from '../../../src/backends/llama/backend.ts';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import { finish, gather } from '../../unit/backends/events.ts';
import { answer, asked, backendOf, engineOrWhy, MODEL, modelFolder, patience, quiet, settingsOf } from './scenes.ts';
import { writeModel } from './scenes.ts';
import { mark } from './scripted-model.ts';

const found = await engineOrWhy();
const skip = typeof found === 'string' ? found : false;
const folder = await modelFolder();

const THINKS = 1;
const CALLS = 2;
const CALLS_TWICE = 3;
const ENDLESS = 4;
const TALKS = 5;
const call = (city: string, days: number) =>
  `<tool_call>\n<function=get_weather>\n<parameter=city>\n${city}\n</parameter>\n<parameter=days>\n${days}\n</parameter>\n` +
  '</function>\n</tool_call>';
const PLAYS = [
  { text: 'Nobody asked.\n</think>\n\nI have nothing to say.' },
  { text: 'The sky is blue.\n</think>\n\nIt is fine in Zürich 🏔, they say.' },
  { text: `I need to know.\n</think>\n\n${call('Zürich 🏔', 3)}` },
  { text: `Two of them.\n</think>\n\nBoth at once.\n${call('Bern', 1)}\n${call('Genf', 12)}` },
  { text: 'On and on it goes, and again. ', endless: true },
  { text: 'I would rather talk about something else.' },
];
const WEATHER = {
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city'],
  },
};
/** Its calls end by themselves whatever the model would like to say. */
const PICK = {
  name: 'pick',
  description: 'Pick one.',
  parameters: {
    type: 'object',
    properties: {
      color: { enum: ['red', 'green'] },
      sure: { type: 'boolean' },
      how: { type: 'object', properties: { deep: { enum: [1, 2] } }, required: ['deep'] },
    },
    required: ['color', 'sure', 'how'],
  },
};
const SURE: ChatRequest['thinking'] = { enabled: false };

describe('a real llama.cpp', { skip }, () => {
  let backend: LlamaBackend;
  before(async () => {
    if (typeof found === 'string') return;
    const file = await writeModel(folder, PLAYS);
    backend = await backendOf(settingsOf(found, file, { slots: 3, context_tokens: 4096 }));
  });
  after(() => backend.close());

  test('tells its model under the name of the file, with the context of one slot', async () => {
    assert.deepEqual(await backend.models(patience()), [{ id: MODEL, backend: 'here' }]);
    assert.equal(backend.pid(), undefined, 'to be listed it need not be loaded');
    assert.deepEqual([await backend.contextTokens?.(MODEL), await backend.healthy?.(patience())], [4096, true]);
    assert.deepEqual(await backend.models(patience()), [{ id: MODEL, backend: 'here', contextTokens: 4096 }]);
  });

  test('thinking and words of an answer are told apart, and tokens are counted as they were before', async () => {
    const request = asked(THINKS);
    const counted = await backend.countTokens?.(request, patience());
    const { usage, ...rest } = await answer(backend, request);
    assert.deepEqual(rest, {
      reasoning: 'The sky is blue.',
      text: 'It is fine in Zürich 🏔, they say.',
      calls: [],
      rest: [finish('stop')],
    });
    assert.equal(usage.promptTokens, counted);
  });

  test('a tool call in the stream of the text is a call, with the types of its schema', async () => {
    const { usage: _usage, ...rest } = await answer(backend, asked(CALLS, { tools: [WEATHER] }));
    assert.deepEqual(rest, {
      reasoning: 'I need to know.',
      text: '',
      calls: [{ id: undefined, name: 'get_weather', arguments: '{"city":"Zürich 🏔","days":3}', complete: true }],
      rest: [finish('tool_calls')],
    });
  });

  test('two calls in one answer have ids of their own', async () => {
    const events = await gather(backend.stream(asked(CALLS_TWICE, { tools: [WEATHER] }), patience()));
    const begun = events.flatMap((event) => (event.type === 'tool_call' && event.name !== undefined ? [event] : []));
    assert.deepEqual(
      begun.map(({ index, name, complete }) => ({ index, name, complete })),
      [0, 1].map((index) => ({ index, name: 'get_weather', complete: false })),
    );
    assert.equal(new Set(begun.map(({ id }) => id)).size, 2);
    assert.ok(begun.every(({ id }) => id?.startsWith('call_')));
  });

  test('a call that the limit on tokens cuts is never whole', async () => {
    const { calls, rest, usage } = await answer(backend, asked(CALLS, { tools: [WEATHER], maxTokens: 16 }));
    assert.deepEqual(
      calls.filter(({ complete }) => complete === true),
      [],
    );
    assert.deepEqual([rest.at(-1), usage.completionTokens], [finish('length'), 16]);
  });

  test('a required call is one, though the model would rather talk; left alone it talks', async () => {
    const request = asked(TALKS, { tools: [WEATHER, PICK], thinking: SURE, temperature: 0 });
    const free = await answer(backend, request);
    assert.deepEqual([free.text, free.calls], ['I would rather talk about something else.', []]);
    for (const toolChoice of [{ name: 'pick' }, 'required'] as const) {
      const tools = toolChoice === 'required' ? [PICK] : [WEATHER, PICK];
      const held = await answer(backend, { ...request, tools, toolChoice, parallelToolCalls: false });
      const { calls, ...rest } = held;
      const [first] = calls;
      const { color, sure, how, ...more } = JSON.parse(first?.arguments ?? '') as Record<string, unknown>;
      assert.deepEqual([calls.length, first?.name, rest.text, rest.rest], [1, 'pick', '', [finish('tool_calls')]]);
      assert.ok(['red', 'green'].includes(String(color)) && typeof sure === 'boolean', first?.arguments);
      assert.ok([{ deep: 1 }, { deep: 2 }].some((one) => JSON.stringify(one) === JSON.stringify(how)));
      assert.deepEqual(more, {});
    }
  });

  test('an answer that must be JSON of a schema is that, though the model would rather talk', async () => {
    const schema = {
      type: 'object',
      properties: { ok: { type: 'boolean' }, n: { const: 7 }, word: { type: 'null' } },
      required: ['ok', 'n'],
    };
    const responseFormat = { type: 'json_schema', name: 'verdict', schema } as const;
    const { text, rest } = await answer(backend, asked(TALKS, { responseFormat, thinking: SURE, temperature: 0 }));
    const { ok, n } = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual([typeof ok, n, rest], ['boolean', 7, [finish('stop')]]);
  });

  test('a stop of the client ends the text and is named; a text goes on without any template', async () => {
    const stopped = await answer(backend, asked(THINKS, { stop: ['Zürich'] }));
    assert.deepEqual([stopped.text, stopped.rest], ['It is fine in ', [{ ...finish('stop'), stop: 'Zürich' }]]);
    const plain: ChatRequest = { model: MODEL, messages: [{ role: 'user', content: `Once ${mark(TALKS)}` }] };
    const events = await gather(backend.complete?.(plain, patience()) ?? assert.fail());
    const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
    assert.deepEqual([text, events.at(-1)], ['I would rather talk about something else.', finish('stop')]);
  });

  test('what this engine cannot do is refused in words', async () => {
    const { rest } = await answer(backend, asked(THINKS, { logprobs: 1 }));
    const message = 'this engine gives no log-probabilities';
    assert.deepEqual(rest, [{ type: 'error', code: 'not_supported', message, retryable: false }]);
  });

  test('a prompt that is too long is refused with both numbers', async () => {
    const request = { ...asked(THINKS), messages: [{ role: 'user' as const, content: 'a'.repeat(5000) }] };
    const count = await backend.countTokens?.(request, patience());
    const { rest } = await answer(backend, request);
    const message = `the prompt has ${count} tokens and the model holds 4096, with the answer`;
    assert.deepEqual(rest, [{ type: 'error', code: 'context_exceeded', message, retryable: false }]);
  });

  test('an abort frees the slot within a token: the engine counts nothing more', async () => {
    await quiet(backend);
    const before = backend.meter();
    const abort = new AbortController();
    const events = [];
    for await (const event of backend.stream(asked(ENDLESS), abort.signal)) {
      events.push(event);
      if (events.length === 30) abort.abort();
    }
    assert.deepEqual(events.at(-1), {
      type: 'error',
      code: 'aborted',
      message: 'the request was aborted',
      retryable: false,
    });
    await delay(300);
    await quiet(backend);
    const aborted = backend.meter();
    const drawn = aborted.generatedTokens - before.generatedTokens;
    assert.ok(drawn >= 29 && drawn < 1000, `${drawn} tokens for 30 events`);
    await delay(200);
    const { usage } = await answer(backend, asked(THINKS));
    await quiet(backend);
    assert.equal(backend.meter().generatedTokens - aborted.generatedTokens, usage.completionTokens);
  });

  test('who goes away in the middle frees the slot as well, and one that is aborted before it begins costs nothing', async () => {
    for await (const event of backend.stream(asked(ENDLESS), patience())) if (event.type === 'reasoning') break;
    await delay(100);
    await quiet(backend);
    const before = backend.meter().generatedTokens;
    const { rest } = await answer(backend, asked(THINKS), AbortSignal.abort());
    assert.deepEqual(
      rest.map((event) => event.type === 'error' && event.code),
      ['aborted'],
    );
    assert.equal(backend.meter().generatedTokens, before);
  });

  test('64 streams on 3 slots all come to their end, each with its own words', async () => {
    const plays = Array.from({ length: 64 }, (_, at) => (at % 2 === 0 ? THINKS : CALLS_TWICE));
    const texts = ['It is fine in Zürich 🏔, they say.', 'Both at once.'];
    const answers = await Promise.all(
      plays.map((play, at) => answer(backend, asked(play, { tools: [WEATHER], affinity: `a${at}` }))),
    );
    assert.deepEqual(
      answers.map(({ text, calls, rest }) => ({ text, calls: calls.length, rest })),
      plays.map((play) =>
        play === THINKS
          ? { text: texts[0], calls: 0, rest: [finish('stop')] }
          : { text: texts[1], calls: 2, rest: [finish('tool_calls')] },
      ),
    );
  });

  test('a conversation that goes on evaluates only what is new, though others came between', async () => {
    const first: ChatRequest = { ...asked(THINKS), affinity: 'mine' };
    const text = `${'I tell a long story. '.repeat(40)}${mark(THINKS)}`;
    const long: ChatRequest = { ...first, messages: [{ role: 'user', content: text }] };
    const { usage } = await answer(backend, long);
    await answer(backend, asked(CALLS, { affinity: 'other', tools: [WEATHER] }));
    await quiet(backend);
    const before = backend.meter().evaluatedTokens;
    const more: ChatRequest = {
      ...long,
      messages: [...long.messages, { role: 'assistant', content: 'So?' }, { role: 'user', content: 'Go on.' }],
    };
    const again = await answer(backend, more);
    await quiet(backend);
    const cached = again.usage.cachedTokens ?? 0;
    const evaluated = backend.meter().evaluatedTokens - before;
    assert.ok(cached > 0.9 * usage.promptTokens, `${cached} of ${usage.promptTokens} tokens`);
    assert.ok(evaluated <= again.usage.promptTokens - cached, `${evaluated} tokens were evaluated`);
  });

  test('embeddings are the same for the same text, others for others, of length 1', async () => {
    const input = [`one ${mark(1)}`, `two ${mark(2)}`, `one ${mark(1)}`];
    const made = (await backend.embed?.({ model: MODEL, input, base64: false }, patience())) ?? assert.fail();
    assert.ok(made.type === 'embeddings');
    const [one, two, same] = made.vectors as readonly (readonly number[])[];
    assert.deepEqual(one, same);
    assert.notDeepEqual(one, two);
    assert.ok(Math.abs(Math.hypot(...(one ?? [])) - 1) < 1e-6);
    const mistakes = [
      { input: ['fine', ''], code: 'invalid_input' },
      { input: ['a'.repeat(5000)], code: 'context_exceeded' },
      { input: ['fine'], dimensions: 3, code: 'invalid_input' },
    ];
    for (const { code, ...wish } of mistakes) {
      const refused = (await backend.embed?.({ model: MODEL, base64: false, ...wish }, patience())) ?? assert.fail();
      assert.equal(refused.type === 'error' && refused.code, code);
    }
  });
});
