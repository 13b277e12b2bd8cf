// Shows which Responses requests are refused, and in which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callJson } from '../http.ts';
import type { Fields } from './checker.ts';
import { STOP } from './goldens.ts';
import { ASK, PATH, start } from './streams.ts';

const F = { type: 'function', name: 'f' };
const user = (content: string) => ({ role: 'user', content });
const result = (call_id: string, output: unknown) => ({ type: 'function_call_output', call_id, output });

interface Refusal {
  readonly body: object;
  readonly field: string;
  readonly words: RegExp;
  readonly status?: number;
}

const REFUSALS: readonly Refusal[] = [
  { body: { model: '' }, field: 'model', words: /model: / },
  { body: { input: 5 }, field: 'input', words: /input: expected text or a list of items/ },
  { body: { input: [] }, field: 'input', words: /nothing to answer to/ },
  {
    body: { input: [user('a'), { type: 'message', role: 'tool', content: '' }] },
    field: 'input[1].role',
    words: /role/,
  },
  { body: { input: [{ text: 'a' }] }, field: 'input[0].type', words: /expected an item with a type or a role/ },
  {
    body: { input: [{ type: 'function_call', name: 'f', arguments: '' }] },
    field: 'input[0].call_id',
    words: /call_id/,
  },
  { body: { input: [user('a'), result('x', '')] }, field: 'input[1].call_id', words: /no call "x" before this result/ },
  {
    body: { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
    field: 'input[0].content[0]',
    words: /files and sound are not taken here/,
  },
  {
    body: { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }] },
    field: 'input[0].content[0].image_url',
    words: /images by address/,
  },
  { body: { tools: [{ type: 'function' }] }, field: 'tools[0].name', words: /name/ },
  {
    body: { tools: [{ type: 'function', name: 'f', parameters: 'x' }] },
    field: 'tools[0].parameters',
    words: /parameters/,
  },
  { body: { tool_choice: 'required' }, field: 'tool_choice', words: /no tool that could be called/ },
  {
    body: { tools: [F], tool_choice: { type: 'function', name: 'h' } },
    field: 'tool_choice',
    words: /"h" is not among/,
  },
  { body: { tools: [F], tool_choice: { type: 'web_search' } }, field: 'tool_choice', words: /web_search tool/ },
  {
    body: { tools: [F], tool_choice: { type: 'allowed_tools', mode: 'required', tools: [] } },
    field: 'tool_choice',
    words: /none of the allowed tools/,
  },
  { body: { text: { format: { type: 'json_schema', name: 's' } } }, field: 'text.format.schema', words: /schema/ },
  { body: { text: { format: { type: 'xml' } } }, field: 'text.format.type', words: /expected a format/ },
  { body: { temperature: 3 }, field: 'temperature', words: /temperature/ },
  { body: { max_output_tokens: 0 }, field: 'max_output_tokens', words: /max_output_tokens/ },
  { body: { background: true }, field: 'background', words: /not made in the background/ },
  { body: { conversation: 'conv_1' }, field: 'conversation', words: /conversations are not kept/ },
  { body: { prompt: { id: 'p' } }, field: 'prompt', words: /prompt templates/ },
  {
    body: { previous_response_id: 'resp_1' },
    field: 'previous_response_id',
    words: /this service stores none/,
    status: 404,
  },
  {
    body: { input: [{ type: 'item_reference', id: 'msg_1' }] },
    field: 'input[0].id',
    words: /no item msg_1/,
    status: 404,
  },
];

test('what cannot be done is refused in words that name the field, and no engine is asked', async (context) => {
  const { service, key } = await start(context, STOP);
  for (const { body, field, words, status = 400 } of REFUSALS) {
    const json = { ...ASK, ...body, stream: true };
    const answer = await callJson<{ error: Fields }>(service, 'POST', PATH, { key, json });
    assert.equal(answer.status, status, `${field}: ${answer.text}`);
    const { message, ...rest } = answer.body.error;
    assert.match(String(message), words);
    const kind = status === 404 ? ['not_found_error', 'not_found'] : ['invalid_request_error', 'invalid_input'];
    assert.deepEqual(rest, { type: kind[0], param: field, code: kind[1] }, String(message));
  }
  assert.deepEqual(service.asked, []);
});
