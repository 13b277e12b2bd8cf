// Shows what is mended of a conversation before an engine is asked, what is left alone, and that it is counted.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { ChatRequest, Message } from '../../src/contracts/messages.ts';
import { mend } from '../../src/gateway/mend/mend.ts';
import { call } from './http.ts';
import { says, startService } from './service.ts';

const system = (content: string): Message => ({ role: 'system', content });
const user = (content: string): Message => ({ role: 'user', content });
const said = (content: string): Message => ({ role: 'assistant', content });
const calls = (...ids: readonly string[]): Message => ({
  role: 'assistant',
  content: '',
  toolCalls: ids.map((id) => ({ id, name: 'bash', arguments: '{}' })),
});
const result = (callId: string, content = callId): Message => ({ role: 'tool', callId, content });
const missing = (callId: string): Message => ({
  role: 'tool',
  callId,
  content: 'Error: the result of this call is missing',
  isError: true,
});
const LONELY = 'The result of a tool, whose call is not shown:\n';
const PICTURE = { type: 'image', url: 'data:,' } as const;

interface Case {
  readonly name: string;
  readonly given: readonly Message[];
  readonly mended: readonly Message[];
  readonly kinds: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'several system messages at the beginning become one',
    given: [system('a'), system('b'), system('c'), user('u')],
    mended: [system('a\n\nb\n\nc'), user('u')],
    kinds: ['system_joined', 'system_joined'],
  },
  {
    name: 'a later system message becomes a part of the user’s turn at its place',
    given: [system('a'), user('u'), system('b'), said('x'), system('c'), user('v')],
    mended: [system('a'), user('u\n\n<system>\nb\n</system>'), said('x'), user('<system>\nc\n</system>\n\nv')],
    kinds: ['system_as_user', 'system_as_user', 'user_joined'],
  },
  {
    name: 'a first system message behind the user’s first turn is none at the beginning',
    given: [user('u'), system('a')],
    mended: [user('u\n\n<system>\na\n</system>')],
    kinds: ['system_as_user'],
  },
  {
    name: 'turns of the user in a row become one, pictures included',
    given: [user('a'), user('b'), { role: 'user', content: [PICTURE] }, user('c')],
    mended: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a\n\nb' },
          PICTURE,
          { type: 'text', text: '\n\n' },
          { type: 'text', text: 'c' },
        ],
      },
    ],
    kinds: ['user_joined', 'user_joined', 'user_joined'],
  },
  {
    name: 'an empty answer is dropped, and the turns around it become one',
    given: [user('a'), said(' \n'), user('b')],
    mended: [user('a\n\nb')],
    kinds: ['answer_empty', 'user_joined'],
  },
  {
    name: 'results that never came are said to be missing',
    given: [user('u'), calls('a', 'b', 'c'), result('b'), user('v'), calls('d')],
    mended: [
      user('u'),
      calls('a', 'b', 'c'),
      missing('a'),
      result('b'),
      missing('c'),
      user('v'),
      calls('d'),
      missing('d'),
    ],
    kinds: ['result_order', 'result_missing', 'result_missing', 'result_missing'],
  },
  {
    name: 'results come in the order of their calls, whatever was said between them',
    given: [calls('a', 'b'), result('b'), system('s'), user('u'), result('a'), said('x')],
    mended: [calls('a', 'b'), result('a'), result('b'), user('<system>\ns\n</system>\n\nu'), said('x')],
    kinds: ['result_order', 'result_order', 'system_as_user', 'user_joined'],
  },
  {
    name: 'a result without a call is told by the user: one of nobody, one said twice, and one of a turn before',
    given: [user('u'), result('x'), calls('a'), result('a'), result('a', 'again'), said('y'), result('a', 'late')],
    mended: [
      user(`u\n\n${LONELY}x`),
      calls('a'),
      result('a'),
      user(`${LONELY}again`),
      said('y'),
      user(`${LONELY}late`),
    ],
    kinds: ['result_without_call', 'user_joined', 'result_without_call', 'result_without_call'],
  },
  {
    name: 'pictures of a result without a call stay',
    given: [{ role: 'tool', callId: 'x', content: [PICTURE] }],
    mended: [{ role: 'user', content: [{ type: 'text', text: LONELY }, PICTURE] }],
    kinds: ['result_without_call'],
  },
];

