// Shows that each mistake in a model file gets its place and its words, and that the other files are used all the same.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { readCatalogue } from '../../../src/models/catalogue.ts';
import { makeFolder } from '../config/folder.ts';

const GOOD = `model:
  name: house-model
  parameters: { total: 7e+9, active: 7e+9 }
  context_tokens: { default: 8192, maximum: 16384 }
memory:
  attention: { layers: 4, kv_heads: 2, head_size: 128 }
builds:
  - name: house-model-bf16
    precision: bf16
    weights_gb: 14
engines:
  vllm: { flags: [--max-model-len=8192] }
template: { source: the engine, arguments: {} }
thinking: { default: false }
output: { starts_inside_thinking: false, tool_calls: json }
`;
const HINT =
  'Correct the line that is named; the other model files are used meanwhile. `caisson models` reads them again.';

interface Mistake {
  readonly name: string;
  readonly from: string | RegExp;
  readonly to: string;
  readonly place: readonly [line: number, column: number, field?: string];
  readonly message: string;
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'an unknown key',
    from: 'weights_gb: 14',
    to: 'weight_gb: 14',
    place: [8, 5, 'builds[0].weights_gb'],
    message:
      'this is missing: expected a number\n' +
      '  FILE:10:5 builds[0].weight_gb: there is no "weight_gb" in builds[0]; did you mean "weights_gb"?',
  },
  {
    name: 'a wrong type',
    from: 'weights_gb: 14',
    to: 'weights_gb: fourteen',
    place: [10, 17, 'builds[0].weights_gb'],
    message: 'expected a number, found text',
  },
  {
    name: 'negative memory',
    from: 'weights_gb: 14',
    to: 'weights_gb: -14',
    place: [10, 17, 'builds[0].weights_gb'],
    message: 'expected at least 0, found -14',
  },
  {
    name: 'no layer',
    from: 'layers: 4',
    to: 'layers: 0',
    place: [6, 24, 'memory.attention.layers'],
    message: 'expected at least 1, found 0',
  },
  {
    name: 'an unknown engine',
    from: '  vllm:',
    to: '  vlm:',
    place: [12, 3, 'engines.vlm'],
    message: 'there is no "vlm" in engines; did you mean "vllm"?',
  },
  {
    name: 'an unknown precision',
    from: 'precision: bf16',
    to: 'precision: bf61',
    place: [9, 16, 'builds[0].precision'],
    message: 'expected bf16 or fp8 or nvfp4 or q8_0 or q4_0, found "bf61"; did you mean "bf16"?',
  },
  {
    name: 'a flag that is none',
    from: '--max-model-len=8192',
    to: 'max-model-len 8192',
    place: [12, 19, 'engines.vllm.flags[0]'],
    message: 'expected a flag as --name or --name=value',
  },
  {
    name: 'two builds of one name',
    from: '\nengines:',
    to: '\n  - { name: house-model-bf16, precision: fp8, weights_gb: 7 }\nengines:',
    place: [11, 13, 'builds[1].name'],
    message: 'the name "house-model-bf16" is given twice',
  },
  {
    name: 'builds without the sizes that a plan needs',
    from: /memory:\n.*\n/,
    to: '',
    place: [6, 3, 'builds'],
    message: 'builds need memory beside them',
  },
  {
    name: 'a context that is longer than the longest',
    from: 'default: 8192',
    to: 'default: 32768',
    place: [4, 30, 'model.context_tokens.default'],
    message: 'expected at most the maximum, 16384',
  },
  {
    name: 'an unconfirmed value that is not there',
    from: /$/,
    to: 'unconfirmed: [engines.nim.image]\n',
    place: [16, 15, 'unconfirmed[0]'],
    message: 'expected the path of a value that stands here, as engines.nim.image',
  },
  {
    name: 'a key that is given twice',
    from: /$/,
    to: 'memory: {}\n',
    place: [16, 1, 'memory'],
    message: 'the key "memory" is given twice',
  },
  {
    name: 'a cut file',
    from: /head_size: 128 }[\s\S]*/,
    to: '',
    place: [6, 40],
    message: 'a bracket that was opened is not closed before this',
  },
  {
    name: 'an empty file',
    from: /[\s\S]*/,
    to: '',
    place: [1, 1, 'model'],
    message:
      'this is missing: expected a section of `name: value` lines\n' +
      '  FILE:1:1 engines: this is missing: expected a section of `name: value` lines\n' +
      '  FILE:1:1 template: this is missing: expected a section of `name: value` lines\n' +
      '  FILE:1:1 thinking: this is missing: expected a section of `name: value` lines\n' +
      '  FILE:1:1 output: this is missing: expected a section of `name: value` lines',
  },
];

