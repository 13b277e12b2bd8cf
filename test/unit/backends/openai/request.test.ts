// Shows what a conversation looks like on the wire, and what is sent to an endpoint that refuses a part of it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Thinking } from '../../../../src/contracts/messages.ts';
import { chatBody } from '../../../../src/backends/openai/request.ts';
import { BASH, finish, gather, HELLO, patient, PING, requestOf, say } from '../events.ts';
import { backendAt, sendJson, sendStream, startEndpoint } from './scripted-endpoint.ts';
import { chunk, DONE } from './frames.ts';

const ANSWER = chunk({ content: 'yes' }, 'stop') + DONE;
const EVENTS = [say('yes'), finish('stop')];
const USER = { role: 'user', content: 'hello' } as const;
const BASE = { model: 'm', stream: true, stream_options: { include_usage: true } };

describe('a request', () => {
  test('holds every kind of message, with thinking under both its names', () => {
    const body = chatBody(
      requestOf([
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image', url: 'data:image/png;base64,AA' },
          ],
        },
        {
          role: 'assistant',
          content: 'I look.',
          reasoning: 'Hm.',
          toolCalls: [{ id: 'a', name: 'bash', arguments: '{"command":"ls"}' }],
        },
        { role: 'tool', callId: 'a', content: 'exit status: 0' },
        { role: 'assistant', content: 'A file.' },
      ]),
      new Set(),
    );
    assert.deepEqual(body, {
      ...BASE,
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
          ],
        },
        {
          role: 'assistant',
          content: 'I look.',
          reasoning: 'Hm.',
          reasoning_content: 'Hm.',
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'bash', arguments: '{"command":"ls"}' } }],
        },
        { role: 'tool', tool_call_id: 'a', content: 'exit status: 0' },
        { role: 'assistant', content: 'A file.' },
      ],
    });
  });

  test('holds tools, the choice among them and every setting', () => {
    const settings = { temperature: 0, topP: 0.5, maxTokens: 7, stop: ['END'], seed: 0, affinity: 'run_1' };
    assert.deepEqual(
      chatBody(requestOf([USER], { tools: [BASH], toolChoice: { name: 'bash' }, ...settings }), new Set()),
      {
        ...BASE,
        messages: [USER],
        tools: [{ type: 'function', function: BASH }],
        tool_choice: { type: 'function', function: { name: 'bash' } },
        temperature: 0,
        top_p: 0.5,
        max_tokens: 7,
        stop: ['END'],
        seed: 0,
      },
    );
    assert.deepEqual(
      chatBody(requestOf([USER], { tools: [BASH], toolChoice: 'required' }), new Set()).tool_choice,
      'required',
    );
  });

  test('holds what only some engines know, and what the answer must look like', () => {
    const schema = { type: 'object' };
    const body = chatBody(
      requestOf([USER], {
        tools: [{ ...PING, strict: true }],
        parallelToolCalls: false,
        topK: 20,
        presencePenalty: 0.5,
        frequencyPenalty: -0.5,
        logprobs: 3,
        responseFormat: { type: 'json_schema', name: 'answer', schema, strict: true },
        thinking: { enabled: true, effort: 'high', budgetTokens: 99 },
        extra: { min_p: 0.1, chat_template_kwargs: { low_effort: true, enable_thinking: false } },
      }),
      new Set(),
    );
    assert.deepEqual(body, {
      ...BASE,
      messages: [USER],
      tools: [{ type: 'function', function: { ...PING, strict: true } }],
      parallel_tool_calls: false,
      top_k: 20,
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      logprobs: true,
      top_logprobs: 3,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      chat_template_kwargs: { low_effort: true, enable_thinking: true },
      reasoning_effort: 'high',
      thinking_token_budget: 99,
      min_p: 0.1,
    });
  });

  test('says that thinking is off in every word for it, and then no word about how much', () => {
    const fieldsOf = (thinking: Thinking) => {
      const { chat_template_kwargs, reasoning_effort, thinking_token_budget } = chatBody(
        requestOf([USER], { thinking }),
        new Set(),
      );
      return [chat_template_kwargs, reasoning_effort, thinking_token_budget];
    };
    assert.deepEqual(
      [
        fieldsOf({ enabled: false, effort: 'high', budgetTokens: 9 }),
        fieldsOf({ effort: 'none' }),
        fieldsOf({ effort: 'low' }),
        fieldsOf({ budgetTokens: 9 }),
      ],
      [
        [{ enable_thinking: false }, undefined, undefined],
        [{ enable_thinking: false }, 'none', undefined],
        [undefined, 'low', undefined],
        [undefined, undefined, 9],
      ],
    );
  });

  test('takes further fields of a client as they are, but none that is written here or that steers the engine', () => {
    const extra = { ignore_eos: true, n: 5, stream: false, model: 'other', priority: -9, user: 'u', logprobs: true };
    assert.deepEqual(chatBody(requestOf([USER], { extra }), new Set()), {
      ...BASE,
      messages: [USER],
      ignore_eos: true,
    });
  });

  test('says of the result of a tool that it failed, unless its text says so', () => {
    const result = (content: string) => ({ role: 'tool', callId: 'a', content, isError: true }) as const;
    const messages = ['no such file', 'Error: no such file', '<error>x</error>', ''].map(result);
    assert.deepEqual(
      chatBody(requestOf(messages), new Set()).messages.map(({ content }) => content),
      ['Error: no such file', 'Error: no such file', '<error>x</error>', 'Error: '],
    );
  });

  test('shows the pictures of results behind the last result of the turn, before what the user says', () => {
    const picture = (name: string) => ({ type: 'image', url: `data:${name}` }) as const;
    const shown = (name: string) => ({ type: 'image_url', image_url: { url: `data:${name}` } });
    const result = (callId: string) =>
      ({ role: 'tool', callId, content: [{ type: 'text', text: callId }, picture(callId)] }) as const;
    const answer = { role: 'assistant', content: 'ok' } as const;
    const body = chatBody(requestOf([result('a'), result('b'), USER, result('c'), answer, result('d')]), new Set());
    const text = (id: string) => ({ role: 'tool', tool_call_id: id, content: id });
    assert.deepEqual(body.messages, [
      text('a'),
      text('b'),
      { role: 'user', content: [shown('a'), shown('b'), { type: 'text', text: 'hello' }] },
      text('c'),
      { role: 'user', content: [shown('c')] },
      answer,
      text('d'),
      { role: 'user', content: [shown('d')] },
    ]);
  });

  test('leaves out empty lists and a choice among no tools, which engines refuse', () => {
    const body = chatBody(requestOf([USER], { tools: [], toolChoice: 'auto', stop: [] }), new Set());
    assert.deepEqual(body, { ...BASE, messages: [USER] });
  });
});

