// Shows what a conversation looks like on the wire, and what is sent to an endpoint that refuses a part of it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chatBody } from '../../../../src/backends/openai/request.ts';
import { BASH, finish, gather, HELLO, patient, requestOf, say } from '../events.ts';
import { backendAt, sendJson, sendStream, startEndpoint } from './scripted-endpoint.ts';
import { chunk, DONE } from './transcripts.ts';

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
  const without = (...fields: readonly ('stream_options' | 'reasoning' | 'reasoning_content')[]) =>
    chatBody(thoughtful, new Set(fields));

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
