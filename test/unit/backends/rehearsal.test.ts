// A recorded conversation: mistakes in its script by line and column, what it plays, and how it fails when a run leaves it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { createRehearsal } from '../../../src/backends/rehearsal/backend.ts';
import { parseRehearsal } from '../../../src/backends/rehearsal/script.ts';
import type { ChatRequest, Message } from '../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { errorOf, eventsOf, gathered, NEVER } from './engine.ts';

const FILE = 'talk.yaml';
const HEAD = 'name: talk\nmodel: rehearsed\n';
const USER: Message = { role: 'user', content: 'Make the tests pass.' };
const SYSTEM: Message = { role: 'system', content: 'exit status: 9' };

function rehearsal(turns: string) {
  return createRehearsal(parseRehearsal(`${HEAD}turns:\n${turns}`, FILE), FILE);
}

function request(...messages: readonly Message[]): ChatRequest {
  return { model: 'rehearsed', messages: [SYSTEM, USER, ...messages] };
}

/** An answer with calls named by their tools, and the result of each. */
function round(...results: readonly (readonly [tool: string, output: string])[]): readonly Message[] {
  const toolCalls = results.map(([name], index) => ({ id: `c${index}`, name, arguments: '{}' }));
  const outputs = results.map(([, content], index): Message => ({ role: 'tool', callId: `c${index}`, content }));
  return [{ role: 'assistant', content: '', toolCalls }, ...outputs];
}

/** `line:column field: words` of each mistake of the script. */
function mistakes(text: string): readonly string[] {
  try {
    parseRehearsal(text, FILE);
  } catch (error) {
    assert.ok(error instanceof CaissonError);
    assert.deepEqual({ code: error.code, file: error.place?.file }, { code: 'config_invalid', file: FILE });
    const [first = '', ...others] = error.message.split(`\n  ${FILE}:`);
    return [`${error.place?.line}:${error.place?.column} ${error.place?.field ?? ''}: ${first}`, ...others];
  }
  return [];
}

describe('a mistake in a script is told at its place:', () => {
  const turn = (text: string) => `${HEAD}turns:\n  - reply: {text: a}\n  - ${text}\n`;
  const cases: readonly (readonly [what: string, text: string, told: RegExp])[] = [
    ['no turns', HEAD, /^1:1 turns: this is missing: expected a list$/],
    ['no turn', `${HEAD}turns: []\n`, /^3:8 turns: expected at least 1 items, found 0$/],
    [
      'an unknown key',
      turn('{expects: {tool: bash}, reply: {text: b}}'),
      /^5:6 turns\[1\]\.expects: there is no "expects".*"expect"\?/,
    ],
    [
      'an unknown key of a reply',
      turn('{expect: {tool: bash}, reply: {txt: b}}'),
      /^5:36 turns\[1\]\.reply\.txt: .*did you mean "text"\?$/,
    ],
    [
      'an unknown key of an expectation',
      turn('{expect: {tol: bash}, reply: {}}'),
      /^5:15 turns\[1\]\.expect\.tol: .*"tool"\?/,
    ],
    [
      'an expectation of nothing',
      turn('{expect: {}, reply: {text: b}}'),
      /^5:14 turns\[1\]\.expect: an expectation must name at least one of/,
    ],
    ['a later turn that expects nothing', turn('reply: {text: b}'), /^5:5 turns\[1\]: turn 2 expects nothing/],
    [
      'a pattern that is none',
      turn('{expect: {pattern: "("}, reply: {}}'),
      /^5:24 turns\[1\]\.expect\.pattern: no regular expression/,
    ],
    [
      'a word beside all',
      turn('{expect: {all: [{tool: a}], tool: b}, reply: {}}'),
      /^5:14 turns\[1\]\.expect: nothing may stand beside all/,
    ],
    [
      'a call without arguments',
      turn('{expect: {tool: a}, reply: {calls: [{name: x}]}}'),
      /^5:41 turns\[1\]\.reply\.calls\[0\]: a call has either/,
    ],
    [
      'a call with both',
      turn('{expect: {tool: a}, reply: {calls: [{name: x, raw: "", arguments: {}}]}}'),
      /a call has either/,
    ],
    [
      'a finish that there is not',
      turn('{expect: {tool: a}, reply: {finish: ended}}'),
      /^5:41 turns\[1\]\.reply\.finish: expected stop or length/,
    ],
    [
      'a delay that never ends',
      turn('{expect: {tool: a}, reply: {delay_ms: 99999999}}'),
      /^5:43 turns\[1\]\.reply\.delay_ms: expected at most 600000/,
    ],
    ['broken YAML', `${HEAD}turns: [`, /^4:1 |^3:9 /],
    ['a key twice', `${HEAD}model: b\nturns: [{reply: {}}]\n`, /^3:1 model: the key "model" is given twice$/],
  ];
  for (const [what, text, told] of cases)
    test(what, () => {
      assert.match(mistakes(text)[0] ?? 'none', told);
    });

  test('all of them at once', () => {
    const told = mistakes('nam: x\nmodel: ""\nturns:\n  - reply: {txt: 1}\n').map((line) =>
      line.split(':', 2).join(':'),
    );
    assert.deepEqual(told, ['1:1 name', '1:1 nam', '2:8 model', '4:13 turns[0].reply.txt']);
  });
});