const FINE: readonly (readonly Message[])[] = [
  [user('u')],
  [system('s'), user('u'), said('x'), user('v'), said('prefill')],
  [system('s'), user('u'), calls('a', 'b'), result('a'), result('b'), calls('c'), result('c'), user('v')],
  [user('u'), { role: 'assistant', content: '', reasoning: 'hm' }, user('v')],
  // Ids that a client gives twice are told apart by their turn.
  [user('u'), calls('a'), result('a'), calls('a'), result('a')],
  [user('u'), calls('', ''), result('', 'x'), result('', 'y')],
  // Nothing would be left.
  [said('')],
];

describe('of a conversation', () => {
  for (const { name, given, mended, kinds } of CASES)
    test(name, () => {
      const done = mend(given);
      assert.deepEqual([done.messages, done.kinds.toSorted()], [mended, kinds.toSorted()]);
      assert.deepEqual(mend(done.messages), { messages: mended, kinds: [] }, 'what was mended needs no mending');
    });

  test('what every template renders is left alone, and not even copied', () => {
    for (const messages of FINE) assert.equal(mend(messages).messages, messages);
  });
});

test('any conversation comes out in the order that every template renders', () => {
  const random = dice(7);
  const pieces: readonly (() => Message)[] = [
    () => system('s'),
    () => user('u'),
    () => said(random(2) === 0 ? '' : 'x'),
    () => calls(...['a', 'b', 'c'].slice(0, 1 + random(3))),
    () => result(['a', 'b', 'c', 'x'][random(4)] ?? ''),
  ];
  for (let round = 0; round < 3000; round += 1) {
    const given = Array.from({ length: 1 + random(9) }, () => pieces[random(pieces.length)]?.() ?? user('u'));
    if (given.every(({ role, content }) => role === 'assistant' && content === '')) continue;
    const { messages } = mend(given);
    assert.equal(brokenRule(messages), undefined, JSON.stringify(given));
  }
});

/** What of the order no template could render. */
function brokenRule(messages: readonly Message[]): string | undefined {
  if (messages.slice(1).some(({ role }) => role === 'system')) return 'a later system message';
  if (messages.some(({ role }, index) => role === 'user' && messages[index - 1]?.role === 'user')) return 'two turns';
  let open: readonly string[] = [];
  for (const message of messages) {
    if (message.role === 'tool' && open[0] !== message.callId) return 'a result out of order';
    if (message.role !== 'tool' && open.length > 0) return 'a result is missing';
    if (message.role === 'tool') open = open.slice(1);
    else open = callsIn(message);
  }
  return open.length > 0 ? 'a result is missing at the end' : undefined;
}

function callsIn(message: Message): readonly string[] {
  return message.role === 'assistant' ? (message.toolCalls ?? []).map(({ id }) => id) : [];
}

function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

describe('before an engine is asked', () => {
  const ask = async (context: TestContext, window: number | undefined, bodies: readonly object[]) => {
    const model = says({ type: 'text', text: 'a' }, { type: 'finish', reason: 'stop' });
    const service = await startService(context, { model, changes: { contextTokens: async () => window } });
    const key = await service.key(['client']);
    for (const body of bodies) {
      const json = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(90) }], ...body };
      assert.equal((await call(service, 'POST', '/v1/chat/completions', { key, json })).status, 200);
    }
    const counted = (await service.ports.metrics()).match(/^caisson_mended_total.*$/gm) ?? [];
    return { requests: service.asked.map(({ request }) => request), counted };
  };
  const limits = (requests: readonly ChatRequest[]) => requests.map(({ maxTokens }) => maxTokens);

  test('what was mended is counted by its kind', async (context) => {
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'developer', content: 'c' },
    ];
    const { requests, counted } = await ask(context, undefined, [{ messages }, { messages }]);
    assert.deepEqual(requests[0]?.messages, [user('a\n\nb\n\n<system>\nc\n</system>')]);
    assert.deepEqual(counted.toSorted(), [
      'caisson_mended_total{kind="system_as_user"} 2',
      'caisson_mended_total{kind="user_joined"} 2',
    ]);
  });

  test('a limit that may not fit beside the bytes of the prompt is dropped, and counted', async (context) => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
    const bodies = [
      { max_tokens: 10 },
      { max_tokens: 11 },
      { max_completion_tokens: 101 },
      {},
      { max_tokens: 10, tools },
    ];
    const { requests, counted } = await ask(context, 100, bodies);
    assert.deepEqual(limits(requests), [10, undefined, undefined, undefined, undefined]);
    assert.deepEqual(counted, ['caisson_mended_total{kind="max_tokens_dropped"} 3']);
  });

  test('a limit is left alone where nobody knows the window', async (context) => {
    const { requests, counted } = await ask(context, undefined, [{ max_tokens: 1_000_000 }]);
    assert.deepEqual([limits(requests), counted], [[1_000_000], []]);
  });
});
