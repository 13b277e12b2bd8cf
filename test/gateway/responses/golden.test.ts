// Shows the streams of the Responses dialect to the letter, and that the whole answer says the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { GOLDEN, STOP, USAGE } from './goldens.ts';
import { ASK, finalOf, plain, start, startWith, stream, whole } from './streams.ts';

test('a streamed answer is, to the letter', async (context) => {
  let said: readonly ModelEvent[] = [];
  const { service, key } = await startWith(context, {
    model: async function* model() {
      yield* said;
    },
  });
  for (const { name, events, request, told, status = 'completed', incomplete = null } of GOLDEN)
    await context.test(name, async () => {
      said = [...events, USAGE];
      const body = { ...ASK, ...request };
      const heard = plain(await stream(service, key, body));
      const between = heard.slice(2, -1).map(({ sequence_number: _number, ...event }) => event);
      assert.deepEqual(between, told);
      const final = finalOf(heard);
      assert.deepEqual(
        [final['status'], final['incomplete_details'], final['usage']],
        [
          status,
          incomplete,
          {
            input_tokens: 10,
            input_tokens_details: { cached_tokens: 8, cache_write_tokens: 0 },
            output_tokens: 5,
            output_tokens_details: { reasoning_tokens: 2 },
            total_tokens: 15,
          },
        ],
      );
      assert.deepEqual(plain(await whole(service, key, body)), plain(final), 'the whole answer is the same');
    });
});

test('the response object tells back what was asked, and what was not asked as it is', async (context) => {
  const { service, key } = await start(context, { type: 'text', text: 'ja' }, STOP);
  const tools = [
    { type: 'function', name: 'f', parameters: { type: 'object' }, strict: false, later: 1 },
    { type: 'web_search' },
  ];
  const told = {
    instructions: 'be short',
    max_output_tokens: 100,
    max_tool_calls: 3,
    metadata: { a: 'b' },
    parallel_tool_calls: false,
    prompt_cache_key: 'k',
    safety_identifier: 's',
    service_tier: 'flex',
    temperature: 0.5,
    text: { format: { type: 'json_object' }, verbosity: 'low' },
    tool_choice: { type: 'function', name: 'f' },
    tools,
    top_logprobs: 2,
    top_p: 0.9,
    truncation: 'auto',
    user: 'u',
  };
  const { output: _output, ...asked } = plain(
    await whole(service, key, { ...ASK, ...told, reasoning: { effort: 'high', summary: 'concise' }, later: true }),
  );
  const same = {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    completed_at: 1,
    background: false,
    previous_response_id: null,
    model: 'm',
    status: 'completed',
    error: null,
    incomplete_details: null,
    store: false,
    usage: null,
  };
  assert.deepEqual(asked, { ...same, ...told, reasoning: { effort: 'high', summary: 'concise' } });
  const { output: _items, ...unasked } = plain(await whole(service, key, ASK));
  assert.deepEqual(unasked, {
    ...same,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    metadata: {},
    parallel_tool_calls: true,
    prompt_cache_key: null,
    reasoning: { effort: null, summary: null },
    safety_identifier: null,
    service_tier: 'default',
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_logprobs: 0,
    top_p: 1,
    truncation: 'disabled',
    user: null,
  });
});

test('log-probabilities of the text come with it, whether the engine tells them before it or after', async (context) => {
  const token = (text: string, bytes: readonly number[] | null = null) => ({
    token: text,
    logprob: -0.5,
    bytes,
    top: [],
  });
  const { service, key } = await start(
    context,
    { type: 'logprobs', tokens: [token('hm')] },
    { type: 'reasoning', text: 'hm' },
    {
      type: 'logprobs',
      tokens: [token('</think>'), { ...token('y', [121]), top: [{ token: 'n', logprob: -2, bytes: null }] }],
    },
    { type: 'text', text: 'y' },
    { type: 'text', text: 'es' },
    { type: 'logprobs', tokens: [token('es')] },
    STOP,
  );
  const events = await stream(service, key, { ...ASK, include: ['message.output_text.logprobs'], top_logprobs: 1 });
  const y = { token: 'y', bytes: [121], logprob: -0.5, top_logprobs: [{ token: 'n', bytes: [110], logprob: -2 }] };
  const es = { token: 'es', bytes: [101, 115], logprob: -0.5, top_logprobs: [] };
  const told = events
    .filter(({ type }) => String(type).startsWith('response.output_text.'))
    .map(({ type, logprobs }) => [type, logprobs]);
  assert.deepEqual(told, [
    ['response.output_text.delta', [y]],
    ['response.output_text.delta', []],
    ['response.output_text.done', [y, es]],
  ]);
  assert.equal(service.asked[0]?.request.logprobs, 1);
});
