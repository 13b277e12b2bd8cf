// Shows how GPUs are named and recognized, and the words for names that mean none.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { CaissonError } from '../../../src/base/errors.ts';
import { parseGpus, recognizeGpus } from '../../../src/models/gpus.ts';
import { listGpus } from '../../../src/models/nvidia-smi.ts';
import { refusalOf } from '../config/folder.ts';

const H100 = { name: 'H100-80', count: 2, bytes: 80e9, fp8: true, nvfp4: 'weights' };

describe('--gpus', () => {
  test('names count, kind and memory; the count is one and the memory the usual one where they are not given', () => {
    assert.deepEqual(['2xH100-80', '2 x h100-80GB', '2×H100', 'H100,H100-80'].map(parseGpus), [H100, H100, H100, H100]);
    assert.deepEqual(parseGpus('A100-40'), { name: 'A100-40', count: 1, bytes: 40e9, fp8: false, nvfp4: 'none' });
  });

  test('knows what each generation can do', () => {
    const abilities = ['A100', 'L40S', 'H200', 'RTXPRO6000'].map(parseGpus).map(({ fp8, nvfp4 }) => [fp8, nvfp4]);
    assert.deepEqual(abilities, [
      [false, 'none'],
      [true, 'none'],
      [true, 'weights'],
      [true, 'native'],
    ]);
  });

  const FORM = 'Give the count, the name and the memory in GB, as 2xH100-80.';
  const MISTAKES: readonly (readonly [text: string, message: string, hint?: string])[] = [
    ['', '--gpus : "" is not understood', FORM],
    ['two H100', '--gpus two H100: "two H100" is not understood', FORM],
    ['2xH100-80-1', '--gpus 2xH100-80-1: "2xH100-80-1" is not understood', FORM],
    ['-2xH100', '--gpus -2xH100: "-2xH100" is not understood', FORM],
    ['1.5xH100', '--gpus 1.5xH100: "1.5xH100" is not understood', FORM],
    ['0xH100', '--gpus 0xH100: no GPU is left to plan for', FORM],
    ['99999xH100', '--gpus 99999xH100: at most 1024 GPUs can be planned for', FORM],
    ['2xH1000', '--gpus 2xH1000: there is no GPU "H1000" in the table; did you mean "H100"?'],
    ['2xCONSTRUCTOR', '--gpus 2xCONSTRUCTOR: there is no GPU "CONSTRUCTOR" in the table'],
    ['2xH100-40', '--gpus 2xH100-40: there is no H100 of 40 GB', 'It has 80 or 94 GB.'],
    [
      '1xH100-80,1xA100-80',
      '--gpus 1xH100-80,1xA100-80 has H100-80 and A100-80: an engine splits a model over equal GPUs only',
      'Plan for each kind by itself, as --gpus H100-80.',
    ],
    [
      '1xH100-80,1xH100-94',
      '--gpus 1xH100-80,1xH100-94 has H100-80 and H100-94: an engine splits a model over equal GPUs only',
    ],
  ];
  for (const [text, message, hint] of MISTAKES)
    test(`refuses ${JSON.stringify(text)}`, async () => {
      const error = await mistakeOf(() => parseGpus(text));
      assert.deepEqual([error.code, error.message], ['usage', message]);
      if (hint !== undefined) assert.equal(error.hint, hint);
    });
});

describe('nvidia-smi', () => {
  test('is asked for name and memory, which are found in the table', async (context) => {
    const program = await fakeSmi(
      context,
      'printf "NVIDIA H100 80GB HBM3, 81559\\nNVIDIA H100 80GB HBM3, 81559\\n"; echo "$@" > "$0.words"',
    );
    const listed = await listGpus(program);
    assert.deepEqual(
      listed,
      [1, 2].map(() => ({ name: 'NVIDIA H100 80GB HBM3', mebibytes: 81_559 })),
    );
    assert.deepEqual(recognizeGpus(listed), { ...H100, name: 'H100-86', bytes: 81_559 * 1024 ** 2 });
  });

  test('recognizes each name as it is seen, the longer name before the shorter one that it holds', () => {
    const names = [
      'NVIDIA GB200',
      'NVIDIA GH200 480GB',
      'NVIDIA L4',
      'NVIDIA RTX 6000 Ada Generation',
      'NVIDIA RTX A6000',
    ];
    const kinds = names.map((name) => recognizeGpus([{ name, mebibytes: 0 }]).name);
    assert.deepEqual(kinds, ['GB200-186', 'GH200-96', 'L4-24', 'RTX6000ADA-48', 'A6000-48']);
  });

  test('that gives no number for shared memory has the usual one counted', async (context) => {
    const listed = await listGpus(await fakeSmi(context, 'echo "NVIDIA GB10, [N/A]"'));
    assert.deepEqual(recognizeGpus(listed), { name: 'SPARK-128', count: 1, bytes: 128e9, fp8: true, nvfp4: 'native' });
  });

  test('that is missing, fails or sees nothing leads to --gpus', async (context) => {
    const missing = await refusalOf(listGpus(join(tmpdir(), 'no-such-nvidia-smi')));
    const broken = await refusalOf(listGpus(await fakeSmi(context, 'echo "NVIDIA-SMI has failed" >&2; exit 9')));
    assert.deepEqual(
      [missing.message, broken.message, missing.hint],
      [
        'nvidia-smi is not installed here, so the GPUs of this machine are not known',
        'nvidia-smi failed: NVIDIA-SMI has failed, so the GPUs of this machine are not known',
        'Say which GPUs are meant: caisson plan --gpus 2xH100-80',
      ],
    );
    assert.equal((await mistakeOf(() => recognizeGpus([]))).message, 'nvidia-smi shows no GPU');
  });

  test('that shows a GPU of no table, or two kinds, is told so', async () => {
    assert.equal(
      (await mistakeOf(() => recognizeGpus([{ name: 'Tesla K80', mebibytes: 1 }]))).message,
      'nvidia-smi shows the GPU "Tesla K80", which is not in the table',
    );
    const two = ['NVIDIA H100 PCIe', 'NVIDIA A100-SXM4-80GB'].map((name) => ({ name, mebibytes: 81_559 }));
    assert.equal(
      (await mistakeOf(() => recognizeGpus(two))).message,
      'this machine has H100 and A100: an engine splits a model over equal GPUs only',
    );
  });
});

async function fakeSmi(context: TestContext, script: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-smi-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'nvidia-smi');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  return program;
}

function mistakeOf(work: () => unknown): Promise<CaissonError> {
  return refusalOf((async () => work())());
}