describe('a request on the wire', () => {
  test('goes to the address with the key and nothing that the environment names', async (t) => {
    const poison = {
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      OPENAI_API_KEY: 'from-the-environment',
      OPENAI_ADMIN_KEY: 'from-the-environment',
      OPENAI_ORG_ID: 'org',
      OPENAI_PROJECT_ID: 'project',
      OPENAI_CUSTOM_HEADERS: 'x-leak: yes\nauthorization: Bearer from-the-environment',
      OPENAI_LOG: 'debug',
    };
    Object.assign(process.env, poison);
    t.after(() => {
      for (const name of Object.keys(poison)) delete process.env[name];
    });
    const endpoint = await startEndpoint(t, (response) => sendStream(response, ANSWER));
    assert.deepEqual(await gather(backendAt(endpoint.url, { key: 'k-1' }).stream(HELLO, patient())), EVENTS);
    const [asked] = endpoint.asked;
    const { 'content-length': length, ...headers } = asked?.headers ?? {};
    assert.deepEqual([asked?.method, asked?.path], ['POST', '/v1/chat/completions']);
    assert.deepEqual(headers, {
      accept: 'application/json',
      authorization: 'Bearer k-1',
      connection: 'keep-alive',
      'content-type': 'application/json',
      host: new URL(endpoint.url).host,
      'user-agent': 'caisson',
    });
    assert.equal(length, String(Buffer.byteLength(JSON.stringify(asked?.body))));
    assert.deepEqual(asked?.body, chatBody(HELLO, new Set()));
  });

  test('goes to the same address where its base ends in a slash', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendStream(response, ANSWER));
    await gather(backendAt(`${endpoint.url}/`).stream(HELLO, patient()));
    assert.equal(endpoint.asked[0]?.path, '/v1/chat/completions');
  });

  test('says "none" where there is no key', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendStream(response, ANSWER));
    await gather(backendAt(endpoint.url).stream(HELLO, patient()));
    assert.equal(endpoint.asked[0]?.headers.authorization, 'Bearer none');
  });

  test('goes over the connection of the one before', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendStream(response, ANSWER));
    const backend = backendAt(endpoint.url);
    for (let count = 0; count < 3; count += 1) {
      assert.deepEqual(await gather(backend.stream(HELLO, patient())), EVENTS);
      // The farewell of an answer comes when its last event was taken.
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual([endpoint.asked.length, endpoint.connections()], [3, 1]);
  });

  test('is sent once more over a new connection if the kept one was closed under it', async (t) => {
    const endpoint = await startEndpoint(t, (response, { socket }, count) => {
      if (count === 2) socket.destroy();
      else sendStream(response, ANSWER);
    });
    const backend = backendAt(endpoint.url);
    await gather(backend.stream(HELLO, patient()));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await gather(backend.stream(HELLO, patient())), EVENTS);
    assert.deepEqual([endpoint.asked.length, endpoint.connections()], [3, 2]);
  });
});

