// Shows what of a Messages request becomes ours, what is ignored, and how a mistake is told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import { call, callJson } from '../http.ts';
import { ASK, PATH, start, type Started } from './stream.ts';

type Context = Parameters<typeof start>[0];

const begin = (context: Context) => start(context, { type: 'text', text: 'a' }, { type: 'finish', reason: 'stop' });

/** What the engine is asked for. */
async function ask({ service, key }: Started, changes: object, headers: Record<string, string> = {}) {
  const { status, text } = await call(service, 'POST', PATH, { key, headers, json: { ...ASK, ...changes } });
  assert.equal(status, 200, text);
  const asked = service.asked.at(-1)?.request;
  assert.ok(asked !== undefined);
  return asked;
}

const SAYS_HI: ChatRequest = { model: 'm', maxTokens: 100, messages: [{ role: 'user', content: 'hi' }] };
const TOOL = { name: 'bash', description: 'runs', input_schema: { type: 'object', properties: {} } };
const text = (text: string) => ({ type: 'text', text });

test('a request of Claude Code becomes ours, and what it says of itself is ignored', async (context) => {
  const started = await begin(context);
  const cached = { cache_control: { type: 'ephemeral', ttl: '1h' } };
  const asked = await ask(
    started,
    {
      max_tokens: 32000,
      system: [
        text('x-anthropic-billing-header: cc_version=2.1.330; cch=abc;'),
        { ...text('You are good.'), ...cached },
        { ...text('Be brief.'), ...cached },
      ],
      messages: [
        { role: 'user', content: [text('<system-reminder>now</system-reminder>'), { ...text('Look.'), ...cached }] },
        { role: 'system', content: 'Tools have changed.' },
        { role: 'system', content: [text('So'), text('have you.')] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 'anything' },
            { type: 'redacted_thinking', data: 'xyz' },
            text('I '),
            text('look.'),
            { type: 'tool_use', id: 'b', name: 'bash', input: { command: 'ls' }, caller: { type: 'direct' } },
            { type: 'tool_use', id: 'a', name: 'read' },
          ],
        },
        {
          role: 'user',
          content: [
            text('Here.'),
            { type: 'tool_result', tool_use_id: 'a', is_error: true, content: [text('no'), text('such file')] },
            { type: 'tool_result', tool_use_id: 'x', content: 'nobody asked' },
            { type: 'tool_result', tool_use_id: 'b', is_error: false, ...cached },
            text('Go on.'),
          ],
        },
        { role: 'assistant', content: 'So ' },
      ],
      tools: [
        { ...TOOL, eager_input_streaming: true, strict: true, defer_loading: true, ...cached },
        { type: 'custom', name: 'read', input_schema: { properties: {} } },
        { type: 'web_search_20250305', name: 'web_search', max_uses: 5 },
        { type: 'bash_20250124', name: 'bash' },
      ],
      thinking: { type: 'adaptive', display: 'omitted' },
      output_config: { effort: 'high' },
      metadata: { user_id: '{"session_id":"s1"}' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      betas: ['claude-code-20250219'],
      service_tier: 'auto',
      mcp_servers: [],
      container: null,
    },
    { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'claude-code-20250219,effort-2025-11-24' },
  );
  assert.deepEqual(asked, {
    model: 'm',
    messages: [
      { role: 'system', content: 'You are good.\n\nBe brief.' },
      {
        role: 'user',
        content: [
          '<system-reminder>now</system-reminder>\nLook.',
          '<system>\nTools have changed.\n</system>',
          '<system>\nSo\n\nhave you.\n</system>',
        ].join('\n\n'),
      },
      {
        role: 'assistant',
        content: 'I look.',
        reasoning: 'hm',
        toolCalls: [
          { id: 'b', name: 'bash', arguments: '{"command":"ls"}' },
          { id: 'a', name: 'read', arguments: '{}' },
        ],
      },
      { role: 'tool', callId: 'b', content: '' },
      { role: 'tool', callId: 'a', content: 'no\nsuch file', isError: true },
      {
        role: 'user',
        content: 'The result of a tool, whose call is not shown:\nnobody asked\n\nHere.\nGo on.',
      },
      { role: 'assistant', content: 'So ' },
    ],
    tools: [
      { name: 'bash', description: 'runs', parameters: { type: 'object', properties: {} } },
      { name: 'read', description: '', parameters: { type: 'object', properties: {} } },
    ],
    maxTokens: 32000,
    thinking: { effort: 'high' },
    affinity: '{"session_id":"s1"}',
  } satisfies ChatRequest);
});