describe('a reply', () => {
  test('comes in pieces, as an engine sends them, and whole when they are joined', async () => {
    const long = 'one two three four five six seven '.repeat(9);
    const backend = rehearsal(
      `  - reply:\n      reasoning: thinking aloud\n      text: "${long}"\n` +
        `      calls: [{name: bash, arguments: {command: "npm test", deep: {a: [1, 2]}}}]\n` +
        `      usage: {promptTokens: 5, completionTokens: 6}\n`,
    );
    const events = await eventsOf(backend, request());
    assert.deepEqual(gathered(events), {
      reasoning: 'thinking aloud',
      text: long,
      calls: [{ id: 'call_0_0', name: 'bash', arguments: '{"command":"npm test","deep":{"a":[1,2]}}', complete: true }],
      rest: [
        { type: 'usage', promptTokens: 5, completionTokens: 6 },
        { type: 'finish', reason: 'tool_calls' },
      ],
    });
    for (const type of ['reasoning', 'text', 'tool_call'])
      assert.ok(events.filter((event) => event.type === type).length >= 3, type);
  });

  test('never cuts a character in two', async () => {
    for (const event of await eventsOf(rehearsal('  - reply: {text: "👋🏽👋🏽👋🏽👋🏽"}\n'), request()))
      if (event.type === 'text') assert.ok(event.text.isWellFormed());
  });

  const raw = (text: string, finish = '') =>
    rehearsal(`  - reply: {calls: [{name: bash, raw: '${text}'}]${finish === '' ? '' : `, finish: ${finish}`}}\n`);
  const completeOf = async (backend: ReturnType<typeof raw>) =>
    (await eventsOf(backend, request())).some((event) => event.type === 'tool_call' && event.complete);

  test('with a raw call passes its text on; it is complete only if it is a JSON object that nothing cut', async () => {
    assert.equal(gathered(await eventsOf(raw('{"command": "np'), request())).calls.length, 1);
    assert.deepEqual(
      [
        await completeOf(raw('{"command": "ls"}')),
        await completeOf(raw('{"command": "ls')),
        await completeOf(raw('["ls"]')),
        await completeOf(raw('{"command": "ls"}', 'length')),
        await completeOf(raw('{"command": "ls"}', 'stop')),
      ],
      [true, false, false, false, true],
    );
  });

  test('without anything is an empty answer', async () => {
    assert.deepEqual(await eventsOf(rehearsal('  - reply: {}\n'), request()), [
      { type: 'usage', promptTokens: 0, completionTokens: 0 },
      { type: 'finish', reason: 'stop' },
    ]);
  });

  test('that is delayed waits, and an abort ends the waiting', async () => {
    const backend = rehearsal('  - reply: {text: late, delay_ms: 600000}\n');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    assert.equal(errorOf(await eventsOf(backend, request(), stop.signal)).code, 'aborted');
    assert.equal(errorOf(await eventsOf(backend, request(), AbortSignal.abort())).code, 'aborted');
  });

  test('that is aborted in its middle ends with the abort', async () => {
    const stop = new AbortController();
    const events: ModelEvent[] = [];
    for await (const event of rehearsal('  - reply: {text: one two three}\n').stream(request(), stop.signal)) {
      events.push(event);
      stop.abort();
    }
    assert.deepEqual(
      events.map((event) => (event.type === 'error' ? event.code : event.type)),
      ['text', 'aborted'],
    );
  });
});

