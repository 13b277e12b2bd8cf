// Owns tests of what the model is told of the tools, and of calls it gets wrong. Knows nothing beside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstMessages } from '../../../src/agent/prompt.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { readCall } from '../../../src/tools/read-call.ts';
import { toolDefinitions } from '../../../src/tools/definitions.ts';
import { TOOLS } from '../../../src/tools/registry.ts';

/** Those of a run without a network. */
const OFFLINE = TOOLS.filter(({ access, setsUp }) => access !== true && setsUp !== true);

function messageOf(name: string, text: string): string {
  const read = readCall(OFFLINE, { id: 'c', name, arguments: text }, LIMITS.toolArgumentBytes);
  return read.ok ? 'read' : read.message;
}

test('there are six tools, one more with a network, in a fixed order, and with the system text they cost at most 6 kB', () => {
  const tools = toolDefinitions(true, true).map((definition) => ({ type: 'function', function: definition }));
  const system = firstMessages({ task: '', checks: [], guidance: undefined, network: true })[0];
  const toolBytes = Buffer.byteLength(JSON.stringify(tools));
  const systemBytes = Buffer.byteLength(JSON.stringify(system));
  assert.deepEqual(
    tools.map((tool) => tool.function.name),
    ['bash', 'read', 'edit', 'write', 'search', 'request_access', 'set_up', 'finish'],
  );
  assert.deepEqual(
    toolDefinitions(false).map(({ name }) => name),
    ['bash', 'read', 'edit', 'write', 'search', 'finish'],
  );
  assert.deepEqual(
    toolDefinitions(false, true).map(({ name }) => name),
    ['bash', 'read', 'edit', 'write', 'search', 'set_up', 'finish'],
  );
  assert.ok(toolBytes <= 4200, `tools have ${toolBytes} bytes`);
  assert.ok(toolBytes + systemBytes <= 6000, `tools and system text have ${toolBytes + systemBytes} bytes`);
});

test('each schema names exactly the fields that its tool reads', () => {
  for (const tool of TOOLS) {
    const { definition } = tool;
    const { properties = {}, required = [], ...rest } = definition.parameters;
    assert.deepEqual(rest, { type: 'object', additionalProperties: false }, definition.name);
    assert.ok(typeof properties === 'object' && properties !== null);
    const names = Object.keys(properties);
    const refusal = tool.bind({ qqqqqqqqqq: 1 });
    assert.ok(!refusal.ok);
    assert.ok(refusal.message.includes(`the fields are ${names.join(', ')}.`), refusal.message);
    const missing = tool.bind({});
    assert.ok(!missing.ok);
    for (const name of required as string[]) assert.ok(missing.message.includes(`"${name}" is missing`), name);
  }
});

test('harmless slips are forgiven: numbers and truth values as text, null and empty for what may be left out', () => {
  const calls: readonly (readonly [string, unknown])[] = [
    ['bash', { command: 'ls', timeout_seconds: '30' }],
    ['bash', { command: 'ls', timeout_seconds: null }],
    ['read', { path: 'a', from_line: '12', lines: 5 }],
    ['edit', { path: 'a', old: 'x', new: '', all: 'true', patch: '' }],
    ['edit', { path: null, old: null, new: null, patch: '*** Begin Patch\n*** Delete File: a\n*** End Patch' }],
    ['search', { pattern: 'x', path: '', glob: null, ignore_case: 'False' }],
    ['finish', { summary: 's', checked: '' }],
  ];
  assert.deepEqual(
    calls.map(([name, value]) => messageOf(name, JSON.stringify(value))),
    calls.map(() => 'read'),
  );
});

test('a malformed call is answered with the field, what was expected, and an example', () => {
  const example = 'Example: {"command":"npm test"}';
  const edit = 'Example: {"path":"src/price.js","old":"return net","new":"return net + tax"}';
  const cases: readonly (readonly [string, string, string])[] = [
    ['bash', '{}', `bash: "command" is missing. ${example}`],
    ['bash', '', `bash: "command" is missing. ${example}`],
    ['bash', '{"command":["ls"]}', `bash: "command" must be a string, not an array. ${example}`],
    ['bash', '{"command":" "}', `bash: "command" must not be empty. ${example}`],
    ['bash', '{"command":"a\\u0000b"}', `bash: "command" must not hold a NUL character. ${example}`],
    ['bash', '{"command":"a","timeout_seconds":0}', `bash: "timeout_seconds" must be at least 1. ${example}`],
    [
      'bash',
      '{"command":"a","timeout_seconds":"soon"}',
      `bash: "timeout_seconds" must be a whole number, not the string "soon". ${example}`,
    ],
    ['bash', '"ls"', `bash: the arguments must be a JSON object, not the string "ls". ${example}`],
    [
      'edit',
      '{"file_path":"a","old_string":"b","new":"c"}',
      `edit: unknown field "file_path" (did you mean "path"?); the fields are path, old, new, all, patch; ` +
        `unknown field "old_string" (did you mean "old"?); the fields are path, old, new, all, patch. ${edit}`,
    ],
    ['edit', '{"path":"a","old":"b","new":"b"}', `edit: "old" and "new" are the same: nothing would change. ${edit}`],
    ['edit', '{"path":"a","old":"","new":"b"}', `edit: "old" must not be empty: to make a file use write. ${edit}`],
    ['edit', '{"path":"a","old":"b"}', `edit: "new" is missing: the text to put in its place. ${edit}`],
    ['edit', '{"path":"a","patch":"x"}', `edit: give either patch, or path, old and new. ${edit}`],
    ['edit', '{"patch":"x"}', 'edit: line 1 of the patch is "x": expected *** Begin Patch'],
    [
      'raed',
      '{}',
      'there is no tool "raed" (did you mean read?); the tools are bash, read, edit, write, search, finish',
    ],
    ['shell', '{}', 'there is no tool "shell"; the tools are bash, read, edit, write, search, finish'],
    [
      'Bash',
      '{}',
      'there is no tool "Bash" (did you mean bash?); the tools are bash, read, edit, write, search, finish',
    ],
    [
      'read_file',
      '{}',
      'there is no tool "read_file" (did you mean read?); the tools are bash, read, edit, write, search, finish',
    ],
  ];
  for (const [name, text, expected] of cases) assert.equal(messageOf(name, text), expected);
});

test('broken JSON is answered with its place, and a cut one is called cut', () => {
  assert.match(
    messageOf('write', '{"path":"a","content":"say "hi" to"}'),
    /^write: the argument text is not valid JSON: .*position 28.*; there stands ".*hi.*"\. Escape quotes and line ends within strings$/,
  );
  assert.match(
    messageOf('write', '{"path":"a","content":"line 1\\nline'),
    /^write: the argument text is not valid JSON: .*; the text ends too early, after ".*line": was it cut off\?$/,
  );
  assert.match(
    messageOf('write', `{"path":"a","content":"${'x'.repeat(LIMITS.toolArgumentBytes)}"}`),
    /^write: the argument text has \d+ bytes; at most 1048576 are accepted$/,
  );
});

test('half a surrogate pair cannot become a file', () => {
  assert.match(
    messageOf('write', '{"path":"a","content":"\\ud83d"}'),
    /^write: "content" holds half of a surrogate pair/,
  );
});