test('every field that means something to an engine reaches it', async (context) => {
  const started = await begin(context);
  const asked = await ask(
    started,
    {
      system: 'x-anthropic-billing-header: cch=abc;\n\nBe good.\nx-anthropic-billing-header: no',
      stop_sequences: ['END', ''],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      thinking: { type: 'enabled', budget_tokens: 2048 },
      output_config: { effort: 'max', format: { type: 'json_schema', schema: { type: 'object' } } },
      metadata: { user_id: 'somebody' },
      stream: false,
    },
    { 'x-claude-code-session-id': 's2' },
  );
  assert.deepEqual(asked, {
    ...SAYS_HI,
    messages: [{ role: 'system', content: 'Be good.\nx-anthropic-billing-header: no' }, ...SAYS_HI.messages],
    stop: ['END'],
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    thinking: { enabled: true, budgetTokens: 2048, effort: 'xhigh' },
    responseFormat: { type: 'json_schema', name: 'answer', schema: { type: 'object' } },
    affinity: 's2',
  } satisfies ChatRequest);
});

test('what is null, of a wrong kind where nothing hangs on it, or empty, is as if it was not there', async (context) => {
  const started = await begin(context);
  const asked = await ask(started, {
    system: [],
    tools: [],
    tool_choice: null,
    stop_sequences: [],
    temperature: null,
    top_k: null,
    thinking: 'please',
    output_config: { effort: 7, format: null },
    metadata: [1],
    stream: null,
  });
  assert.deepEqual(asked, SAYS_HI);
  assert.deepEqual(await ask(started, { thinking: { type: 'between_tools', budget_tokens: 'x' } }), SAYS_HI);
  assert.deepEqual(await ask(started, { thinking: { type: 'disabled' }, output_config: { effort: 'low' } }), {
    ...SAYS_HI,
    thinking: { enabled: false },
  });
  assert.deepEqual(await ask(started, { output_format: { type: 'json_schema', schema: {} } }), {
    ...SAYS_HI,
    responseFormat: { type: 'json_schema', name: 'answer', schema: {} },
  });
});

test('a choice of tools, one call at a time if so wished', async (context) => {
  const started = await begin(context);
  const choose = async (tool_choice: object) => {
    const { tools, ...rest } = await ask(started, { tools: [TOOL], tool_choice });
    assert.equal(tools?.length, 1);
    return rest;
  };
  assert.deepEqual(await choose({ type: 'auto' }), { ...SAYS_HI, toolChoice: 'auto' });
  assert.deepEqual(await choose({ type: 'any', disable_parallel_tool_use: true }), {
    ...SAYS_HI,
    toolChoice: 'required',
    parallelToolCalls: false,
  });
  assert.deepEqual(await choose({ type: 'tool', name: 'bash', disable_parallel_tool_use: false }), {
    ...SAYS_HI,
    toolChoice: { name: 'bash' },
  });
  assert.deepEqual(await choose({ type: 'none' }), { ...SAYS_HI, toolChoice: 'none' });
});

