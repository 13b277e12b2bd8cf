// Shows how replies become text, how stops are cut, how dialects are told, and what errors mean. Needs no Triton.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { createBreaker } from '../../../../src/backends/triton/breaker.ts';
import { tellDialect } from '../../../../src/backends/triton/dialects.ts';
import { failureOfStatus, failureOfWords } from '../../../../src/backends/triton/failure.ts';
import { createReplyReader } from '../../../../src/backends/triton/replies.ts';
import { createStopTexts } from '../../../../src/backends/text/stop-texts.ts';
import { createUnread } from '../../../../src/backends/text/unread.ts';
import type { InferReply, ModelConfig } from '../../../../src/backends/triton/wire/messages.ts';
import { encodeTensor, firstInteger, firstText } from '../../../../src/backends/triton/wire/tensors.ts';

const CONFIG: ModelConfig = {
  platform: '',
  backend: 'python',
  maxBatchSize: 0,
  input: [],
  parameters: {},
  modelTransactionPolicy: { decoupled: true },
};

function metadata(inputs: readonly string[], outputs: readonly string[] = ['text_output']) {
  const tensor = (name: string) => ({ name, datatype: name.startsWith('text') ? 'BYTES' : 'INT32', shape: [1] });
  return { platform: '', inputs: ['text_input', ...inputs].map(tensor), outputs: outputs.map(tensor) };
}

function told(inputs: readonly string[], config: Partial<ModelConfig> = {}) {
  const found = tellDialect(metadata(inputs), { ...CONFIG, ...config });
  if ('problem' in found) return found.problem;
  const { dialect, batched, streams, contextTokens } = found;
  return [dialect.name, dialect.text, batched, streams, contextTokens];
}

test('a dialect is told by the inputs of the model, its batch by its configuration', () => {
  const repeats = { parameters: { accumulate_tokens: { stringValue: 'true' }, max_seq_len: { stringValue: '4096' } } };
  assert.deepEqual(
    [
      told(['sampling_parameters']),
      told(['streaming'], { modelTransactionPolicy: null }),
      told(['sampling_param_max_tokens']),
      told(['max_tokens'], { maxBatchSize: 4 }),
      told(['max_tokens'], repeats),
    ],
    [
      ['vllm', 'new', false, true, undefined],
      ['tensorrt_llm_llmapi', 'so_far', false, false, undefined],
      ['tensorrt_llm_llmapi', 'so_far', false, true, undefined],
      ['tensorrt_llm', 'new', true, true, undefined],
      ['tensorrt_llm', 'so_far', false, true, 4096],
    ],
  );
});

test('a model that takes no text, or wants what nobody gives, is refused with what it wants', () => {
  assert.equal(told(['image']), 'takes text_input, image, which no dialect of a text model does');
  const input = [
    { name: 'max_tokens', optional: false },
    { name: 'prompt_table', optional: false },
  ];
  assert.equal(told(['max_tokens'], { input }), 'requires the input prompt_table, which nothing here gives');
});

function reply(text: string, count?: number, reason?: string): InferReply {
  const texts = { text_output: text, ...(reason === undefined ? {} : { finish_reason: reason }) };
  const outputs = Object.entries(texts).map(([name, value]) => ({ name, datatype: 'BYTES', value }));
  const counts = count === undefined ? [] : [{ name: 'num_output_tokens', datatype: 'UINT32', value: count }];
  const all = [...counts, ...outputs];
  return {
    id: '1',
    parameters: {},
    outputs: all.map(({ name, datatype }) => ({ name, datatype, shape: [1] })),
    rawOutputContents: all.map(({ datatype, value }) => encodeTensor(datatype, value) ?? Buffer.alloc(0)),
  };
}

function readerOf(inputs: readonly string[], maxTokens = 100) {
  const spoken = tellDialect(metadata(inputs), CONFIG);
  if ('problem' in spoken) throw new Error(spoken.problem);
  return createReplyReader(spoken.dialect, maxTokens);
}

