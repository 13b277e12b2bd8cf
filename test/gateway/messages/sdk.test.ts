// Shows that the official client of Anthropic works against the gateway, and that it raises where it must.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Anthropic, { AnthropicError, APIError, AuthenticationError, NotFoundError } from '@anthropic-ai/sdk';
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { says, type Service, startService, type Wishes } from '../service.ts';

const ASK = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] satisfies MessageParam[] };
const TOOLS: Tool[] = [
  { name: 'add', description: 'adds two', input_schema: { type: 'object', properties: { a: { type: 'number' } } } },
];

/** Two calls at once, mixed. */
const CALLS: readonly ModelEvent[] = [
  { type: 'reasoning', text: 'add both' },
  { type: 'text', text: 'adding' },
  { type: 'tool_call', index: 0, id: 'c1', name: 'add', arguments: '{"a":', complete: false },
  { type: 'tool_call', index: 1, id: 'c2', name: 'add', arguments: '{"a"', complete: false },
  { type: 'tool_call', index: 0, arguments: '2}', complete: true },
  { type: 'tool_call', index: 1, arguments: ':5}', complete: true },
  { type: 'finish', reason: 'tool_calls' },
  { type: 'usage', promptTokens: 30, completionTokens: 4, cachedTokens: 20 },
];
const CONTENT = [
  { type: 'thinking', thinking: 'add both', signature: 'caisson' },
  { type: 'text', text: 'adding' },
  { type: 'tool_use', id: 'c1', name: 'add', input: { a: 2 } },
  { type: 'tool_use', id: 'c2', name: 'add', input: { a: 5 } },
];
const USAGE = {
  input_tokens: 10,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 20,
  output_tokens: 4,
};

async function clientOf(service: Service, key?: string): Promise<Anthropic> {
  const apiKey = key ?? (await service.key(['client']));
  return new Anthropic({ baseURL: service.url, apiKey, maxRetries: 0 });
}

async function start(context: Parameters<typeof startService>[0], wishes: Wishes) {
  const service = await startService(context, wishes);
  return { service, client: await clientOf(service) };
}

/** First the calls, then an answer that shows that their results came. */
function twoTurns() {
  return async function* model({ messages }: { readonly messages: readonly { readonly role: string }[] }) {
    if (!messages.some(({ role }) => role === 'tool')) yield* CALLS;
    else {
      yield { type: 'text', text: 'they are 4 and 7' } satisfies ModelEvent;
      yield { type: 'finish', reason: 'stop' } satisfies ModelEvent;
    }
  };
}

test('a whole answer with two calls is parsed', async (context) => {
  const { client } = await start(context, { model: says(...CALLS) });
  const {
    content,
    stop_reason: reason,
    usage,
    id,
    _request_id: request,
  } = await client.messages.create({
    ...ASK,
    tools: TOOLS,
  });
  assert.deepEqual(content, CONTENT);
  assert.deepEqual([reason, usage], ['tool_use', USAGE]);
  assert.match(id, /^msg_/);
  assert.match(String(request), /^req_/);
});

test('a streamed answer with two calls is put together', async (context) => {
  const { client } = await start(context, { model: says(...CALLS) });
  const stream = client.messages.stream({ ...ASK, tools: TOOLS });
  const { content, stop_reason: reason, usage } = await stream.finalMessage();
  assert.deepEqual(JSON.parse(JSON.stringify(content)), CONTENT);
  assert.deepEqual([reason, usage], ['tool_use', USAGE]);
  assert.match(String(stream.request_id), /^req_/);
});

for (const stream of [false, true])
  test(`a loop of tools runs two calls and comes back with their results, stream: ${stream}`, async (context) => {
    const { service, client } = await start(context, { model: twoTurns() });
    const ran: unknown[] = [];
    const runner = client.beta.messages.toolRunner({
      ...ASK,
      stream,
      tools: [
        {
          name: 'add',
          description: 'adds two',
          input_schema: { type: 'object' as const },
          parse: (input: unknown) => input as { a: number },
          run: ({ a }: { a: number }) => {
            ran.push(a);
            return String(a + 2);
          },
        },
      ],
    });
    const { content } = await runner.runUntilDone();
    assert.deepEqual(content, [{ type: 'text', text: 'they are 4 and 7' }]);
    assert.deepEqual(ran, [2, 5]);
    assert.deepEqual(service.asked[1]?.request.messages, [
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: 'adding',
        reasoning: 'add both',
        toolCalls: [
          { id: 'c1', name: 'add', arguments: '{"a":2}' },
          { id: 'c2', name: 'add', arguments: '{"a":5}' },
        ],
      },
      { role: 'tool', callId: 'c1', content: '4' },
      { role: 'tool', callId: 'c2', content: '7' },
    ]);
  });