test('tools come and go in the middle of a conversation, and notes are gone with the next turn of the user', async (context) => {
  const started = await begin(context);
  const user = { role: 'user', content: 'hi' };
  const change = (type: string, tool: object) => ({ type, tool });
  const added = { type: 'tool_definition', definition: { name: 'late', input_schema: {} } };
  const named = (name: string) => ({ type: 'tool_reference', name });
  const asked = await ask(started, {
    tools: [TOOL, { name: 'read', input_schema: {} }, { type: 'web_search_20250305', name: 'web_search' }],
    messages: [
      user,
      { role: 'system', content: [change('tool_addition', added), change('tool_removal', named('read'))] },
      { role: 'system', clear_at: 'next_user_message', content: 'gone' },
      user,
      { role: 'system', clear_at: 'next_user_message', content: 'stays' },
      { role: 'system', content: [change('tool_removal', named('bash')), change('tool_addition', named('read'))] },
      { role: 'system', content: [change('tool_addition', { type: 'mcp_toolset_reference', name: 'x' })] },
      { role: 'system', output_config: { effort: 'low' } },
    ],
  });
  const parameters = { type: 'object' };
  assert.deepEqual(asked, {
    ...SAYS_HI,
    messages: [{ role: 'user', content: 'hi\n\nhi\n\n<system>\nstays\n</system>' }],
    tools: [
      { name: 'late', description: '', parameters },
      { name: 'read', description: '', parameters },
    ],
  });
});

test('a conversation that only the server would know is refused with what clients need to send all of it', async (context) => {
  const { service, key } = await begin(context);
  for (const thread of [{ type: 'create' }, { type: 'continue', previous_message_id: 'msg_1' }]) {
    const answer = await callJson<{ error: object }>(service, 'POST', PATH, { key, json: { ...ASK, thread } });
    assert.deepEqual(
      [answer.status, answer.body.error],
      [
        400,
        {
          type: 'invalid_request_error',
          message: 'thread: no conversation is held here: send all of its messages, without a thread',
          details: { error_code: 'thread_unsupported_request', unsupported: [] },
        },
      ],
    );
  }
  assert.equal(service.asked.length, 0);
  assert.equal((await call(service, 'POST', PATH, { key, json: { ...ASK, thread: null } })).status, 200);
});

describe('of the content of a turn', () => {
  const turn = async (context: Context, role: string, content: unknown) =>
    (await ask(await begin(context), { messages: [{ role, content }] })).messages;
  const result = async (context: Context, content: unknown) => {
    const call = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'bash' }] };
    const answer = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content }] };
    return (await ask(await begin(context), { messages: [call, answer] })).messages.slice(1);
  };

  test('images stay, with the text around them', async (context) => {
    const content = [
      text('What is this?'),
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
      text(''),
      { type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } },
    ];
    assert.deepEqual(await turn(context, 'user', content), [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image', url: 'data:image/png;base64,AA==' },
          { type: 'image', url: 'https://example.org/a.png' },
        ],
      },
    ]);
  });

  test('images in the result of a tool stay there', async (context) => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } };
    assert.deepEqual(await result(context, [image]), [
      { role: 'tool', callId: 'a', content: [{ type: 'image', url: 'data:image/png;base64,AA==' }] },
    ]);
  });

  test('documents, search results and unknown blocks give their text', async (context) => {
    const content = [
      { type: 'document', title: 'A', source: { type: 'text', media_type: 'text/plain', data: 'one' } },
      { type: 'document', source: { type: 'content', content: [text('two'), text('three')] } },
      { type: 'document', title: 'B.pdf', source: { type: 'base64', media_type: 'application/pdf', data: 'AA' } },
      { type: 'search_result', title: 'C', source: 'https://c', content: [text('four')] },
      { type: 'compaction', content: 'five' },
      { type: 'of_tomorrow', content: [{ type: 'x', content: [text('six')] }, 'seven'] },
      { type: 'container_upload', file_id: 'f' },
      { type: 'tool_reference', tool_name: 'bash' },
    ];
    const said = [
      'A\none',
      'two\nthree',
      '[A document named "B.pdf" is left out here: only its text could be read.]',
      'C\nhttps://c\nfour',
      'five',
      'six',
      'The tool bash can be called.',
    ].join('\n');
    assert.deepEqual(await turn(context, 'user', content), [{ role: 'user', content: said }]);
    assert.deepEqual(await result(context, content), [{ role: 'tool', callId: 'a', content: said }]);
  });

  test('calls of servers and their results leave only text', async (context) => {
    const content = [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [{ type: 'web_search_result', url: 'u' }] },
      text('found'),
    ];
    assert.deepEqual(await turn(context, 'assistant', content), [{ role: 'assistant', content: 'found' }]);
  });

  test('a turn of nothing that we keep is still a turn', async (context) => {
    const redacted = [{ type: 'redacted_thinking', data: 'x' }];
    assert.deepEqual(await turn(context, 'assistant', redacted), [{ role: 'assistant', content: '' }]);
    assert.deepEqual(await turn(context, 'user', ''), [{ role: 'user', content: '' }]);
    assert.deepEqual(await turn(context, 'user', []), [{ role: 'user', content: '' }]);
  });
});

