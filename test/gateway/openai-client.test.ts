// Shows that the official client of OpenAI works against the gateway, and that it raises where it must.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI, { APIError, AuthenticationError, NotFoundError } from 'openai';
import type { ChatCompletionTool } from 'openai/resources';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { says, type Service, startService, type Wishes } from './service.ts';

const MESSAGES = [{ role: 'user' as const, content: 'hi' }];
const TOOLS: ChatCompletionTool[] = [
  {
    type: 'function',
    function: { name: 'add', parameters: { type: 'object', properties: { a: { type: 'number' } } } },
  },
];
const CALL: readonly ModelEvent[] = [
  { type: 'text', text: 'adding' },
  { type: 'tool_call', index: 0, id: 'c1', name: 'add', arguments: '{"a":', complete: false },
  { type: 'tool_call', index: 0, arguments: '2}', complete: true },
  { type: 'finish', reason: 'tool_calls' },
  { type: 'usage', promptTokens: 3, completionTokens: 4 },
];

async function clientOf(service: Service, key?: string): Promise<OpenAI> {
  const apiKey = key ?? (await service.key(['client']));
  return new OpenAI({ baseURL: `${service.url}/v1`, apiKey, maxRetries: 0 });
}

async function start(context: Parameters<typeof startService>[0], wishes: Wishes) {
  const service = await startService(context, wishes);
  return { service, client: await clientOf(service) };
}

test('a whole answer with a call is parsed', async (context) => {
  const { client } = await start(context, { model: says(...CALL) });
  const answer = await client.chat.completions.create({ model: 'm', messages: MESSAGES, tools: TOOLS });
  assert.deepEqual(answer.choices[0]?.message.tool_calls, [
    { id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a":2}' } },
  ]);
  assert.deepEqual(answer.usage, { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 });
  assert.match(String(answer._request_id), /^req_/);
});

test('a streamed answer with a call is put together', async (context) => {
  const { client } = await start(context, { model: says(...CALL) });
  const stream = client.chat.completions.stream({
    model: 'm',
    messages: MESSAGES,
    tools: TOOLS,
    stream_options: { include_usage: true },
  });
  const answer = await stream.finalChatCompletion();
  assert.equal(answer.choices[0]?.finish_reason, 'tool_calls');
  assert.equal(answer.choices[0]?.message.content, 'adding');
  assert.deepEqual(
    answer.choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function.arguments),
    ['{"a":2}'],
  );
  assert.equal(answer.usage?.total_tokens, 7);
});

test('a loop of tools runs the call and comes back with its result', async (context) => {
  let turn = 0;
  const { service, client } = await start(context, {
    model: async function* model(): AsyncGenerator<ModelEvent> {
      turn += 1;
      if (turn === 1) yield* CALL;
      else {
        yield { type: 'text', text: 'it is 4' };
        yield { type: 'finish', reason: 'stop' };
      }
    },
  });
  const runner = client.chat.completions.runTools({
    model: 'm',
    messages: MESSAGES,
    stream: true,
    tools: [
      {
        type: 'function',
        function: {
          name: 'add',
          parse: (text: string) => JSON.parse(text) as { a: number },
          function: ({ a }: { a: number }) => String(a + 2),
          description: 'adds two',
          parameters: {},
        },
      },
    ],
  });
  assert.equal(await runner.finalContent(), 'it is 4');
  assert.deepEqual(service.asked[1]?.request.messages.slice(1), [
    { role: 'assistant', content: 'adding', toolCalls: [{ id: 'c1', name: 'add', arguments: '{"a":2}' }] },
    { role: 'tool', callId: 'c1', content: '4' },
  ]);
});

test('models are listed and found by name, slashes included', async (context) => {
  const { client } = await start(context, {
    models: [
      { id: 'nvidia/nemotron', contextTokens: 8192, backend: 'vllm' },
      { id: 'small', backend: 'llama' },
    ],
  });
  const models = await client.models.list();
  assert.deepEqual(
    models.data.map(({ created: _created, ...rest }) => rest),
    [
      { id: 'nvidia/nemotron', object: 'model', owned_by: 'vllm', max_model_len: 8192 },
      { id: 'small', object: 'model', owned_by: 'llama' },
    ],
  );
  assert.equal((await client.models.retrieve('nvidia/nemotron')).owned_by, 'vllm');
  await assert.rejects(client.models.retrieve('large'), (error: unknown) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
});

describe('the client raises', () => {
  test('for a wrong key and for one that may not ask models', async (context) => {
    const service = await startService(context);
    const wrong = (await clientOf(service, 'csn_wrong')).chat.completions.create({ model: 'm', messages: MESSAGES });
    await assert.rejects(wrong, (error: unknown) => {
      assert.ok(error instanceof AuthenticationError);
      assert.deepEqual([error.status, error.code, error.type], [401, 'invalid_api_key', 'authentication_error']);
      return true;
    });
    const author = await clientOf(service, await service.key(['author']));
    await assert.rejects(author.models.list(), { status: 403, type: 'permission_error', code: 'forbidden' });
  });

  test('for a model that is not served, and for a conversation that is too long', async (context) => {
    const { service, client } = await start(context, {
      model: async function* model(request): AsyncGenerator<ModelEvent> {
        const code = request.model === 'none' ? 'model_not_found' : 'context_exceeded';
        yield { type: 'error', code, message: 'no', retryable: false };
      },
    });
    const ask = (model: string) => client.chat.completions.create({ model, messages: MESSAGES, stream: true });
    await assert.rejects(ask('none'), { status: 404, code: 'model_not_found' });
    await assert.rejects(ask('long'), { status: 400, code: 'context_length_exceeded' });
    assert.equal(service.asked.length, 2);
  });

  test('when the engine dies in the middle of a stream, instead of giving half an answer', async (context) => {
    const seen = Promise.withResolvers<void>();
    const { client } = await start(context, {
      model: async function* model(): AsyncGenerator<ModelEvent> {
        yield { type: 'text', text: 'half' };
        await seen.promise;
        yield { type: 'error', code: 'backend_failed', message: 'dead', retryable: true };
      },
    });
    const stream = await client.chat.completions.create({ model: 'm', messages: MESSAGES, stream: true });
    const read = async () => {
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'half') seen.resolve();
    };
    await assert.rejects(read(), (error: unknown) => error instanceof Error && !(error instanceof APIError));
  });
});
