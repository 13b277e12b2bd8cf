// Shows which model file a served name leads to, what a profile holds, and what is said of a context that is too short.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readCatalogue } from '../../../src/models/catalogue.ts';
import { fileOf, profileOf } from '../../../src/models/profile.ts';
import { listServed } from '../../../src/models/served.ts';

const { files } = await readCatalogue();

describe('a served name', () => {
  const NAMES: Readonly<Record<string, string | undefined>> = {
    'nemotron-3-nano-30b-a3b-fp8': 'nemotron-3-nano-30b-a3b',
    'nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-FP8': 'nemotron-3-nano-30b-a3b',
    'nvidia/nemotron-3-super-120b-a12b': 'nemotron-3-super-120b-a12b',
    '/models/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4/': 'nemotron-3-super-120b-a12b',
    'NVIDIA-Nemotron-3-Nano-4B-Q4_K_M.gguf': 'nemotron-3-nano-4b',
    'nvidia/NVIDIA-Nemotron-Nano-9B-v2-Japanese': 'nemotron-nano-9b-v2',
    'nvidia/nemotron-3.5-lightning-30b-a3b': 'nemotron-3.5-lightning-30b-a3b',
    'nemotron-3-nano-30b-a3bx': undefined,
    'meta/llama-3.1-8b': undefined,
    '': undefined,
    '/': undefined,
  };
  for (const [name, model] of Object.entries(NAMES))
    test(`${JSON.stringify(name)} leads to ${model ?? 'no file'}`, () => {
      assert.equal(fileOf(files, name)?.model.name, model);
    });
});

describe('a profile', () => {
  test('of Nano holds what its file says', () => {
    assert.deepEqual(profileOf(files, 'nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16'), {
      name: 'nemotron-3-nano-30b-a3b',
      templateArguments: { enable_thinking: true, truncate_history_thinking: false, force_nonempty_content: true },
      thinksByDefault: true,
      thinking: { off: { templateArguments: { enable_thinking: false } } },
      output: {
        startsInsideThinking: true,
        thinkingStart: '<think>',
        thinkingEnd: '</think>',
        toolCalls: 'xml',
        stopTexts: ['<|im_end|>'],
        stopTokenIds: [2, 11],
      },
      sampling: {
        thinking: { temperature: 1, topP: 1, maxTokensAtLeast: 10_000 },
        toolCalls: { temperature: 0.6, topP: 0.95 },
        text: {},
      },
    });
  });

  test('says how thinking is switched: by an argument, less by another, or by a word of the system text', () => {
    const of = (name: string) => profileOf(files, name).thinking;
    assert.deepEqual(of('nemotron-3-super-120b-a12b-fp8'), {
      off: { templateArguments: { enable_thinking: false } },
      less: { low_effort: true },
    });
    assert.deepEqual(of('nemotron-nano-9b-v2'), { off: { systemText: '/no_think' } });
  });

  test('of a model that no file knows is the generic one', () => {
    assert.deepEqual(profileOf(files, 'some-model'), {
      name: 'generic',
      templateArguments: {},
      thinksByDefault: false,
      thinking: {},
      output: {
        startsInsideThinking: false,
        thinkingStart: '<think>',
        thinkingEnd: '</think>',
        toolCalls: 'json',
        stopTexts: [],
        stopTokenIds: [],
      },
      sampling: { thinking: {}, toolCalls: { temperature: 0.2 }, text: {} },
    });
  });
});

test('a list of what is served has profile and aliases, and says where the engine takes less or more than the file', () => {
  const model = (id: string, contextTokens?: number) => ({
    id,
    backend: 'gpu',
    ...(contextTokens === undefined ? {} : { contextTokens }),
  });
  const served = [
    model('nemotron-3-nano-4b-fp8', 8192),
    model('nemotron-nano-9b-v2', 200_000),
    model('nemotron-3-nano-30b-a3b', 262_144),
    model('other', 1),
    model('nvidia/nemotron-3-nano-4b'),
  ];
  assert.deepEqual(listServed(served, files, { codex: 'other', x: 'codex' }), [
    {
      ...served[0],
      profile: 'nemotron-3-nano-4b',
      aliases: [],
      remarks: [
        'the engine takes 8192 tokens of context, and the model file says 262144: longer conversations are refused',
      ],
    },
    {
      ...served[1],
      profile: 'nemotron-nano-9b-v2',
      aliases: [],
      remarks: ['the engine takes 200000 tokens of context, and the model was made for 131072 at most'],
    },
    { ...served[2], profile: 'nemotron-3-nano-30b-a3b', aliases: [], remarks: [] },
    { ...served[3], profile: 'generic', aliases: ['codex', 'x'], remarks: [] },
    { ...served[4], profile: 'nemotron-3-nano-4b', aliases: [], remarks: [] },
  ]);
});