describe('an endpoint that refuses a field', () => {
  const thoughtful = requestOf([USER, { role: 'assistant', content: 'a', reasoning: 'b' }, USER]);
  const without = (...fields: readonly string[]) => chatBody(thoughtful, new Set(fields));

  test('gets the request without it, and the next one too', async (t) => {
    const endpoint = await startEndpoint(t, (response, { body }) => {
      const text = JSON.stringify(body);
      const field = ['stream_options', 'reasoning', 'reasoning_content'].find((name) => text.includes(`"${name}":`));
      if (field === undefined) sendStream(response, ANSWER);
      else sendJson(response, 422, { detail: [{ type: 'extra_forbidden', loc: ['body', field] }] });
    });
    const backend = backendAt(endpoint.url);
    assert.deepEqual(await gather(backend.stream(thoughtful, patient())), EVENTS);
    assert.deepEqual(await gather(backend.stream(thoughtful, patient())), EVENTS);
    assert.deepEqual(
      endpoint.asked.map(({ body }) => body),
      [
        without(),
        without('stream_options'),
        without('stream_options', 'reasoning'),
        without('stream_options', 'reasoning', 'reasoning_content'),
        without('stream_options', 'reasoning', 'reasoning_content'),
      ],
    );
  });

  test('gets no other refusal for fields that it does not know: each is left out, those of a client only this once', async (t) => {
    const request = requestOf([USER], {
      tools: [{ ...PING, strict: false }],
      topK: 5,
      thinking: { effort: 'none', enabled: false },
      parallelToolCalls: true,
      extra: { min_p: 0.1, 'odd.name': [1] },
    });
    const unknown = ['strict', 'top_k', 'chat_template_kwargs', 'reasoning_effort', 'min_p', 'odd.name'];
    const endpoint = await startEndpoint(t, (response, { body }) => {
      const field = unknown.find((name) => JSON.stringify(body).includes(`"${name}":`));
      if (field === undefined) sendStream(response, ANSWER);
      else sendJson(response, 400, { error: { message: `Extra inputs are not permitted: body.${field}`, code: 400 } });
    });
    const backend = backendAt(endpoint.url);
    assert.deepEqual(await gather(backend.stream(request, patient())), EVENTS);
    const first = endpoint.asked.length;
    assert.deepEqual(await gather(backend.stream(request, patient())), EVENTS);
    assert.deepEqual([first, endpoint.asked.length - first], [unknown.length + 1, 3]);
    assert.deepEqual(endpoint.asked.at(-1)?.body, chatBody(request, new Set(unknown)));
  });

  test('gets a request whose limit on tokens does not fit without the limit, and the next one with its own', async (t) => {
    const request = requestOf([USER], { maxTokens: 9000 });
    const refusals = [
      { error: { message: 'too large', type: 'BadRequestError', param: 'max_tokens', code: 400 } },
      { object: 'error', message: 'you requested 9009 tokens (9 in the messages, 9000 in the completion)', code: 400 },
    ];
    for (const refusal of refusals) {
      const endpoint = await startEndpoint(t, (response, { body }) => {
        if (Object.hasOwn(body as object, 'max_tokens')) sendJson(response, 400, refusal);
        else sendStream(response, ANSWER);
      });
      const backend = backendAt(endpoint.url);
      for (let count = 0; count < 2; count += 1)
        assert.deepEqual(await gather(backend.stream(request, patient())), EVENTS);
      const without = chatBody(request, new Set(['max_tokens']));
      assert.deepEqual(
        endpoint.asked.map(({ body }) => body),
        [chatBody(request, new Set()), without, chatBody(request, new Set()), without],
      );
    }
  });

  test('is not spared a field whose absence did not help', async (t) => {
    const endpoint = await startEndpoint(t, (response, _, count) => {
      if (count <= 2) sendJson(response, 400, { error: { message: 'stream_options and all else is wrong' } });
      else sendStream(response, ANSWER);
    });
    const backend = backendAt(endpoint.url);
    const refused = await gather(backend.stream(HELLO, patient()));
    assert.deepEqual(refused, [
      {
        type: 'error',
        code: 'invalid_input',
        message: `the endpoint refuses the request (status 400 from ${endpoint.url}): stream_options and all else is wrong`,
        retryable: false,
      },
    ]);
    assert.deepEqual(await gather(backend.stream(HELLO, patient())), EVENTS);
    assert.deepEqual(endpoint.asked.at(-1)?.body, chatBody(HELLO, new Set()));
  });
});
