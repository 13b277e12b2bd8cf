// Shows on a real Triton that chat, thinking, tools and whole runs of the agent work in each dialect, chosen by configuration alone.
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { LoadedConfig } from '../../../src/config/load.ts';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { createBackends } from '../../../src/engines.ts';
import { finish, gather } from '../../unit/backends/events.ts';
import { gathered } from '../../unit/backends/engine.ts';
import { configOf, makeRepo, testHouse } from '../../whole/house.ts';
import { type Order, orderText, patience } from './scenes.ts';
import { MODELS, startTriton, type Triton, tritonOrWhy } from './server.ts';

const found = await tritonOrWhy();
const skip = typeof found === 'string' ? found : false;
const TEMPLATES = join(import.meta.dirname, '../../fixtures/prompting/templates');
const WEATHER = {
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city'],
  },
};

/** As the model writes it: the prompt has opened its thinking. */
const call = (thought: string, name: string, values: Readonly<Record<string, string>>): readonly string[] => {
  const parts = Object.entries(values).map(([key, value]) => `<parameter=${key}>\n${value}\n</parameter>\n`);
  const text = `${thought}\n</think>\n\n<tool_call>\n<function=${name}>\n${parts.join('')}</function>\n</tool_call>`;
  return text.match(/[^]{1,7}/gu) ?? [];
};

/** As the model of the generation before writes it. */
const list = (thought: string, name: string, values: object): readonly string[] => {
  const text = `${thought}\n</think>\n\n<TOOLCALL>[${JSON.stringify({ name, arguments: values })}]</TOOLCALL>\n`;
  return text.match(/[^]{1,7}/gu) ?? [];
};

const talk = (order: Order, more: Partial<ChatRequest> = {}): ChatRequest => ({
  model: 'nemotron',
  messages: [{ role: 'user', content: `How is the weather? ${orderText(order)}` }],
  ...more,
});

describe('Nemotron on a real Triton', { skip }, () => {
  let triton: Triton;
  let folder: string;
  let older: string;
  const makeFolder = async (parent: string, name: string, template: string, eos: string) => {
    const made = join(parent, name);
    await mkdir(made);
    await copyFile(join(TEMPLATES, template), join(made, 'chat_template.jinja'));
    await writeFile(join(made, 'tokenizer_config.json'), JSON.stringify({ eos_token: eos }));
    return made;
  };
  before(async () => {
    const parent = await mkdtemp(join(tmpdir(), 'caisson-model-'));
    folder = await makeFolder(parent, 'NVIDIA-Nemotron-3-Nano-30B-A3B-BF16', 'nano3.jinja', '<|im_end|>');
    older = await makeFolder(parent, 'NVIDIA-Nemotron-Nano-9B-v2', 'nano2-lists.jinja', '<SPECIAL_12>');
    if (typeof found !== 'string') triton = await startTriton(found);
  });
  after(async () => {
    await triton.stop();
    await rm(join(folder, '..'), { recursive: true, force: true });
  });

  /** Nothing but these words of the configuration says what is spoken there. */
  const settingsOf = (model: string, of = folder) => ({
    backends: [
      { name: 'engine', type: 'triton', address: triton.address, model, models: ['nemotron'], model_folder: of },
    ],
    model: 'nemotron',
  });
  const configured = async (
    model: string,
    of?: string,
  ): Promise<{ readonly config: LoadedConfig; readonly backend: Backend }> => {
    const config = await configOf(tmpdir(), settingsOf(model, of));
    const [backend] = await createBackends(config, { allowRecorded: false });
    return { config, backend: backend ?? assert.fail() };
  };
  const answer = async (model: string, request: ChatRequest) => {
    const { backend } = await configured(model);
    const { calls, rest, ...words } = gathered(await gather(backend.stream(request, patience())));
    const named = calls.map((one) => ({ ...(one as object), id: undefined }));
    return { ...words, calls: named, rest: rest.filter(({ type }) => type !== 'usage') };
  };

  for (const model of MODELS) {
    test(`${model}: thinking and words of an answer are told apart`, async () => {
      const pieces = ['The sky', ' is blue.', '\n</th', 'ink>\n\n', 'It is ', 'fine in Zürich 🏔.'];
      assert.deepEqual(await answer(model, talk({ pieces })), {
        reasoning: 'The sky is blue.',
        text: 'It is fine in Zürich 🏔.',
        calls: [],
        rest: [finish('stop')],
      });
    });

    test(`${model}: a tool call in the stream of the text is a call, with the types of its schema`, async () => {
      const pieces = call('I need it.', 'get_weather', { city: 'Zürich 🏔', days: '3' });
      assert.deepEqual(await answer(model, talk({ pieces }, { tools: [WEATHER] })), {
        reasoning: 'I need it.',
        text: '',
        calls: [{ id: undefined, name: 'get_weather', arguments: '{"city":"Zürich 🏔","days":3}', complete: true }],
        rest: [finish('tool_calls')],
      });
    });

    test(`${model}: a call that the limit on tokens cuts is never whole`, async () => {
      const pieces = call('I need it.', 'get_weather', { city: 'Zürich' });
      const cut = await answer(model, talk({ pieces }, { tools: [WEATHER], maxTokens: pieces.length - 4 }));
      assert.deepEqual(
        cut.calls.filter((one) => (one as { complete?: boolean }).complete === true),
        [],
      );
      assert.deepEqual(cut.rest.at(-1), finish('length'));
    });

    if (model === 'repeating') continue;
    const writers = model === 'vllm' ? ([call, list] as const) : ([call] as const);
    for (const write of writers)
      test(`${model}: a whole run of the agent mends a repository, its calls ${write === list ? 'in a list' : 'one by one'}`, async (t) => {
        const { backend } = await configured(model, write === list ? older : folder);
        const house = await testHouse(t, { backends: [backend], settings: settingsOf(model) });
        const turns = [
          write('Off by one.', 'bash', { command: 'echo 42 > answer.txt' }),
          write('Done.', 'finish', { summary: 'It was off by one.', checked: 'all of it' }),
        ];
        const repo = await makeRepo(t, {
          'answer.txt': '41\n',
          '.caisson.yaml': 'checks:\n  - name: answer\n    run: test "$(cat answer.txt)" = 42\n',
        });
        const record = await house.work(repo, { task: `Mend it. ${orderText({ turns })}` });
        assert.deepEqual(record.end, { end: 'done', verified: true });
        assert.match(JSON.stringify(await house.runs.patch(record.id)), /-41.*\+42/);
      });
  }
});
