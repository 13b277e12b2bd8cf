// Shows that a request gets what its model likes where the client says nothing of it, and the same whether it is read or its bytes pass.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asLiked, bytesAsLiked, passLiked } from '../../../../src/backends/openai/liking.ts';
import { chatBody } from '../../../../src/backends/openai/request.ts';
import type { ChatRequest } from '../../../../src/contracts/messages.ts';
import type { PassingOrder } from '../../../../src/contracts/passing.ts';
import { profilesBy } from '../../../../src/repairs.ts';
import { BASH, patient } from '../events.ts';

const profileOf = await profilesBy(undefined)();
const NANO = 'nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-FP8';
const SUPER = 'nemotron-3-super-120b-a12b';
const KEEPS = { enable_thinking: true, truncate_history_thinking: false, force_nonempty_content: true };
const messages = [{ role: 'user' as const, content: 'hi' }];

function sent(model: string, more: Partial<ChatRequest> = {}) {
  const body = chatBody(asLiked({ model, messages, ...more }, profileOf(model)), new Set());
  const { temperature, top_p, top_k, chat_template_kwargs: given } = body;
  return { temperature, top_p, top_k, given, messages: body.messages };
}

describe('a request that is read', () => {
  const plain = { top_k: undefined, messages };
  const cases: readonly (readonly [name: string, model: string, more: Partial<ChatRequest>, expected: object])[] = [
    ['thinks as the model likes it', NANO, {}, { temperature: 1, top_p: 1, given: KEEPS }],
    ['with tools is sampled for calls', NANO, { tools: [BASH] }, { temperature: 0.6, top_p: 0.95, given: KEEPS }],
    [
      'that must not think is sampled for text, as the engine likes where nobody says',
      NANO,
      { thinking: { enabled: false } },
      { temperature: undefined, top_p: undefined, given: { ...KEEPS, enable_thinking: false } },
    ],
    [
      'keeps the numbers of the client',
      NANO,
      { temperature: 0, tools: [BASH] },
      { temperature: 0, top_p: 0.95, given: KEEPS },
    ],
    [
      'keeps what the client tells the template',
      NANO,
      { extra: { chat_template_kwargs: { truncate_history_thinking: true, more: 1 } } },
      { temperature: 1, top_p: 1, given: { ...KEEPS, truncate_history_thinking: true, more: 1 } },
    ],
    [
      'with little effort says so in the words of the model',
      SUPER,
      { thinking: { effort: 'low' } },
      { temperature: 1, top_p: 0.95, given: { ...KEEPS, low_effort: true } },
    ],
    [
      'of a model that no file knows stays as it is',
      'm',
      { tools: [BASH], thinking: { effort: 'low' } },
      { temperature: undefined, top_p: undefined, given: undefined },
    ],
  ];
  for (const [name, model, more, expected] of cases)
    test(name, () => assert.deepEqual(sent(model, more), { ...plain, ...expected }));

  test('is told in its system text not to think, where the model listens to that', () => {
    const off = { thinking: { enabled: false } } as const;
    const nano2 = 'nvidia/NVIDIA-Nemotron-Nano-9B-v2';
    const system = (content: string) => ({ role: 'system' as const, content });
    const told = (given: ChatRequest['messages'], more: Partial<ChatRequest> = off) =>
      sent(nano2, { messages: given, ...more }).messages;
    assert.deepEqual(told(messages), [system('/no_think'), ...messages]);
    assert.deepEqual(told([system('Be brief.'), ...messages]), [system('Be brief. /no_think'), ...messages]);
    assert.deepEqual(told([system('/no_think Be brief.')]), [system('/no_think Be brief.')]);
    assert.deepEqual(told(messages, {}), messages);
    assert.deepEqual(told(messages, { thinking: { effort: 'none' } }), [system('/no_think'), ...messages]);
    const kwargs = { extra: { chat_template_kwargs: { enable_thinking: false } } };
    assert.deepEqual(told(messages, kwargs), [system('/no_think'), ...messages]);
  });
});

describe('the bytes of a request', () => {
  const passed = (body: object, model: string) => {
    const bytes = Buffer.from(JSON.stringify({ model, messages, ...body }));
    const made = bytesAsLiked({ body: bytes, has: (name) => Object.hasOwn(body, name) }, profileOf(model));
    return made === undefined ? undefined : { bytes, made, read: JSON.parse(Buffer.from(made).toString()) as object };
  };

  test('stay the same bytes where the model likes nothing, and where the client says all of it', () => {
    const plain = passed({}, 'm');
    assert.equal(plain?.made, plain?.bytes);
    const all = { temperature: 0.1, top_p: 0.2 };
    assert.deepEqual(passed(all, 'nemotron-nano-9b-v2')?.read, { model: 'nemotron-nano-9b-v2', messages, ...all });
  });

  test('get the same as a request that is read', () => {
    const bodies = [
      {},
      { temperature: 0.3 },
      { top_p: 0.4, tools: [{ type: 'function', function: BASH }] },
      { tools: [{ type: 'function', function: BASH }] },
    ];
    for (const body of bodies)
      for (const model of [NANO, SUPER, 'nemotron-3.5-lightning-30b-a3b', 'nemotron-nano-9b-v2', 'm']) {
        const {
          temperature,
          top_p,
          chat_template_kwargs: given,
        } = { ...passed(body, model)?.read } as Record<string, unknown>;
        const {
          tools,
          temperature: warm,
          top_p: top,
        } = { tools: undefined, temperature: undefined, top_p: undefined, ...body };
        const request = {
          ...(tools === undefined ? {} : { tools: [BASH] }),
          ...(warm === undefined ? {} : { temperature: warm }),
          ...(top === undefined ? {} : { topP: top }),
        };
        const read = sent(model, request);
        assert.deepEqual(
          { temperature, top_p, given },
          { temperature: read.temperature, top_p: read.top_p, given: read.given },
        );
      }
  });

  test('that steer the thinking of a model with likings are not passed: the request is read', () => {
    for (const member of ['chat_template_kwargs', 'reasoning_effort', 'thinking'])
      assert.deepEqual(
        [passed({ [member]: 'low' }, NANO), passed({ [member]: 'low' }, 'm')?.read],
        [undefined, { model: 'm', messages, [member]: 'low' }],
      );
  });

  test('are refused or sent on by the way that they pass', () => {
    const orders: PassingOrder[] = [];
    let refused = 0;
    const control = { pause: () => {}, resume: () => {}, stop: () => {} };
    const pass = passLiked((order) => {
      orders.push(order);
      return control;
    }, profileOf);
    const listener = {
      begin: () => {},
      data: () => {},
      end: () => true,
      fail: () => {},
      refused: () => void (refused += 1),
    };
    const order = (has: string) => ({
      body: Buffer.from('{"a":1}'),
      signal: patient(),
      model: NANO,
      has: (name: string) => name === has,
    });
    assert.equal(pass(order(''), listener), control);
    pass(order('reasoning_effort'), listener).stop();
    assert.deepEqual(
      [orders.map(({ body }) => Buffer.from(body).toString()), refused],
      [[`{"temperature":1,"top_p":1,"chat_template_kwargs":${JSON.stringify(KEEPS)},"a":1}`], 1],
    );
  });
});
