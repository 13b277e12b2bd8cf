// Shows that the arithmetic of memory meets the figures of the makers, and adds up by hand.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Build } from '../../../src/models/build.ts';
import { readCatalogue } from '../../../src/models/catalogue.ts';
import { minimumBytes, mostContext, mostSequences, shareOf } from '../../../src/models/memory.ts';

const { builds, problems } = await readCatalogue();
const GIGA = 1e9;

function buildNamed(name: string): Build {
  const build = builds.find((one) => one.name === name);
  assert.ok(build !== undefined, name);
  return build;
}

describe('the minimum memory of a build lies within 10 % of the figure that its makers give', () => {
  const MAKERS_GB: Readonly<Record<string, number>> = {
    'nemotron-3-nano-30b-a3b-bf16': 72,
    'nemotron-3-nano-30b-a3b-fp8': 35,
    'nemotron-3-super-120b-a12b-nvfp4': 75,
    'nemotron-3-super-120b-a12b-fp8': 149,
    'nemotron-3-super-120b-a12b-bf16': 298,
    'nemotron-3-ultra-550b-a55b-nvfp4': 330,
    'nemotron-3-ultra-550b-a55b-bf16': 1320,
    'nemotron-3.5-lightning-30b-a3b-nvfp4': 18,
    'nemotron-3.5-lightning-30b-a3b-bf16': 72,
    'nemotron-3-nano-4b-bf16': 10,
    'nemotron-3-nano-4b-fp8': 5,
    'nemotron-nano-9b-v2': 22,
    'nemotron-nano-9b-v2-fp8': 11,
    'nemotron-nano-9b-v2-nvfp4': 6,
  };
  for (const [name, figure] of Object.entries(MAKERS_GB))
    test(`${name}: ${figure} GB`, () => {
      const minimum = minimumBytes(buildNamed(name)) / GIGA;
      assert.ok(
        Math.abs(minimum - figure) <= figure / 10,
        `${minimum.toFixed(1)} GB is not within 10 % of ${figure} GB`,
      );
    });

  test('every build but those of GGUF files has a figure', () => {
    assert.deepEqual(problems, []);
    const others = builds.filter(({ precision }) => !precision.startsWith('q')).map(({ name }) => name);
    assert.deepEqual(others.toSorted(), Object.keys(MAKERS_GB).toSorted());
  });
});

describe('the layers of a hybrid are those that its own config.json lists', () => {
  /** M: Mamba-2, *: attention, -: neither. */
  const PATTERNS: Readonly<Record<string, string>> = {
    'nemotron-3-nano-4b-bf16': 'M-M-M-MM-M-M*-M-M*-M-M-M*-M-M-MM*-MMM-M-M-',
    'nemotron-nano-9b-v2': 'M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-',
  };
  const HEADS: Readonly<Record<string, number>> = { 'nemotron-3-nano-4b-bf16': 96, 'nemotron-nano-9b-v2': 128 };
  for (const [name, pattern] of Object.entries(PATTERNS))
    test(name, () => {
      const count = (sign: string) => pattern.split(sign).length - 1;
      assert.deepEqual(buildNamed(name).memory, {
        attention: { layers: count('*'), kv_heads: 8, head_size: 128 },
        mamba: { layers: count('M'), heads: HEADS[name], head_size: 80, state_size: 128, groups: 8, convolution: 4 },
      });
    });
});

describe('the share of one GPU', () => {
  test('of Nano in FP8 is the weights, the workspace, 3 KiB of KV for each token and 48 MB of state for each sequence', () => {
    const share = shareOf(buildNamed('nemotron-3-nano-30b-a3b-fp8'), {
      gpus: 1,
      bytes: 48 * GIGA,
      contextTokens: 262_144,
      sequences: 4,
    });
    // 6 layers × 2 heads × 128 × key and value × 1 byte
    const kvPerToken = 3072;
    // 23 layers × (64 × 64 × 128 × 4 bytes + (64 × 64 + 2 × 8 × 128) × 3 × 2 bytes)
    const statePerSequence = 23 * (2_097_152 + 36_864);
    assert.deepEqual(share, {
      weights: 33e9,
      workspace: 1e9,
      kvPerToken,
      statePerSequence,
      contextTokens: 262_144,
      sequences: 4,
      needed: 34e9 + 4 * (kvPerToken * 262_144 + statePerSequence),
      usable: 48 * GIGA * 0.9,
    });
  });

  test('splits weights and state over the GPUs, and KV over no more than there are KV heads', () => {
    const build = buildNamed('nemotron-3-super-120b-a12b-bf16');
    const load = { bytes: 80 * GIGA, contextTokens: 1000, sequences: 1 };
    const [one, two, eight] = [1, 2, 8].map((gpus) => shareOf(build, { ...load, gpus }));
    assert.ok(one !== undefined && two !== undefined && eight !== undefined);
    assert.deepEqual(
      [two, eight].map(({ weights, kvPerToken, statePerSequence, workspace }) => [
        one.weights / weights,
        one.kvPerToken / kvPerToken,
        one.statePerSequence / statePerSequence,
        one.workspace / workspace,
      ]),
      [
        [2, 2, 2, 1],
        [8, 2, 8, 1],
      ],
    );
  });

  test('follows the flags: KV in 16 bits is twice as large as in 8, a state in 16 bits half as large as in 32', () => {
    const build = buildNamed('nemotron-3-super-120b-a12b-fp8');
    const load = { gpus: 1, bytes: 0, contextTokens: 1, sequences: 1 };
    const of = (flags: readonly string[]) => shareOf({ ...build, flags }, load);
    assert.equal(of(['--kv-cache-dtype=auto']).kvPerToken, 2 * of(['--kv-cache-dtype=fp8']).kvPerToken);
    const wide = of([]).statePerSequence;
    const narrow = of(['--mamba-ssm-cache-dtype=float16']).statePerSequence;
    assert.equal(wide - narrow, 40 * 128 * 64 * 128 * 2);
  });

  test('of a model without Mamba layers has no state', () => {
    const build = buildNamed('nemotron-3-nano-4b-bf16');
    const plain = { ...build, memory: { attention: build.memory.attention } };
    assert.equal(shareOf(plain, { gpus: 1, bytes: 0, contextTokens: 1, sequences: 1 }).statePerSequence, 0);
  });
});

test('so many sequences and so long a context fit that one more would not', () => {
  const build = buildNamed('nemotron-3-nano-30b-a3b-bf16');
  const at = (sequences: number, contextTokens: number) =>
    shareOf(build, { gpus: 1, bytes: 80 * GIGA, contextTokens, sequences });
  const fits = (sequences: number, contextTokens: number) => {
    const { needed, usable } = at(sequences, contextTokens);
    return needed <= usable;
  };
  const sequences = mostSequences(at(1, 100_000));
  const context = mostContext(at(3, 1));
  assert.deepEqual(
    [fits(sequences, 100_000), fits(sequences + 1, 100_000), fits(3, context), fits(3, context + 1)],
    [true, false, true, false],
  );
  const tiny = shareOf(build, { gpus: 1, bytes: 8 * GIGA, contextTokens: 1000, sequences: 1 });
  assert.deepEqual([mostSequences(tiny), mostContext(tiny)], [0, 0]);
});
