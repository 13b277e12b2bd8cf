// Shows which texts the grammars of calls and schemas let through, by a small reader of GBNF, and which they do not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatRequest, ToolDefinition } from '../../../../src/contracts/messages.ts';
import type { ModelProfile } from '../../../../src/contracts/model-profile.ts';
import { answerGrammar } from '../../../../src/backends/llama/grammar/answer.ts';
import { createJsonRules } from '../../../../src/backends/llama/grammar/json-schema.ts';
import { createRules } from '../../../../src/backends/llama/grammar/rules.ts';
import type { JsonObject } from '../../../../src/base/json.ts';
import { accepts } from './gbnf.ts';

const NEMOTRON: ModelProfile = {
  name: 'test',
  templateArguments: {},
  thinksByDefault: true,
  output: {
    startsInsideThinking: true,
    thinkingStart: '<think>',
    thinkingEnd: '</think>',
    toolCalls: 'xml',
    stopTexts: [],
    stopTokenIds: [],
  },
  sampling: { thinking: {}, toolCalls: {}, text: {} },
};
const JSON_CALLS: ModelProfile = {
  ...NEMOTRON,
  output: { ...NEMOTRON.output, toolCalls: 'json', startsInsideThinking: false },
};
const BASH: ToolDefinition = {
  name: 'bash',
  description: '',
  parameters: {
    type: 'object',
    properties: { command: { type: 'string' }, timeout: { type: 'integer' } },
    required: ['command'],
  },
};
const PING: ToolDefinition = { name: 'ping', description: '', parameters: { type: 'object' } };

function grammar(more: Partial<ChatRequest>, profile = NEMOTRON, opensThinking = false): string | undefined {
  return answerGrammar({ model: 'm', messages: [], tools: [BASH, PING], ...more }, profile, opensThinking);
}

function lets(text: string | undefined, wanted: Readonly<Record<string, boolean>>): void {
  const found = Object.fromEntries(Object.keys(wanted).map((one) => [one, accepts(text ?? assert.fail(), one)]));
  assert.deepEqual(found, wanted);
}

const xml = (name: string, inner: string) => `<tool_call>\n<function=${name}>\n${inner}</function>\n</tool_call>`;
const parameter = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;

test('a model is free where nothing is asked of the form, and where its way to write a call is not known', () => {
  const none: ModelProfile = { ...NEMOTRON, output: { ...NEMOTRON.output, toolCalls: 'none' } };
  const asked = [
    grammar({}),
    grammar({ toolChoice: 'auto' }),
    grammar({ toolChoice: 'none' }),
    grammar({ toolChoice: 'required' }, none),
    grammar({ toolChoice: 'required', tools: [] }),
    grammar({ toolChoice: { name: 'other' } }),
    grammar({ responseFormat: { type: 'text' } }),
  ];
  assert.deepEqual(
    asked,
    asked.map(() => undefined),
  );
});

test('a required call is one or more whole calls in XML, of the tools that there are, and nothing else', () => {
  const ls = xml('bash', parameter('command', 'ls'));
  lets(grammar({ toolChoice: 'required' }), {
    [ls]: true,
    [xml('ping', '')]: true,
    [`${ls}\n${xml('ping', '')}`]: true,
    [xml('bash', parameter('command', 'cat <<E\n</parameter> <b>\nE\n') + parameter('timeout', '-7'))]: true,
    [xml('bash', parameter('command', ''))]: true,
    'I would rather talk.': false,
    [`${ls} and more`]: false,
    [xml('bash', '')]: false,
    [xml('bash', parameter('timeout', '7') + parameter('command', 'ls'))]: false,
    [xml('bash', parameter('command', 'ls') + parameter('timeout', 'long'))]: false,
    [xml('other', '')]: false,
    [ls.slice(0, -3)]: false,
    '': false,
  });
});

test('a named tool is the only one, and without parallel calls there is one', () => {
  const ls = xml('bash', parameter('command', 'ls'));
  lets(grammar({ toolChoice: { name: 'bash' }, parallelToolCalls: false }), {
    [ls]: true,
    [xml('ping', '')]: false,
    [`${ls}\n${ls}`]: false,
  });
});

test('calls in JSON have the name and the arguments of their schema', () => {
  lets(grammar({ toolChoice: 'required' }, JSON_CALLS), {
    '<tool_call>\n{"name": "bash", "arguments": {"command": "ls \\"x\\" \\u00e4", "timeout": 3}}\n</tool_call>': true,
    '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>': true,
    '<tool_call>\n{"name": "bash", "arguments": {"timeout": 3}}\n</tool_call>': false,
    '<tool_call>\n{"name": "bash", "arguments": {"command": 3}}\n</tool_call>': false,
  });
});

