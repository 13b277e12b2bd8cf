// Shows that the official client of OpenAI works against the Responses endpoint: whole, streamed, with tools in a loop, with errors.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import OpenAI, { APIError } from 'openai';
import type { ResponseInputItem, Tool } from 'openai/resources/responses/responses';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { says, type Wishes } from '../service.ts';
import { startWith } from './streams.ts';

const ADD: Tool = {
  type: 'function',
  name: 'add',
  description: 'adds',
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
  strict: false,
};
const PATCH: Tool = { type: 'custom', name: 'patch', format: { type: 'grammar', syntax: 'regex', definition: '.*' } };
const USAGE: ModelEvent = { type: 'usage', promptTokens: 3, completionTokens: 4, reasoningTokens: 1 };

const whole = (index: number, id: string, name: string, text: string): ModelEvent[] => [
  { type: 'tool_call', index, id, name, arguments: text.slice(0, 5), complete: false },
  { type: 'tool_call', index, arguments: text.slice(5), complete: true },
];

/** Two calls, then one freeform call, then the answer. */
const TURNS: readonly (readonly ModelEvent[])[] = [
  [
    { type: 'reasoning', text: 'I add ' },
    { type: 'reasoning', text: 'twice' },
    { type: 'text', text: 'adding' },
    ...whole(0, 'c1', 'add', '{"a":1,"b":2}'),
    ...whole(1, 'c2', 'add', '{"a":3,"b":4}'),
    { type: 'finish', reason: 'tool_calls' },
    USAGE,
  ],
  [...whole(0, 'c3', 'patch', '{"input":"10 = 3 + 7\\n"}'), { type: 'finish', reason: 'tool_calls' }, USAGE],
  [{ type: 'text', text: 'it is ' }, { type: 'text', text: '10' }, { type: 'finish', reason: 'stop' }, USAGE],
];

async function start(context: TestContext, model: NonNullable<Wishes['model']>, changes: Wishes['changes'] = {}) {
  const { service, key } = await startWith(context, { model, changes });
  return { service, client: new OpenAI({ baseURL: `${service.url}/v1`, apiKey: key, maxRetries: 0 }) };
}

function turns() {
  let turn = 0;
  return async function* model(): AsyncGenerator<ModelEvent> {
    yield* TURNS[turn++] ?? [];
  };
}

async function ask(client: OpenAI, input: ResponseInputItem[], streamed: boolean) {
  const body = { model: 'm', input, tools: [ADD, PATCH], reasoning: { summary: 'auto' as const }, store: false };
  if (!streamed) return client.responses.create(body);
  const stream = client.responses.stream(body);
  let told = '';
  let final;
  for await (const event of stream) {
    if (event.type === 'response.output_text.delta') told += event.delta;
    if (event.type === 'response.completed') final = event.response;
  }
  const response = await stream.finalResponse();
  assert.equal(response.output_text, told);
  assert.deepEqual(JSON.parse(JSON.stringify(response.output.map(bare))), final?.output.map(bare));
  return response;
}

/** Without what the client itself adds. */
function bare(item: object): object {
  return JSON.parse(
    JSON.stringify(item, (name, value: unknown) => (name.startsWith('parsed') ? undefined : value)),
  ) as object;
}

for (const streamed of [true, false])
  test(`a loop of tools runs two calls and a freeform one, and comes to its end, streamed: ${streamed}`, async (context) => {
    const { service, client } = await start(context, turns());
    const input: ResponseInputItem[] = [{ role: 'user', content: 'add' }];
    const ran: string[] = [];
    let answer = '';
    while (answer === '') {
      const response = await ask(client, input, streamed);
      assert.equal(response.status, 'completed');
      assert.equal(response.usage?.total_tokens, 7);
      input.push(...(response.output as ResponseInputItem[]));
      const { length } = input;
      for (const item of response.output)
        if (item.type === 'function_call') {
          const { a, b } = JSON.parse(item.arguments) as { a: number; b: number };
          ran.push(`${item.name} ${a} ${b}`);
          input.push({ type: 'function_call_output', call_id: item.call_id, output: String(a + b) });
        } else if (item.type === 'custom_tool_call') {
          ran.push(`${item.name} ${item.input}`);
          input.push({ type: 'custom_tool_call_output', call_id: item.call_id, output: 'patched' });
        }
      if (input.length === length) answer = response.output_text;
    }
    assert.equal(answer, 'it is 10');
    assert.deepEqual(ran, ['add 1 2', 'add 3 4', 'patch 10 = 3 + 7\n']);
    assert.deepEqual(service.asked.at(-1)?.request.messages, [
      { role: 'user', content: 'add' },
      {
        role: 'assistant',
        content: 'adding',
        reasoning: 'I add twice',
        toolCalls: [
          { id: 'c1', name: 'add', arguments: '{"a":1,"b":2}' },
          { id: 'c2', name: 'add', arguments: '{"a":3,"b":4}' },
        ],
      },
      { role: 'tool', callId: 'c1', content: '3' },
      { role: 'tool', callId: 'c2', content: '7' },
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'c3', name: 'patch', arguments: '{"input":"10 = 3 + 7\\n"}' }],
      },
      { role: 'tool', callId: 'c3', content: 'patched' },
    ]);
  });