test('thinking that the client leaves out of sight comes back to the model with the history', async (context) => {
  const { service, client } = await start(context, { model: says(...CALLS) });
  const thinking = { type: 'adaptive', display: 'omitted' } as const;
  const answer = await client.messages.stream({ ...ASK, tools: TOOLS, thinking }).finalMessage();
  assert.equal(answer.content[0]?.type === 'thinking' && answer.content[0].thinking, '');
  const messages: MessageParam[] = [...ASK.messages, { role: 'assistant', content: answer.content }];
  await client.messages.create({ ...ASK, tools: TOOLS, messages });
  const assistant = service.asked[1]?.request.messages[1];
  assert.equal(assistant?.role === 'assistant' && assistant.reasoning, 'add both');
});

test('tokens are counted and models are listed page by page', async (context) => {
  const models = ['a', 'b', 'nvidia/c'].map((id) => ({ id, backend: 'vllm' }));
  const { client } = await start(context, { models, changes: { countTokens: async () => 42 } });
  assert.deepEqual(
    { ...(await client.messages.countTokens({ model: 'm', messages: ASK.messages })) },
    { input_tokens: 42 },
  );
  const listed: string[] = [];
  for await (const { id } of client.models.list({ limit: 2 })) listed.push(id);
  assert.deepEqual(listed, ['a', 'b', 'nvidia/c']);
  assert.equal((await client.models.retrieve('nvidia/c')).display_name, 'nvidia/c');
});

describe('the client raises', () => {
  test('for a wrong key, in the header that Anthropic’s older clients use too', async (context) => {
    const service = await startService(context);
    const ask = async (client: Anthropic) => {
      await assert.rejects(client.messages.create(ASK), (error: unknown) => {
        assert.ok(error instanceof AuthenticationError);
        assert.deepEqual([error.status, error.type], [401, 'authentication_error']);
        assert.match(String(error.requestID), /^req_/);
        return true;
      });
    };
    await ask(await clientOf(service, 'csn_wrong'));
    const defaultHeaders = { 'x-api-key': 'csn_wrong', authorization: null };
    await ask(new Anthropic({ baseURL: service.url, apiKey: null, defaultHeaders, maxRetries: 0 }));
  });

  test('for a model that is not served, a conversation that is too long, and an engine that is full', async (context) => {
    const codes = { none: 'model_not_found', long: 'context_exceeded', full: 'overloaded' } as const;
    const { client } = await start(context, {
      model: async function* model(request): AsyncGenerator<ModelEvent> {
        yield { type: 'error', code: codes[request.model as 'none'], message: 'no', retryable: false, retryAfter: 3 };
      },
    });
    const ask = (model: string, stream: boolean) => client.messages.create({ ...ASK, model, stream });
    for (const stream of [false, true]) {
      await assert.rejects(ask('none', stream), NotFoundError);
      await assert.rejects(ask('long', stream), {
        status: 400,
        type: 'invalid_request_error',
        message: /prompt is too long: no/,
      });
      await assert.rejects(ask('full', stream), (error: unknown) => {
        assert.ok(error instanceof APIError);
        assert.deepEqual([error.status, error.type, error.headers?.get('retry-after')], [503, 'overloaded_error', '3']);
        return true;
      });
    }
  });

  test('when the engine dies in the middle of a stream, instead of giving half an answer', async (context) => {
    const seen = Promise.withResolvers<void>();
    const { client } = await start(context, {
      model: async function* model(): AsyncGenerator<ModelEvent> {
        yield { type: 'tool_call', index: 0, id: 'c', name: 'add', arguments: '{"a":1', complete: false };
        await seen.promise;
        yield { type: 'error', code: 'backend_failed', message: 'dead', retryable: true };
      },
    });
    const stream = client.messages.stream({ ...ASK, tools: TOOLS });
    stream.on('inputJson', () => seen.resolve());
    await assert.rejects(stream.finalMessage(), (error: unknown) => {
      assert.ok(error instanceof AnthropicError);
      return true;
    });
  });
});

test('a full engine is asked again when the client’s own patience says so', async (context) => {
  let asked = 0;
  const service = await startService(context, {
    model: async function* model(): AsyncGenerator<ModelEvent> {
      asked += 1;
      if (asked === 1) yield { type: 'error', code: 'overloaded', message: 'no', retryable: true, retryAfter: 0.1 };
      else yield* CALLS;
    },
  });
  const client = new Anthropic({ baseURL: service.url, apiKey: await service.key(['client']), maxRetries: 1 });
  const answer = await client.messages.stream({ ...ASK, tools: TOOLS }).finalMessage();
  assert.deepEqual([asked, answer.stop_reason], [2, 'tool_use']);
});