test('thinking that is open ends before the call; one that may begin does so; one that is switched off does not', () => {
  const ls = xml('bash', parameter('command', 'ls'));
  const toolChoice = 'required';
  lets(grammar({ toolChoice }, NEMOTRON, true), {
    [`I think <b> </thin\n</think>\n\n${ls}`]: true,
    [ls]: false,
    [`</think>${ls}`]: true,
    [`no end ${ls}`]: false,
  });
  const call = '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>';
  lets(grammar({ toolChoice }, JSON_CALLS), { [call]: true, [`<think>so</think>\n${call}`]: true });
  lets(grammar({ toolChoice, thinking: { enabled: false } }, JSON_CALLS), {
    [call]: true,
    [`<think>so</think>\n${call}`]: false,
  });
});

test('an answer of a form may be that form or a call, where calls are left to the model', () => {
  const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
  const responseFormat = { type: 'json_schema', name: 'x', schema } as const;
  lets(grammar({ responseFormat }), { '{"ok":true}': true, [xml('ping', '')]: true, '{"ok":1}': false, yes: false });
  lets(grammar({ responseFormat, toolChoice: 'none' }), { '{"ok": false}': true, [xml('ping', '')]: false });
  lets(grammar({ responseFormat: { type: 'json' }, tools: [] }), { '{"a": [1, null]}': true, '[]': false });
});

/** By schema: texts that it lets through, and texts that it does not. */
const SCHEMAS: readonly (readonly [schema: JsonObject, yes: readonly string[], no: readonly string[]])[] = [
  [{ type: 'string' }, ['"a b"', '""', '"\\n\\u12aF"'], ['"a', 'a', '"\n"', '"\\x"']],
  [{ type: 'integer' }, ['0', '-12'], ['01', '1.5', '+1', '']],
  [{ type: 'number' }, ['1.5', '-2e10', '3E-2'], ['.5', '1.', 'NaN']],
  [{ type: ['boolean', 'null'] }, ['true', 'null'], ['"true"', '0']],
  [{ enum: ['a', 1, null, { b: [] }] }, ['"a"', '1', 'null', '{"b":[]}'], ['a', '2']],
  [{ const: 'x"y' }, ['"x\\"y"'], ['"x"']],
  [{ type: 'array', items: { type: 'integer' } }, ['[]', '[1]', '[1, 2,3]'], ['[a]', '[1,]', '1']],
  [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, ['1', '"1"'], ['true']],
  [{}, ['1', '{"a": {"b": [true]}}', '"x"'], ['', 'x', '{a:1}']],
  [{ type: 'object' }, ['{}', '{"x": 1, "y": "z"}'], ['[]', '{"x"}']],
  [
    { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' }, c: {} }, required: ['b'] },
    ['{"b":1}', '{"a": 1, "b": 2}', '{"b":2,"c":[]}', '{"a":1,"b":2,"c":{}}'],
    ['{}', '{"a":1}', '{"b":1,"a":2}', '{"b":1,}', '{,"b":1}'],
  ],
  [
    {
      type: 'object',
      properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
      required: ['next'],
      $defs: {
        node: {
          type: 'object',
          properties: { v: { type: 'integer' }, next: { $ref: '#/$defs/node' } },
          required: ['v'],
        },
      },
    },
    ['{"next":null}', '{"next":{"v":1,"next":{"v":2}}}'],
    ['{"next":{}}', '{"next":{"v":1,"next":{}}}'],
  ],
  [{ $ref: '#/nowhere' }, ['1', '{}'], ['x']],
];

for (const [schema, yes, no] of SCHEMAS) {
  test(`JSON of the schema ${JSON.stringify(schema).slice(0, 100)}`, () => {
    const rules = createRules();
    const text = rules.write(createJsonRules(rules, schema).value(schema));
    const all = [...yes.map((one) => [one, true] as const), ...no.map((one) => [one, false] as const)];
    lets(text, Object.fromEntries(all));
  });
}

test('a schema with thousands of fields, or nested thousands deep, becomes a small grammar of any JSON', () => {
  const fields = Array.from({ length: 20_000 }, (_, at) => [`f${at}`, { type: 'array', items: { type: 'string' } }]);
  const wide: JsonObject = { type: 'object', properties: Object.fromEntries(fields) as JsonObject };
  let deep: JsonObject = { type: 'string' };
  for (let depth = 0; depth < 5000; depth += 1) deep = { type: 'array', items: deep };
  for (const schema of [wide, deep]) {
    const rules = createRules();
    const text = rules.write(createJsonRules(rules, schema).value(schema));
    assert.ok(text.length < 10_000, String(text.length));
  }
});