describe('an expectation', () => {
  const expecting = (expect: string) =>
    rehearsal(`  - reply: {text: a}\n  - {expect: ${expect}, reply: {text: met}}\n`);
  const holds = async (expect: string, ...messages: readonly Message[]) => {
    const [first] = await eventsOf(expecting(expect), request(...messages));
    return !(first?.type === 'error');
  };
  const failed = round(['bash', 'exit status: 1 in 0.3 s\nnot ok 1 - adds\nnot ok 2']);

  test('is met by tool, status, text and pattern of a result, each by itself and all together', async () => {
    const met = ['{tool: bash}', '{status: "exit status: 1"}', '{text: adds}', '{pattern: "^not ok 2$"}'];
    for (const expect of [...met, '{tool: bash, status: "exit status: 1", text: adds, pattern: "^not ok \\\\d"}'])
      assert.equal(await holds(expect, ...failed), true, expect);
    const unmet = ['{tool: read}', '{status: "exit status: 12"}', '{text: subtracts}', '{pattern: "^ok"}'];
    for (const expect of [...unmet, '{status: not ok}', '{tool: bash, text: subtracts}', '{tool: read, text: adds}'])
      assert.equal(await holds(expect, ...failed), false, expect);
  });

  test('of a status is met by whole words: 1 is not 12', async () => {
    const twelve = round(['bash', 'exit status: 12\n']);
    assert.deepEqual(
      [await holds('{status: "exit status: 1"}', ...twelve), await holds('{status: "exit status: 12"}', ...twelve)],
      [false, true],
    );
  });

  test('of several is met in order, each by a result of its own', async () => {
    const two = round(['read', 'ok'], ['bash', 'exit status: 0']);
    const cases = [
      ['{all: [{tool: read}, {tool: bash}]}', true],
      ['{all: [{tool: bash}, {tool: read}]}', false],
      ['{all: [{tool: read}, {tool: read}]}', false],
      ['{all: [{tool: bash}]}', true],
    ] as const;
    for (const [expect, met] of cases) assert.equal(await holds(expect, ...two), met, expect);
  });

  test('looks at what came since the last answer only, and never at the system text', async () => {
    const later: readonly Message[] = [...failed, { role: 'assistant', content: 'hm' }];
    const backend = rehearsal(
      '  - reply: {}\n  - {expect: {tool: bash}, reply: {}}\n  - {expect: {text: adds}, reply: {}}\n',
    );
    assert.equal(errorOf(await eventsOf(backend, request(...later))).code, 'rehearsal_left_script');
    assert.equal(await holds('{text: "exit status: 9"}', { role: 'assistant', content: 'a' }, SYSTEM), false);
  });

  test('of the task looks at words to the model, not at results', async () => {
    const word: Message = { role: 'user', content: [{ type: 'text', text: 'Call finish.' }] };
    assert.deepEqual(
      [
        await holds('{task: Call finish}', { role: 'assistant', content: 'done' }, word),
        await holds('{task: adds}', ...failed),
        await holds('{text: Call finish}', { role: 'assistant', content: 'done' }, word),
      ],
      [true, false, true],
    );
  });

  test('of the first turn is checked too', async () => {
    const backend = rehearsal('  - {expect: {task: Write a poem}, reply: {text: a}}\n');
    assert.equal(errorOf(await eventsOf(backend, request())).code, 'rehearsal_left_script');
  });

  test('that is not met tells file, turn, what was expected and what was received', async () => {
    const { message, retryable, code } = errorOf(await eventsOf(expecting('{tool: read}'), request(...failed)));
    assert.deepEqual({ code, retryable }, { code: 'rehearsal_left_script', retryable: false });
    assert.match(message, /^talk\.yaml: turn 2 expected \{"tool":"read"\}, received .*"bash".*not ok 1 - adds/);
  });

  test('is not met by a long result either, of which the message shows the beginning', async () => {
    const { message } = errorOf(
      await eventsOf(expecting('{tool: read}'), request(...round(['bash', 'x'.repeat(1e6)]))),
    );
    assert.ok(message.length < 2000);
  });
});

describe('the turn', () => {
  const three = rehearsal(
    '  - reply: {text: first}\n  - {expect: {tool: bash}, reply: {text: second}}\n  - {expect: {tool: read}, reply: {text: third}}\n',
  );
  const first = round(['bash', 'ok']);
  const second = [...first, ...round(['read', 'ok'])];

  test('is told by the answers in the request: a resumed run goes on where it was, and runs do not disturb each other', async () => {
    const texts = await Promise.all(
      [request(...second), request(), request(...first), request(...second)].map(async (one) => {
        return gathered(await eventsOf(three, one)).text;
      }),
    );
    assert.deepEqual(texts, ['third', 'first', 'second', 'third']);
  });

  test('past the end fails and tells how many there are', async () => {
    const { code, message } = errorOf(await eventsOf(three, request(...second, ...round(['bash', 'ok']))));
    assert.equal(code, 'rehearsal_left_script');
    assert.match(message, /talk\.yaml: the script ends after turn 3, and turn 4 was asked for/);
  });
});

test('the backend says that it is recorded, and which model it plays', async () => {
  const backend = rehearsal('  - reply: {}\n');
  assert.deepEqual(
    { name: backend.name, recorded: backend.recorded, declared: backend.declared, models: await backend.models(NEVER) },
    {
      name: 'rehearsal:talk',
      recorded: true,
      declared: ['rehearsed'],
      models: [{ id: 'rehearsed', backend: 'rehearsal:talk' }],
    },
  );
});