describe('all text so far', () => {
  const read = (...texts: readonly string[]) => {
    const reader = readerOf(['streaming']);
    return [...texts.map((text) => reader.take(reply(text))), reader.rest(), reader.takenBack()];
  };
  test('gives what is new', () => {
    assert.deepEqual(read('a', 'ab', 'ab', 'abcd'), [
      { text: 'a' },
      { text: 'b' },
      { text: '' },
      { text: 'cd' },
      '',
      0,
    ]);
  });
  test('waits for a character that is not whole, and gives it as it is if nothing better comes', () => {
    assert.deepEqual(read('a\uFFFD', 'aé'), [{ text: 'a' }, { text: 'é' }, '', 0]);
    assert.deepEqual(read('a', 'ab\uFFFD'), [{ text: 'a' }, { text: 'b' }, '\uFFFD', 0]);
  });
  test('may take back its end, where a stop began', () => {
    assert.deepEqual(read('one ST', 'one '), [{ text: 'one ST' }, { text: '' }, '', 2]);
  });
  test('is refused when it says something else than before', () => {
    const problem = { problem: 'took back words that it had said' };
    assert.deepEqual(read('abc', 'abx', 'abcd').slice(0, 3), [{ text: 'abc' }, problem, { text: 'd' }]);
    assert.deepEqual(read('abc', 'xy').slice(1, 2), [problem]);
  });
  test('costs the same for each reply of a long answer', () => {
    const reader = readerOf(['streaming']);
    let whole = '';
    let given = 0;
    for (let count = 0; count < 3000; count += 1) {
      whole += `word ${count} `;
      const taken = reader.take(reply(whole));
      given += 'text' in taken ? taken.text.length : 0;
    }
    assert.equal(given, whole.length);
  });
});

test('counts are summed where each is of its reply, and the last one counts where they grow', () => {
  const total = (inputs: readonly string[], ...counts: readonly number[]) => {
    const reader = readerOf(inputs, 3);
    for (const count of counts) reader.take(reply('x', count));
    return reader.reason();
  };
  assert.deepEqual(
    [
      total(['max_tokens'], 1, 2, 3),
      total(['max_tokens'], 1, 1, 1),
      total(['max_tokens'], 1, 2),
      total(['max_tokens'], 1, 1),
    ],
    ['length', 'length', 'stop', 'stop'],
  );
  assert.equal(total(['sampling_parameters'], 1, 2), 'length');
});

test('the reason of the model goes before its counts, and "None" is none', () => {
  const reader = readerOf(['sampling_parameters'], 1);
  reader.take(reply('x', 1, 'None'));
  assert.equal(reader.reason(), 'length');
  for (const [said, meant] of [
    ['stop', 'stop'],
    ['length', 'length'],
    ['abort', 'abort'],
    ['cancelled', 'abort'],
  ]) {
    reader.take(reply('', 0, said));
    assert.equal(reader.reason(), meant);
  }
});

test('a stop is cut wherever the text is cut, and what only looks like one is given in the end', () => {
  const text = 'one STO two STOP three';
  for (let size = 1; size <= text.length; size += 1) {
    const stops = createStopTexts(['STOP', 'STAY']);
    let given = '';
    let hit: string | undefined;
    for (let at = 0; at < text.length && hit === undefined; at += size) {
      const part = stops.push(text.slice(at, at + size));
      given += part.text;
      hit = part.hit;
    }
    assert.deepEqual([given, hit], ['one STO two ', 'STOP']);
  }
  const stops = createStopTexts(['STOP', '']);
  assert.deepEqual([stops.push('a ST'), stops.rest()], [{ text: 'a ' }, 'ST']);
});

test('texts and numbers go into the datatype that the model names, or not at all', () => {
  assert.deepEqual(encodeTensor('BYTES', ['é', '']), Buffer.from([2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0]));
  assert.equal(firstText(encodeTensor('BYTES', 'é') ?? Buffer.alloc(0)), 'é');
  for (const datatype of ['INT32', 'UINT32', 'INT64', 'UINT64'])
    assert.equal(firstInteger(datatype, encodeTensor(datatype, 70_000) ?? Buffer.alloc(0)), 70_000);
  const none = [
    ['BOOL', 'true'],
    ['BYTES', 1],
    ['INT32', 0.5e10],
    ['UINT64', -1],
    ['FP16', 1],
    ['INT64', 0.5],
  ] as const;
  assert.deepEqual(
    none.map(([datatype, value]) => encodeTensor(datatype, value)),
    none.map(() => undefined),
  );
  assert.deepEqual([Buffer.alloc(3), Buffer.from([9, 0, 0, 0, 1])].map(firstText), [undefined, undefined]);
  assert.deepEqual(
    [firstInteger('INT64', Buffer.alloc(4)), firstInteger('FP32', Buffer.alloc(4))],
    [undefined, undefined],
  );
});