describe('a model file', () => {
  for (const { name, from, to, place, message } of MISTAKES)
    test(`with ${name} is refused by itself`, async (context) => {
      const folder = await makeFolder(context);
      const file = await folder.write('models/a-wrong.yaml', GOOD.replace(from, to));
      await folder.write('models/b-good.yaml', GOOD.replaceAll('house-model', 'other-model'));
      const { files, builds, problems } = await readCatalogue(join(folder.path, 'models'), folder.path);
      assert.deepEqual(
        [files.map(({ model }) => model.name), builds.map((build) => build.name)],
        [['other-model'], ['other-model-bf16']],
      );
      const [line, column, field] = place;
      assert.deepEqual(
        problems.map((problem) => [problem.code, problem.message, problem.hint, problem.place]),
        [
          [
            'model_file_invalid',
            message.replaceAll('FILE', file),
            HINT,
            { file, line, column, ...(field === undefined ? {} : { field }) },
          ],
        ],
      );
    });

  test('that is cut anywhere is read or refused, with a place, and takes no other file with it', async (context) => {
    const folder = await makeFolder(context);
    const step = 23;
    const cuts = Array.from({ length: Math.ceil(GOOD.length / step) }, (_, at) => GOOD.slice(0, at * step));
    for (const [at, text] of cuts.entries()) await folder.write(`models/cut-${at}.yaml`, text);
    await folder.write('models/whole.yaml', GOOD.replaceAll('house-model', 'whole'));
    const { files, problems } = await readCatalogue(join(folder.path, 'models'), folder.path);
    assert.deepEqual(
      files.map(({ model }) => model.name),
      ['whole'],
    );
    assert.equal(problems.length, cuts.length);
    for (const { code, place } of problems) assert.ok(code === 'model_file_invalid' && place?.line !== undefined);
  });

  test('of a name that another has is refused, whether it is the model’s or a build’s', async (context) => {
    const folder = await makeFolder(context);
    const first = await folder.write('models/a.yaml', GOOD);
    const second = await folder.write('models/b.yaml', GOOD);
    const third = await folder.write('models/c.yml', GOOD.replace('name: house-model\n', 'name: third\n'));
    await folder.write('models/notes.txt', 'no model');
    const { files, problems } = await readCatalogue(join(folder.path, 'models'), folder.path);
    assert.equal(files.length, 1);
    assert.deepEqual(
      problems.map(({ message, place }) => [message, place]),
      [
        [`the model house-model stands in ${first} already`, { file: second, line: 2, column: 9, field: 'model.name' }],
        [
          `the build house-model-bf16 stands in ${first} already`,
          { file: third, line: 8, column: 11, field: 'builds[0].name' },
        ],
      ],
    );
  });

  test('of the site takes the place of the shipped one of the same model', async (context) => {
    const folder = await makeFolder(context);
    await folder.write('models/mine.yaml', GOOD.replace(/name: house-model\n/, 'name: nemotron-3-nano-4b\n'));
    const shipped = await readCatalogue();
    const { files, builds, problems } = await readCatalogue(join(folder.path, 'models'));
    assert.deepEqual(problems, []);
    assert.equal(files.length, shipped.files.length);
    assert.deepEqual(
      builds.filter(({ model }) => model === 'nemotron-3-nano-4b').map(({ name }) => name),
      ['house-model-bf16'],
    );
  });

  test('that is a folder, too large or out of reach, and a folder that is missing, are told, and nothing else is lost', async (context) => {
    const folder = await makeFolder(context);
    await folder.write('models/good.yaml', GOOD);
    await mkdir(join(folder.path, 'models', 'folder.yaml'));
    const large = await folder.write('models/large.yaml', `# ${'x'.repeat(LIMITS.configBytes)}\n`);
    const absent = join(folder.path, 'absent');
    const found = await readCatalogue(join(folder.path, 'models'), absent);
    assert.equal(found.files.length, 1);
    assert.deepEqual(
      found.problems.map(({ code, message }) => [code, message]),
      [
        [
          'config_unreadable',
          `the model file ${join(folder.path, 'models', 'folder.yaml')} cannot be read: it is not a regular file`,
        ],
        ['config_unreadable', `the model file ${large} cannot be read: it has more than ${LIMITS.configBytes} bytes`],
        ['config_unreadable', `the model folder ${absent} does not exist`],
      ],
    );
  });
});

test('every shipped file is named after its model, and marks of a build name what is unconfirmed there', async () => {
  const { files, problems } = await readCatalogue();
  assert.deepEqual(problems, []);
  assert.deepEqual(files.map(({ model }) => model.name).toSorted(), [
    'generic',
    'nemotron-3-nano-30b-a3b',
    'nemotron-3-nano-4b',
    'nemotron-3-super-120b-a12b',
    'nemotron-3-ultra-550b-a55b',
    'nemotron-3.5-lightning-30b-a3b',
    'nemotron-nano-9b-v2',
  ]);
});
