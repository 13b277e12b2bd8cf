// Shows what a model is asked for: the client's wishes first, then what its maker advises, and never more than it can hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellDialect } from '../../../../src/backends/triton/dialects.ts';
import { inferRequest } from '../../../../src/backends/triton/infer-request.ts';
import { type Around, wishOf } from '../../../../src/backends/triton/wish.ts';
import type { ChatRequest } from '../../../../src/contracts/messages.ts';
import type { ModelProfile } from '../../../../src/contracts/model-profile.ts';
import { BASH, failed, requestOf } from '../events.ts';

const PROFILE: ModelProfile = {
  name: 'nemotron',
  templateArguments: {},
  thinksByDefault: true,
  output: {
    startsInsideThinking: true,
    thinkingStart: '<think>',
    thinkingEnd: '</think>',
    toolCalls: 'xml',
    stopTexts: [],
    stopTokenIds: [2, 11],
  },
  sampling: {
    thinking: { temperature: 1, topP: 1, maxTokensAtLeast: 20_000 },
    toolCalls: { temperature: 0.6, topP: 0.95 },
    text: { temperature: 0 },
  },
};

const AROUND: Around = {
  prompt: 'p',
  promptTokens: undefined,
  contextTokens: undefined,
  stops: ['<|im_end|>'],
  opensThinking: false,
  canConstrain: true,
  profile: PROFILE,
};

const wish = (more: Partial<ChatRequest>, around: Partial<Around> = {}) =>
  wishOf(requestOf([{ role: 'user', content: 'hi' }], more), { ...AROUND, ...around });

const PLAIN = { prompt: 'p', stop: ['<|im_end|>'], stopTokenIds: [2, 11] };

test('the advice for tools, for thinking or for text counts where the client wishes nothing', () => {
  assert.deepEqual(
    [wish({ tools: [BASH] }, { opensThinking: true }), wish({}, { opensThinking: true }), wish({})],
    [
      { ...PLAIN, maxTokens: 16_384, temperature: 0.6, topP: 0.95 },
      { ...PLAIN, maxTokens: 20_000, temperature: 1, topP: 1 },
      { ...PLAIN, maxTokens: 16_384, temperature: 0 },
    ],
  );
  assert.deepEqual(wish({ temperature: 0.3, seed: 7, maxTokens: 9, stop: ['END'] }), {
    ...PLAIN,
    maxTokens: 9,
    temperature: 0.3,
    seed: 7,
    stop: ['<|im_end|>', 'END'],
  });
});

test('an answer has the room that the prompt leaves, and a prompt that leaves none is refused unsent', () => {
  const room = wish({ maxTokens: 500 }, { promptTokens: 900, contextTokens: 1000 });
  assert.deepEqual('maxTokens' in room && room.maxTokens, 100);
  const message = 'the prompt has 1000 tokens and the model holds 1000, with the answer';
  const full = { ...failed(message, false), code: 'context_exceeded' };
  assert.deepEqual(wish({}, { promptTokens: 1000, contextTokens: 1000 }), full);
});

test('a form of the answer is asked for where it can be kept, and refused where it cannot', () => {
  const schema = { type: 'object', required: ['a'] };
  const responseFormat = { type: 'json_schema', name: 'x', schema } as const;
  const refused = (message: string) => ({ ...failed(message, false), code: 'not_supported' });
  assert.deepEqual(
    [
      wish({ responseFormat }),
      wish({ responseFormat: { type: 'json' } }),
      wish({ responseFormat }, { canConstrain: false }),
      wish({ responseFormat }, { opensThinking: true }),
      wish({ logprobs: 0 }),
    ],
    [
      { ...PLAIN, maxTokens: 16_384, temperature: 0, schema },
      { ...PLAIN, maxTokens: 16_384, temperature: 0, schema: { type: 'object' } },
      refused('this engine cannot hold an answer to a schema'),
      refused('this engine cannot hold an answer to a schema while the model thinks'),
      refused('this engine gives no log-probabilities'),
    ],
  );
});

test('a request holds only inputs that the model has, in its types and its rank', () => {
  const datatypes = { text_input: 'BYTES', max_tokens: 'INT32', stop_words: 'BYTES', seed: 'UINT64', end_id: 'INT32' };
  const spoken = tellDialect(
    {
      platform: 'python',
      inputs: Object.entries(datatypes).map(([name, datatype]) => ({ name, datatype, shape: [-1, 1] })),
      outputs: [{ name: 'text_output', datatype: 'BYTES', shape: [-1] }],
    },
    { platform: '', backend: 'python', maxBatchSize: 8, input: [], parameters: {}, modelTransactionPolicy: null },
  );
  const asked = wish({ maxTokens: 3, stop: ['END'], seed: 7 });
  if ('problem' in spoken || 'type' in asked) throw new Error('it is no wish');
  const { inputs, rawInputContents, ...rest } = inferRequest('m', 'id', asked, spoken);
  assert.deepEqual(rest, {
    modelName: 'm',
    id: 'id',
    parameters: { triton_enable_empty_final_response: { boolParam: true } },
  });
  assert.deepEqual(
    inputs.map(({ name, datatype, shape }, at) => [name, datatype, shape, rawInputContents[at]?.length]),
    [
      ['text_input', 'BYTES', [1, 1], 5],
      ['max_tokens', 'INT32', [1, 1], 4],
      ['seed', 'UINT64', [1, 1], 8],
      ['stop_words', 'BYTES', [1, 2], 21],
      ['end_id', 'INT32', [1, 1], 4],
    ],
  );
});