test('a form that is asked for is parsed', async (context) => {
  const { client } = await start(
    context,
    says({ type: 'text', text: '{"a":1}' }, { type: 'finish', reason: 'stop' }, USAGE),
  );
  const response = await client.responses.parse({
    model: 'm',
    input: 'hi',
    text: { format: { type: 'json_schema', name: 's', schema: { type: 'object' }, strict: true } },
  });
  assert.deepEqual(response.output_parsed, { a: 1 });
});

describe('the client learns', () => {
  test('that an answer is incomplete', async (context) => {
    const { client } = await start(
      context,
      says({ type: 'text', text: 'half' }, { type: 'finish', reason: 'length' }, USAGE),
    );
    const response = await client.responses.stream({ model: 'm', input: 'hi' }).finalResponse();
    assert.deepEqual(
      [response.status, response.incomplete_details, response.output_text],
      ['incomplete', { reason: 'max_output_tokens' }, 'half'],
    );
  });

  test('that a conversation is too long, in both ways of asking', async (context) => {
    const { client } = await start(
      context,
      says({ type: 'error', code: 'context_exceeded', message: 'no', retryable: false }),
    );
    await assert.rejects(client.responses.create({ model: 'm', input: 'hi' }), {
      status: 400,
      code: 'context_length_exceeded',
    });
    const events = await Array.fromAsync(await client.responses.create({ model: 'm', input: 'hi', stream: true }));
    const last = events.at(-1);
    assert.ok(last?.type === 'response.failed');
    assert.equal(String(last.response.error?.code), 'context_length_exceeded');
  });

  test('that there is no such model, and that the engine died in the middle', async (context) => {
    const seen = Promise.withResolvers<void>();
    const { client } = await start(context, async function* model(request): AsyncGenerator<ModelEvent> {
      if (request.model === 'm') {
        yield { type: 'text', text: 'half' };
        await seen.promise;
      }
      yield { type: 'error', code: 'model_not_found', message: 'no', retryable: false };
    });
    const unknown = client.responses.create({ model: 'none', input: 'hi', stream: true });
    await assert.rejects(unknown, { status: 404, code: 'model_not_found', type: 'not_found_error' });
    const stream = await client.responses.create({ model: 'm', input: 'hi', stream: true });
    await assert.rejects(
      async () => {
        for await (const event of stream) if (event.type === 'response.output_text.delta') seen.resolve();
      },
      (error: unknown) => !(error instanceof APIError) || error.status === undefined,
    );
  });

  test('nothing of the events that keep its stream alive', async (context) => {
    const { service, key } = await startWith(context, {
      model: async function* model() {
        yield { type: 'text', text: 'a' };
        await new Promise((resolve) => setTimeout(resolve, 100));
        yield { type: 'text', text: 'b' };
        yield { type: 'finish', reason: 'stop' };
      },
    });
    const { limits } = service.ports;
    Object.assign(service.ports, { limits: { ...limits, sseKeepAliveMs: 10 } });
    const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: key });
    let alive = 0;
    const stream = client.responses.stream({ model: 'm', input: 'hi' });
    stream.on('event', (event) => {
      if (event.type === 'response.in_progress') alive += 1;
    });
    assert.equal((await stream.finalResponse()).output_text, 'ab');
    assert.ok(alive > 2);
  });
});
