// Shows that no request, however it is spoilt, is more than refused: no other error, and nothing of another form for the engine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import type { ChatRequest, ContentPart } from '../../../src/contracts/messages.ts';
import { estimatePrompt } from '../../../src/gateway/messages/estimate.ts';
import { chatRequestOf } from '../../../src/gateway/messages/request.ts';
import { messagesBodySchema } from '../../../src/gateway/messages/schema.ts';
import { parseInput } from '../../../src/gateway/parse.ts';
import { call } from '../http.ts';
import { type Random, randomFrom } from './random.ts';
import { PATH, start } from './stream.ts';

const IN_MEMORY = 10_000;
const ON_THE_WIRE = 200;

const text = (text: string) => ({ type: 'text', text, cache_control: { type: 'ephemeral' } });
const GOOD = {
  model: 'm',
  max_tokens: 100,
  stream: false,
  system: [text('x-anthropic-billing-header: x'), text('Be good.')],
  messages: [
    { role: 'user', content: 'hi' },
    {
      role: 'system',
      clear_at: 'never',
      content: [text('note'), { type: 'tool_removal', tool: { type: 'tool_reference', name: 'x' } }],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: '', signature: 'caisson.aG0' },
        text('I look.'),
        { type: 'tool_use', id: 'a', name: 'bash', input: { command: ['ls'] } },
      ],
    },
    {
      role: 'user',
      content: [
        {
          type: 'tool_result',
          tool_use_id: 'a',
          is_error: true,
          content: [text('no'), { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } }],
        },
        { type: 'document', title: 'T', source: { type: 'content', content: [text('two')] } },
        { type: 'search_result', title: 'S', source: 'u', content: [text('three')] },
      ],
    },
  ],
  tools: [
    { name: 'bash', description: 'runs', input_schema: { type: 'object', properties: {} } },
    { type: 'web_search_20250305', name: 'web_search' },
  ],
  tool_choice: { type: 'tool', name: 'bash', disable_parallel_tool_use: true },
  stop_sequences: ['END'],
  temperature: 1,
  top_p: 1,
  top_k: 5,
  thinking: { type: 'enabled', budget_tokens: 1024, display: 'omitted' },
  output_config: { effort: 'high', format: { type: 'json_schema', schema: {} } },
  metadata: { user_id: 'u' },
};

const SPOILT: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  0.5,
  '',
  'x',
  'text',
  'tool_result',
  '\u0000\ud800',
  '__proto__',
  'x'.repeat(5000),
  [],
  [null],
  [[]],
  {},
  { type: 'text' },
  { type: 'tool_use', id: 'a', name: 'b' },
  { type: 'tool_result', tool_use_id: 'zzz', content: [{ type: 'other', text: 7 }] },
  { type: 'image', source: { type: 'url', url: '' } },
  { type: 'constructor' },
  JSON.parse('{"__proto__": {"type": "text"}, "type": "__proto__", "content": {"text": [1]}}') as unknown,
  { type: 'nested', content: [{ content: [{ content: [{ content: [[[{ text: 'deep' }]]] }] }] }] },
];

/** A copy with one to three of its values replaced, left out or doubled. */
function spoil(random: Random): unknown {
  const body: unknown = structuredClone(GOOD);
  for (let times = 1 + random(3); times > 0; times -= 1) spoilOne(body, random);
  return body;
}

function spoilOne(within: unknown, random: Random): void {
  if (typeof within !== 'object' || within === null) return;
  const values = within as Record<string, unknown>;
  const keys = Object.keys(values);
  const key = keys[random(keys.length)];
  if (key === undefined) return;
  const value = values[key];
  if (typeof value === 'object' && value !== null && random(4) > 0) return spoilOne(value, random);
  const way = random(5);
  if (way === 0) delete values[key];
  else if (way === 1 && Array.isArray(within)) within.push(value);
  else values[key] = SPOILT[random(SPOILT.length)];
}

const isText = (value: unknown) => typeof value === 'string';
const isPart = (part: ContentPart) => (part.type === 'text' ? isText(part.text) : isText(part.url));

function assertOurs({ model, messages, tools = [], stop = [] }: ChatRequest, seed: number): void {
  assert.ok(model !== '' && stop.every(isText), `seed ${seed}`);
  for (const { role, content } of messages) {
    assert.ok(['system', 'user', 'assistant', 'tool'].includes(role));
    assert.ok(typeof content === 'string' || content.every(isPart), `seed ${seed}`);
  }
  for (const { name, description, parameters } of tools)
    assert.ok(name !== '' && isText(description) && parameters['type'] === 'object', `seed ${seed}`);
  assert.ok(estimatePrompt({ messages, tools }) > 0, `seed ${seed}`);
}

test('in memory: it becomes a request of ours, or a refusal that names the field', () => {
  const seen = { ours: 0, refused: 0 };
  for (let seed = 1; seed <= IN_MEMORY; seed += 1) {
    const body = spoil(randomFrom(seed));
    try {
      assertOurs(chatRequestOf(parseInput(messagesBodySchema, body), undefined), seed);
      seen.ours += 1;
    } catch (error) {
      if (!(error instanceof CaissonError) || error.code !== 'invalid_input') throw error;
      assert.match(error.message, /^[a-z_]+(?:\[\d+\]|\.[a-z_]+)*: ./, `seed ${seed}`);
      seen.refused += 1;
    }
  }
  assert.ok(seen.ours > IN_MEMORY / 10 && seen.refused > IN_MEMORY / 10, JSON.stringify(seen));
});

test('on the wire: it is answered or refused, and nothing else', async (context) => {
  const { service, key } = await start(context, { type: 'text', text: 'a' }, { type: 'finish', reason: 'stop' });
  const seen = new Set<number>();
  for (let seed = 1; seed <= ON_THE_WIRE; seed += 1) {
    const path = seed % 2 === 0 ? PATH : `${PATH}/count_tokens`;
    const { status, text } = await call(service, 'POST', path, { key, json: spoil(randomFrom(seed)) });
    assert.ok(status === 200 || status === 400, `seed ${seed}: ${status} ${text}`);
    seen.add(status);
  }
  assert.equal(seen.size, 2);
});