const WHERE = { address: 'grpc://t:8001', model: 'm', begun: false };

test('what Triton says has one meaning, and none of its words reach a client', () => {
  const cases = [
    ["Stub process 'm_0_0' is not healthy.", 'backend_unreachable', true, true],
    ["Request for unknown model: 'm' has no available versions", 'backend_unreachable', true, true],
    ["Request for unknown model: 'm' is not found", 'model_not_found', false, false],
    ["This protocol is restricted, expecting header 'triton-grpc-protocol-k'", 'backend_failed', false, false],
    [
      'Error generating stream: The decoder prompt (length 9) is longer than the maximum model length of 8.',
      'context_exceeded',
      false,
      false,
    ],
    ["This model's maximum context length is 8 tokens", 'context_exceeded', false, false],
    ['Prompt length (9) exceeds maximum input length (8).', 'context_exceeded', false, false],
    [
      "[request id: 1] unexpected shape for input 'x' for model 'm'. Expected [1], got [1,1].",
      'backend_failed',
      true,
      false,
    ],
    ['Exceeds maximum queue size', 'overloaded', true, false],
    ["Error generating stream: 'NoneType' object has no attribute 'lora_name'", 'invalid_input', false, false],
    ['Traceback (most recent call last):\n File "/opt/x.py"', 'backend_failed', true, false],
  ] as const;
  for (const [said, code, retryable, unsent] of cases) {
    const { event } = failureOfWords(said, WHERE);
    assert.deepEqual([event.code, event.retryable, event.unsent === true], [code, retryable, unsent], said);
    assert.ok(!event.message.includes(said) && !event.message.includes('/opt'), event.message);
    assert.equal(failureOfWords(said, { ...WHERE, begun: true }).event.unsent, undefined);
  }
});

test('the end of a call means what its status and its moment say', () => {
  const meaning = (code: status, details: string, begun: boolean) => {
    const error = Object.assign(new Error(details), { code, details }) as ServiceError;
    const { event } = failureOfStatus(error, { ...WHERE, begun });
    return [event.code, event.retryable, event.unsent === true];
  };
  const refused = 'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1.';
  assert.deepEqual(meaning(status.UNAVAILABLE, refused, false), ['backend_unreachable', true, true]);
  assert.deepEqual(meaning(status.UNAVAILABLE, 'Connection dropped', true), ['backend_failed', true, false]);
  assert.deepEqual(meaning(status.UNAVAILABLE, 'Connection dropped', false), ['backend_unreachable', true, false]);
  const pings = 'Bandwidth exhausted or memory limit exceeded';
  assert.deepEqual(meaning(status.RESOURCE_EXHAUSTED, pings, true), ['backend_failed', true, false]);
  const large = 'Received message larger than max (9 vs. 8)';
  assert.deepEqual(meaning(status.RESOURCE_EXHAUSTED, large, true), ['backend_failed', false, false]);
  assert.deepEqual(meaning(status.UNIMPLEMENTED, '', false), ['backend_garbage', false, false]);
});

test('text that is not read is joined and bounded, and its end comes last', async () => {
  const unread = createUnread<string>(5);
  assert.deepEqual([unread.add('ab'), unread.add('cde'), unread.add('f')], [true, true, false]);
  unread.end('first');
  unread.end('second');
  assert.deepEqual([await unread.take(), await unread.take()], [{ text: 'abcde' }, { end: 'first' }]);
  const cut = createUnread<string>(5);
  cut.add('ab');
  cut.cut('gone');
  assert.deepEqual(await cut.take(), { end: 'gone' });
  const waiting = createUnread<string>(5);
  setTimeout(() => waiting.add('x'), 5);
  assert.deepEqual(await waiting.take(), { text: 'x' });
});

test('of a broken model one request in five seconds finds out whether it works again', () => {
  let now = 0;
  const breaker = createBreaker({ monotonic: () => now });
  assert.equal(breaker.mayTry('m'), true);
  breaker.broke('m');
  assert.deepEqual([breaker.mayTry('m'), breaker.mayTry('other')], [false, true]);
  now = 5000;
  assert.deepEqual([breaker.mayTry('m'), breaker.mayTry('m')], [true, false]);
  breaker.worked('m');
  assert.equal(breaker.mayTry('m'), true);
});