test('thinking that was not shown comes back with its signature; that of others is unknown', async (context) => {
  const hidden = `caisson.${Buffer.from('hm, ö').toString('base64url')}`;
  const started = await begin(context);
  const thinkingOf = async (...signatures: readonly string[]) => {
    const content = signatures.map((signature) => ({ type: 'thinking', thinking: '', signature }));
    return (await ask(started, { messages: [{ role: 'assistant', content }] })).messages;
  };
  assert.deepEqual(await thinkingOf(hidden, hidden), [{ role: 'assistant', content: '', reasoning: 'hm, ö\nhm, ö' }]);
  assert.deepEqual(await thinkingOf('EqQBCgIYAhIM', 'caisson'), [{ role: 'assistant', content: '' }]);
});

test('a mistake is told with its field, in the shape of Anthropic', async (context) => {
  const { service, key } = await begin(context);
  const told = async (changes: object) => {
    const json = { ...ASK, ...changes };
    const answer = await callJson<{ type: string; error: object; request_id: string }>(service, 'POST', PATH, {
      key,
      json,
    });
    const { error, request_id: id, ...rest } = answer.body;
    assert.deepEqual([answer.status, rest, id], [400, { type: 'error' }, answer.headers['request-id']]);
    const { type, message, ...others } = error as { type: string; message: string };
    assert.deepEqual([type, others], ['invalid_request_error', {}]);
    return message;
  };
  const user = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });
  assert.deepEqual(
    [
      await told({ model: '' }),
      await told({ messages: [] }),
      await told({ messages: [{ role: 'robot', content: 'x' }] }),
      await told({ messages: [{ role: 'user', content: 7 }] }),
      await told(user(text('x'), { type: 'text' })),
      await told(user('x')),
      await told(user({ type: 'image', source: { type: 'file', file_id: 'f' } })),
      await told(user({ type: 'tool_result', content: 'x' })),
      await told(user({ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 1 }] })),
      await told({ tools: [{ name: 'x', input_schema: { type: 'string' } }] }),
      await told({ tools: [TOOL, { name: 'x' }] }),
      await told({ tool_choice: { type: 'maybe' } }),
      await told({ tools: [TOOL], tool_choice: { type: 'tool', name: 'web_search' } }),
      await told({ output_config: { format: { type: 'xml', schema: {} } } }),
      await told({ temperature: -1 }),
      await told({ max_tokens: 0 }),
    ],
    [
      'model: Too small: expected string to have >=1 characters',
      'messages: Too small: expected array to have >=1 items',
      'messages[0].role: expected the role user, assistant or system',
      'messages[0].content: expected text or a list of content blocks',
      'messages[0].content[1].text: Invalid input: expected string, received undefined',
      'messages[0].content[0]: Invalid input: expected object, received string',
      'messages[0].content[0].source.type: expected a source of type base64 or url',
      'messages[0].content[0].tool_use_id: Invalid input: expected string, received undefined',
      'messages[0].content[0].content[0].text: Invalid input: expected string, received number',
      'tools[0].input_schema: expected a JSON schema of type object',
      'tools[1].input_schema: expected a JSON schema of type object',
      'tool_choice.type: expected the type auto, any, tool or none',
      'tool_choice.name: there is no tool "web_search" to choose',
      'output_config.format.type: expected the type json_schema',
      'temperature: Too small: expected number to be >=0',
      'max_tokens: Too small: expected number to be >=1',
    ],
  );
  assert.equal(service.asked.length, 0);
});
