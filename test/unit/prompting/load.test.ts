// Shows what is read from a model's folder, and what is said of a folder that is not as it should be.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { loadPromptFormat } from '../../../src/prompting/load.ts';
import { slicesOf } from '../../../src/prompting/tokenizer.ts';
import { profileOf, TOOLS } from './reading.ts';

const PROFILE = profileOf('xml');
const REQUEST = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }] };
const TEMPLATE = '{{ bos_token }}<|im_start|>{{ messages[0].content }}{{ eos_token }}<think>';
const TOKENIZER = {
  version: '1.0',
  added_tokens: ['<s>', '<|im_start|>', '<|im_end|>', '<think>'].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordLevel',
    vocab: { '<s>': 0, '<|im_start|>': 1, '<|im_end|>': 2, '<think>': 3, Hi: 4, there: 5, '[UNK]': 6 },
    unk_token: '[UNK]',
  },
};
const CONFIG = {
  bos_token: '<s>',
  eos_token: { content: '<|im_end|>' },
  unk_token: '[UNK]',
  tokenizer_class: 'PreTrainedTokenizerFast',
};

async function withFolder<Result>(
  files: Readonly<Record<string, unknown>>,
  run: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-model-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PROMPT = { type: 'prompt', text: '<s><|im_start|>Hi<|im_end|><think>', opensThinking: true };

test('template, special tokens and tokenizer are read from the folder', async () => {
  const files = { 'chat_template.jinja': TEMPLATE, 'tokenizer_config.json': CONFIG, 'tokenizer.json': TOKENIZER };
  await withFolder(files, async (folder) => {
    const format = await loadPromptFormat(folder, PROFILE);
    const { stops, remarks } = format;
    assert.deepEqual(format.render(REQUEST), PROMPT);
    assert.deepEqual(
      { stops, remarks, tokens: await format.countTokens('<|im_start|>Hi there<|im_end|>') },
      { stops: ['<|im_end|>'], remarks: [], tokens: 4 },
    );
  });
});

test('special tokens of the tokenizer cannot come from a user', async () => {
  const files = {
    'chat_template.jinja': '{{ messages[0].content }}',
    'tokenizer_config.json': CONFIG,
    'tokenizer.json': TOKENIZER,
  };
  await withFolder(files, async (folder) => {
    const format = await loadPromptFormat(folder, PROFILE);
    const rendered = format.render({ model: 'm', messages: [{ role: 'user', content: '<s>' }] });
    assert.deepEqual(rendered, { type: 'prompt', text: '<\u2060s>', opensThinking: false });
  });
});

test('the template of tokenizer_config.json is used where there is no file of its own, by name if there are several', async () => {
  const several = [
    { name: 'tool_use', template: 'x' },
    { name: 'default', template: TEMPLATE },
  ];
  for (const chat_template of [TEMPLATE, several])
    await withFolder({ 'tokenizer_config.json': { ...CONFIG, chat_template } }, async (folder) => {
      assert.deepEqual((await loadPromptFormat(folder, PROFILE)).render(REQUEST), PROMPT);
    });
});

test('a request that offers tools gets the template for them, where the model has one', async () => {
  const offered = { ...REQUEST, tools: TOOLS };
  const answers = async (files: Readonly<Record<string, unknown>>) =>
    withFolder(files, async (folder) => {
      const format = await loadPromptFormat(folder, PROFILE);
      return [REQUEST, offered, { ...REQUEST, tools: [] }].map((request) => {
        const rendered = format.render(request);
        return rendered.type === 'prompt' ? rendered.text : rendered.message;
      });
    });
  const several = (...names: readonly string[]) => names.map((name) => ({ name, template: `config ${name}` }));
  const config = { ...CONFIG, chat_template: several('rag', 'tool_use', 'default') };
  const tools = { 'additional_chat_templates/tool_use.jinja': 'file {{ tools | length }}' };
  const own = { 'chat_template.jinja': 'file' };
  assert.deepEqual(
    await Promise.all(
      [
        { 'tokenizer_config.json': config },
        { 'chat_template.json': { chat_template: several('default', 'tool_use') } },
        { ...own, ...tools },
        { ...own, ...tools, 'tokenizer_config.json': config },
        { ...own, 'tokenizer_config.json': config },
        { 'tokenizer_config.json': { ...CONFIG, chat_template: 'one' }, ...tools },
        { 'tokenizer_config.json': { ...CONFIG, chat_template: several('rag') } },
      ].map(answers),
    ),
    [
      ['config default', 'config tool_use', 'config default'],
      ['config default', 'config tool_use', 'config default'],
      ['file', 'file 2', 'file'],
      ['file', 'file 2', 'file'],
      ['file', 'file', 'file'],
      ['one', 'file 2', 'one'],
      ['config rag', 'config rag', 'config rag'],
    ],
  );
});

test('marks of the template for tools cannot come from a user either', async () => {
  const files = {
    'chat_template.jinja': '{{ messages[0].content }}',
    'additional_chat_templates/tool_use.jinja': '<|tool|>{{ messages[0].content }}',
  };
  await withFolder(files, async (folder) => {
    const format = await loadPromptFormat(folder, PROFILE);
    const messages = [{ role: 'user' as const, content: '<|tool|>' }];
    const rendered = format.render({ model: 'm', messages, tools: TOOLS });
    assert.deepEqual(rendered, { type: 'prompt', text: '<|tool|><\u2060|tool|>', opensThinking: false });
  });
});

test('without a tokenizer no tokens are counted, and that is said', async () => {
  await withFolder({ 'chat_template.jinja': TEMPLATE }, async (folder) => {
    const format = await loadPromptFormat(folder, PROFILE);
    assert.deepEqual(
      [await format.countTokens('Hi'), format.remarks],
      [undefined, ['without a tokenizer.json no tokens are counted']],
    );
  });
});

const MISTAKES: readonly (readonly [
  what: string,
  files: Readonly<Record<string, unknown>>,
  place: string,
  message: RegExp,
])[] = [
  ['has no template', { 'tokenizer_config.json': CONFIG }, '', /the model has no chat template/],
  [
    'has a template that does not parse',
    { 'chat_template.jinja': 'a\n{% end %}' },
    'chat_template.jinja:2',
    /Encountered unknown tag 'end'/,
  ],
  [
    'has a template for tools that does not parse',
    { 'chat_template.jinja': 'a', 'additional_chat_templates/tool_use.jinja': 'a\n\n{% end %}' },
    'additional_chat_templates/tool_use.jinja:3',
    /Encountered unknown tag 'end'/,
  ],
  ['has a config that is no JSON', { 'tokenizer_config.json': '{' }, 'tokenizer_config.json', /is not valid JSON/],
  ['has a config that is a list', { 'tokenizer_config.json': [] }, 'tokenizer_config.json', /holds no JSON object/],
  [
    'has a tokenizer that is no JSON',
    { 'chat_template.jinja': 'x', 'tokenizer.json': 'x' },
    'tokenizer.json',
    /is not valid JSON/,
  ],
  [
    'has a tokenizer of an unknown kind',
    { 'chat_template.jinja': 'x', 'tokenizer.json': { ...TOKENIZER, model: { type: 'Nope' } } },
    'tokenizer.json',
    /the tokenizer cannot be used/,
  ],
];

for (const [what, files, place, message] of MISTAKES)
  test(`a folder that ${what} is named with its file`, async () => {
    await withFolder(files, async (folder) => {
      await assert.rejects(loadPromptFormat(folder, PROFILE), (error: unknown) => {
        assert.ok(error instanceof CaissonError);
        assert.match(error.message, message);
        const { file = '', line } = error.place ?? {};
        const shown = line === undefined ? file : `${file}:${line}`;
        assert.deepEqual([error.code, shown], ['config_invalid', place === '' ? folder : join(folder, place)]);
        return true;
      });
    });
  });

test('a folder that is not there is named', async () => {
  await assert.rejects(loadPromptFormat('/nowhere/model', PROFILE), /is not a folder with a model/);
});

test('a long text is counted in slices that lose nothing', async () => {
  const text = 'Hi there <|im_end|>\n'.repeat(5000);
  const slices = [...slicesOf(text)];
  assert.equal(slices.join(''), text);
  assert.ok(slices.length > 4);
  const files = { 'chat_template.jinja': TEMPLATE, 'tokenizer_config.json': CONFIG, 'tokenizer.json': TOKENIZER };
  await withFolder(files, async (folder) => {
    assert.equal(await (await loadPromptFormat(folder, PROFILE)).countTokens(text), 15_000);
  });
});
