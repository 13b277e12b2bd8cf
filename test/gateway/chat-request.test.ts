// Shows what of a chat request becomes ours, what is ignored, and how a mistake is told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, callJson } from './http.ts';
import { says, startService } from './service.ts';

const PATH = '/v1/chat/completions';
const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

async function start(context: Parameters<typeof startService>[0]) {
  const model = says({ type: 'text', text: 'a' }, { type: 'finish', reason: 'stop' });
  const service = await startService(context, { model });
  return { service, key: await service.key(['client']) };
}

describe('of the request', () => {
  test('everything known becomes ours, unknown fields are for the engine as they are, and nulls are nothing', async (context) => {
    const { service, key } = await start(context);
    const json = {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be good.' },
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'brief.' },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?', cache_control: {} },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'low' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          reasoning_content: 'hm',
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'bash', arguments: '{"broken' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'out' }], name: 'bash' },
        { role: 'assistant', content: 'done', tool_calls: [], refusal: null },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'bash', description: 'runs', parameters: { type: 'object' }, strict: false },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'bash' } },
      temperature: 0.5,
      top_p: 0.9,
      max_tokens: 100,
      max_completion_tokens: 200,
      stop: 'END',
      seed: 7,
      n: 1,
      presence_penalty: null,
      store: false,
      reasoning_effort: 'high',
      prompt_cache_key: 'conversation',
      client_metadata: { anything: [1, 2] },
    };
    assert.equal((await call(service, 'POST', PATH, { key, json })).status, 200);
    assert.deepEqual(service.asked[0]?.request, {
      model: 'm',
      messages: [
        { role: 'system', content: 'Be good.\n\nBe brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image', url: 'data:image/png;base64,AA' },
          ],
        },
        {
          role: 'assistant',
          content: '',
          reasoning: 'hm',
          toolCalls: [{ id: 'c1', name: 'bash', arguments: '{"broken' }],
        },
        { role: 'tool', callId: 'c1', content: 'out' },
        { role: 'assistant', content: 'done' },
      ],
      tools: [{ name: 'bash', description: 'runs', parameters: { type: 'object' }, strict: false }],
      toolChoice: { name: 'bash' },
      temperature: 0.5,
      topP: 0.9,
      maxTokens: 200,
      stop: ['END'],
      seed: 7,
      thinking: { effort: 'high' },
      extra: { store: false, client_metadata: { anything: [1, 2] } },
      affinity: 'conversation',
    });
  });

  test('an empty list of tools is none, and a header may name the conversation', async (context) => {
    const { service, key } = await start(context);
    const json = { ...CHAT, tools: [], tool_choice: null, stop: null, stream: null };
    await call(service, 'POST', PATH, { key, json, headers: { 'x-session-id': 's1' } });
    assert.deepEqual(service.asked[0]?.request, {
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
      affinity: 's1',
    });
  });

  test('a mistake is told with its field, in the shape of OpenAI', async (context) => {
    const { service, key } = await start(context);
    const told = async (changes: object) => {
      const { status, body } = await callJson<{ error: { param: string; message: string; type: string } }>(
        service,
        'POST',
        PATH,
        { key, json: { ...CHAT, ...changes } },
      );
      assert.deepEqual([status, body.error.type], [400, 'invalid_request_error']);
      return [body.error.param, body.error.message];
    };
    const roles = 'expected a message with the role system, developer, user, assistant or tool';
    assert.deepEqual(
      [
        await told({ model: '' }),
        await told({ messages: [] }),
        await told({ messages: [{ role: 'robot', content: 'x' }] }),
        await told({ messages: [{ role: 'user', content: [{ text: 'a' }] }] }),
        await told({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }),
        await told({ tools: [{ type: 'poem', function: { name: 'x' } }] }),
        await told({ tool_choice: 'maybe' }),
        await told({ tool_choice: { type: 'function', function: { name: 'x' } } }),
        await told({ functions: [{ name: 'f' }], function_call: { name: 'x' } }),
        await told({ response_format: { type: 'poem' } }),
        await told({ n: 17 }),
        await told({ temperature: -1 }),
        await told({ max_tokens: 0 }),
      ],
      [
        ['model', 'model: Too small: expected string to have >=1 characters'],
        ['messages', 'messages: Too small: expected array to have >=1 items'],
        ['messages[0].role', `messages[0].role: ${roles}`],
        ['messages[0].content', 'messages[0].content: expected text or a list of parts, each with a type'],
        ['messages[0].content[0].image_url', 'messages[0].content[0].image_url: expected an object with a url'],
        ['tools[0].type', 'tools[0].type: only tools of type function and custom are known here'],
        ['tool_choice', 'tool_choice: expected auto, none, required, a tool by name, or allowed_tools'],
        ['tool_choice', 'tool_choice: there is no tool with the name "x"'],
        ['function_call', 'function_call: there is no tool with the name "x"'],
        ['response_format.type', 'response_format.type: expected a format of type text, json_object or json_schema'],
        ['n', 'n: Too big: expected number to be <=16'],
        ['temperature', 'temperature: Too small: expected number to be >=0'],
        ['max_tokens', 'max_tokens: Too small: expected number to be >=1'],
      ],
    );
    assert.equal(service.asked.length, 0);
  });
});
