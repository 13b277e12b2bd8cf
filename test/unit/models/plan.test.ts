// Shows what fits on which GPUs, how it is started there, and the reason for what does not fit.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type FittingBuild,
  PLAN_ENGINES,
  type PlanWish,
  type RefusedBuild,
} from '../../../src/contracts/model-plan.ts';
import { readCatalogue } from '../../../src/models/catalogue.ts';
import { parseGpus } from '../../../src/models/gpus.ts';
import { planBuilds } from '../../../src/models/plan.ts';
import { refusalOf } from '../config/folder.ts';

const { builds } = await readCatalogue();
const NANO = 'nemotron-3-nano-30b-a3b-fp8';

function plan(gpus: string, wish: Partial<PlanWish> = {}) {
  return planBuilds(builds, parseGpus(gpus), { engine: 'vllm', ...wish }).builds;
}

function fitting(gpus: string, model: string, wish: Partial<PlanWish> = {}): FittingBuild {
  const [build] = plan(gpus, { model, ...wish });
  assert.ok(build?.fits === true, JSON.stringify(build));
  return build;
}

function refused(gpus: string, model: string, wish: Partial<PlanWish> = {}): RefusedBuild {
  const [build] = plan(gpus, { model, ...wish });
  assert.ok(build?.fits === false, JSON.stringify(build));
  return build;
}

describe('what the makers run on which GPUs', () => {
  const FITS: readonly (readonly [gpus: string, build: string, split: number])[] = [
    ['1xH100-80', 'nemotron-3-nano-30b-a3b-bf16', 1],
    ['1xA100-80', 'nemotron-3-nano-30b-a3b-bf16', 1],
    ['1xL40S-48', NANO, 1],
    ['1xSPARK', 'nemotron-3-super-120b-a12b-nvfp4', 1],
    ['1xB200', 'nemotron-3-super-120b-a12b-nvfp4', 1],
    ['1xRTXPRO6000', 'nemotron-3-super-120b-a12b-nvfp4', 1],
    ['2xH100', 'nemotron-3-super-120b-a12b-nvfp4', 2],
    ['2xH100', 'nemotron-3-super-120b-a12b-fp8', 2],
    ['4xH100', 'nemotron-3-super-120b-a12b-bf16', 4],
    ['4xB200', 'nemotron-3-ultra-550b-a55b-nvfp4', 4],
    ['4xH200', 'nemotron-3-ultra-550b-a55b-nvfp4', 4],
    ['8xH100', 'nemotron-3-ultra-550b-a55b-nvfp4', 8],
    ['8xB300', 'nemotron-3-ultra-550b-a55b-bf16', 8],
    ['1xH100', 'nemotron-3.5-lightning-30b-a3b-nvfp4', 1],
    ['1xL4-24', 'nemotron-nano-9b-v2', 1],
  ];
  for (const [gpus, build, split] of FITS)
    test(`${build} fits on ${gpus}`, () => assert.equal(fitting(gpus, build).gpus, split));
});

describe('what does not fit is refused with the reason', () => {
  const REFUSED: readonly (readonly [gpus: string, build: string, reason: string, wish?: Partial<PlanWish>])[] = [
    [
      '1xH100',
      'nemotron-3-super-120b-a12b-fp8',
      'needs at least 144.7 GB in all; 1 × H100-80, over which one engine can split it, has 80.0 GB',
    ],
    [
      '64xH100',
      'nemotron-3-ultra-550b-a55b-bf16',
      'needs at least 1320.0 GB in all; 8 × H100-80, over which one engine can split it, have 640.0 GB',
    ],
    [
      '3xH100',
      'nemotron-3-super-120b-a12b-bf16',
      'needs at least 289.4 GB in all; 2 × H100-80, over which one engine can split it, have 160.0 GB',
    ],
    [
      '1xH100',
      'nemotron-3-super-120b-a12b-nvfp4',
      'on 1 × H100-80 each would hold 72.7 GB (weights 71.5 GB, workspace 1.0 GB, 1 × 16384 tokens 0.2 GB); ' +
        'an engine may take 72.0 GB of it',
    ],
    [
      '1xL40S',
      NANO,
      'on 1 × L40S-48 each would hold 43.4 GB (weights 33.0 GB, workspace 1.0 GB, 11 × 262144 tokens 9.4 GB); ' +
        'an engine may take 43.2 GB of it',
      { sequences: 11, contextTokens: 262_144 },
    ],
    ['1xA100', NANO, 'A100-80 cannot compute in FP8'],
    ['1xL40S', 'nemotron-3.5-lightning-30b-a3b-nvfp4', 'L40S-48 cannot read NVFP4: no engine is known to run it there'],
    [
      '1xH100',
      'nemotron-nano-9b-v2',
      'takes 131072 tokens of context at most, and 131073 are wanted',
      { contextTokens: 131_073 },
    ],
    ['1xH100', NANO, 'llama.cpp reads GGUF files only', { engine: 'llamacpp' }],
    ['1xH100', 'nemotron-3-nano-4b-q4_0', 'a GGUF file is for llama.cpp, not for vllm'],
    ['1xH100', 'nemotron-nano-9b-v2', 'no NIM of this model is known', { engine: 'nim' }],
    ['1xH100', 'nemotron-nano-9b-v2', 'TensorRT-LLM has no parser for its calls', { engine: 'trtllm' }],
    [
      '8xB300',
      'nemotron-3-ultra-550b-a55b-bf16',
      'no recipe of its makers for TensorRT-LLM is known',
      { engine: 'trtllm' },
    ],
    [
      '1xH100',
      'nemotron-3.5-lightning-30b-a3b-nvfp4',
      'it needs vLLM 0.27.1, and the newest Triton container that is known (26.07) has 0.24.0',
      { engine: 'triton' },
    ],
  ];
  for (const [gpus, build, reason, wish] of REFUSED)
    test(`${build} on ${gpus} ${JSON.stringify(wish ?? {})}`, () =>
      assert.equal(refused(gpus, build, wish).reason, reason));

  test('a model that no file knows is a mistake, with the name that was probably meant', async () => {
    const error = await refusalOf((async () => plan('H100', { model: 'nemotron-3-nano-30b-a3b-fp9' }))());
    assert.deepEqual(
      [error.code, error.message],
      [
        'usage',
        '--model nemotron-3-nano-30b-a3b-fp9: no model file knows it; did you mean "nemotron-3-nano-30b-a3b-fp8"?',
      ],
    );
  });
});

describe('a plan', () => {
  test('is for all builds of a model, for one by its name or that on the hub, and without a name for all of the engine', () => {
    const names = (model?: string, engine: PlanWish['engine'] = 'vllm') =>
      plan('8xB300', model === undefined ? { engine } : { model, engine }).map(({ build }) => build);
    assert.deepEqual(names('nemotron-3-nano-4b', 'llamacpp'), [
      'nemotron-3-nano-4b-bf16',
      'nemotron-3-nano-4b-fp8',
      'nemotron-3-nano-4b-q8_0',
      'nemotron-3-nano-4b-q4_0',
    ]);
    assert.deepEqual(names('nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-FP8'), [NANO]);
    assert.equal(names().length, 14);
    assert.deepEqual(
      names(undefined, 'llamacpp').map((name) => name.slice(-4)),
      ['q8_0', 'q4_0', 'q8_0', 'q4_0'],
    );
  });

  test('of every build and engine is a command, or the reason why there is none', () => {
    for (const engine of PLAN_ENGINES)
      for (const { build, ...rest } of plan('8xB300', { engine })) {
        if (rest.fits) assert.ok(rest.command.length > 1, `${build} on ${engine}`);
        else assert.ok(rest.reason.length > 10, `${build} on ${engine}`);
      }
  });

  test('puts as many engines side by side as there are GPUs for', () => {
    const { gpus, engines } = fitting('5xH100', 'nemotron-3-super-120b-a12b-fp8');
    assert.deepEqual([gpus, engines], [2, 2]);
  });

  test('cuts the context to what fits where none is wanted, and says so; it splits further for what is wanted', () => {
    const { share, remarks } = fitting('1xA100-80', 'nemotron-3.5-lightning-30b-a3b-bf16', { sequences: 2 });
    assert.ok(share.contextTokens < 1_048_576 && share.contextTokens % 1024 === 0 && share.needed <= share.usable);
    assert.ok(remarks.includes("the context is cut to what fits; the model's own is 1048576"), remarks.join('\n'));
    const wide = fitting('2xA100-80', 'nemotron-3.5-lightning-30b-a3b-bf16', {
      sequences: 2,
      contextTokens: 1_048_576,
    });
    assert.deepEqual([wide.gpus, wide.share.contextTokens], [2, 1_048_576]);
  });

  test('says what is not confirmed, which version is needed, and how NVFP4 is read', () => {
    assert.deepEqual(fitting('1xH100', 'nemotron-3.5-lightning-30b-a3b-nvfp4').remarks, [
      'needs vllm 0.27.1 or newer',
      'H100-80 widens the four-bit weights as it reads them',
      'not confirmed: weights_gb, memory',
    ]);
    assert.deepEqual(fitting('1xH100', NANO, { engine: 'triton' }).remarks, [
      'needs the Triton container 26.01 or newer',
    ]);
  });

  test('keeps KV in 16 bits on a GPU that cannot compute in FP8', () => {
    const { command, share } = fitting('8xA100', 'nemotron-3-super-120b-a12b-bf16');
    assert.ok(command.some((line) => line.includes('--kv-cache-dtype=auto')));
    assert.equal(share.kvPerToken, (2 * 8 * 2 * 128 * 2) / 2);
  });
});

describe('the command', () => {
  test('of vLLM carries environment, flags, split, context and sequences', () => {
    const { command } = fitting('2xH100', 'nemotron-3-super-120b-a12b-fp8', { contextTokens: 500_000, sequences: 4 });
    assert.deepEqual(
      command.map((line) => line.replace(/^ +| \\$/g, '')),
      [
        'HF_HUB_OFFLINE=1',
        'TRANSFORMERS_OFFLINE=1',
        'VLLM_NO_USAGE_STATS=1',
        'VLLM_USE_FLASHINFER_MOE_FP8=1',
        'VLLM_ALLOW_LONG_MAX_MODEL_LEN=1',
        'vllm serve "$CAISSON_MODEL_DIR"',
        '--served-model-name=nemotron-3-super-120b-a12b-fp8',
        '--trust-remote-code',
        '--async-scheduling',
        '--kv-cache-dtype=fp8',
        '--max-num-seqs=4',
        '--max-model-len=500000',
        '--max-num-batched-tokens=16384',
        '--mamba-ssm-cache-dtype=float32',
        '--enable-auto-tool-choice',
        '--tool-call-parser=qwen3_coder',
        '--reasoning-parser=nemotron_v3',
        '--enable-prompt-tokens-details',
        '--enable-prefix-caching',
        '--mamba-cache-mode=align',
        '--tensor-parallel-size=2',
        '--host=127.0.0.1',
      ],
    );
  });

  test('of Triton writes both files, with settings of the engine only', () => {
    const { command } = fitting('1xH100', NANO, { engine: 'triton' });
    const text = command.join('\n');
    const json = /model\.json <<END\n([\s\S]*?)\nEND\n/.exec(text)?.[1] ?? '';
    assert.deepEqual(JSON.parse(json), {
      model: '$CAISSON_MODEL_DIR',
      trust_remote_code: true,
      async_scheduling: true,
      max_num_seqs: 8,
      max_model_len: 262_144,
      mamba_ssm_cache_dtype: 'float32',
      kv_cache_dtype: 'fp8',
      enable_prefix_caching: true,
      mamba_cache_mode: 'align',
      disable_log_stats: false,
    });
    assert.match(text, /config\.pbtxt <<END\nbackend: "vllm"\n/);
    assert.match(text, /tritonserver --model-repository=repository$/);
  });

  test('of TensorRT-LLM writes its file, which keeps the cache as the arithmetic has it, and says that no prefix is kept', () => {
    const { command, remarks } = fitting('2xB200', 'nemotron-3-super-120b-a12b-fp8', {
      engine: 'trtllm',
      contextTokens: 500_000,
      sequences: 4,
    });
    const [head, ...rest] = command;
    const end = rest.indexOf('END');
    assert.equal(head, 'cat > trtllm.yaml <<END');
    assert.deepEqual(JSON.parse(rest.slice(0, end).join('\n')), {
      kv_cache_config: {
        dtype: 'fp8',
        free_gpu_memory_fraction: 0.9,
        enable_block_reuse: false,
        mamba_ssm_cache_dtype: 'float32',
      },
    });
    assert.deepEqual(
      rest.slice(end + 1).map((line) => line.replace(/^ +| \\$/g, '')),
      [
        'HF_HUB_OFFLINE=1',
        'TRANSFORMERS_OFFLINE=1',
        'TLLM_ALLOW_LONG_MAX_MODEL_LEN=1',
        'trtllm-serve "$CAISSON_MODEL_DIR"',
        '--served_model_name=nemotron-3-super-120b-a12b-fp8',
        '--trust_remote_code',
        '--max_num_tokens=8192',
        '--reasoning_parser=nano-v3',
        '--tool_parser=qwen3_coder',
        '--max_seq_len=500000',
        '--max_batch_size=4',
        '--tp_size=1',
        '--config=trtllm.yaml',
        '--host=127.0.0.1',
      ],
    );
    assert.deepEqual(remarks, [
      'needs trtllm 1.3.0 or newer',
      'TensorRT-LLM keeps no prefixes of hybrid models: each turn computes its whole prompt again',
      'not confirmed: weights_gb',
    ]);
  });

  test('of TensorRT-LLM carries the options of the model file', () => {
    const { command } = fitting('1xB200', 'nemotron-3.5-lightning-30b-a3b-nvfp4', { engine: 'trtllm' });
    const text = command.slice(1, command.indexOf('END')).join('\n');
    assert.deepEqual(JSON.parse(text), {
      moe_config: { backend: 'MARLIN' },
      kv_cache_config: {
        dtype: 'fp8',
        free_gpu_memory_fraction: 0.9,
        enable_block_reuse: false,
        mamba_ssm_cache_dtype: 'float16',
        mamba_ssm_stochastic_rounding: true,
        mamba_ssm_philox_rounds: 5,
      },
    });
    assert.ok(command.includes('  --reasoning_parser=nemotron-v3 \\'), command.join('\n'));
  });

  test('of NIM mounts the model read-only and publishes to this machine only', () => {
    const { command } = fitting('1xH100', NANO, { engine: 'nim' });
    assert.deepEqual(
      command.map((line) => line.replace(/^ +| \\$/g, '')),
      [
        'docker run --rm --gpus=1 --shm-size=8g -p 127.0.0.1:8000:8000',
        '-v "$CAISSON_MODEL_DIR:/model:ro"',
        '-v nim-cache:/opt/nim/.cache',
        '-e NIM_MODEL_PATH=/model',
        "-e 'NIM_PASSTHROUGH_ARGS=--max-model-len=262144 --max-num-seqs=8'",
        '-e NIM_ENABLE_KV_CACHE_REUSE=1',
        'nvcr.io/nim/nvidia/nemotron-3-nano:2.0.5',
      ],
    );
  });

  test('of llama.cpp has the context of all sequences together', () => {
    const { command } = fitting('1xL4', 'nemotron-3-nano-4b-q4_0', {
      engine: 'llamacpp',
      contextTokens: 32_768,
      sequences: 4,
    });
    assert.deepEqual(
      command.map((line) => line.replace(/^ +| \\$/g, '')),
      [
        'llama-server',
        '--model "$CAISSON_MODEL_DIR/nemotron-3-nano-4b-q4_0.gguf"',
        '--alias nemotron-3-nano-4b-q4_0',
        '--ctx-size 131072',
        '--parallel 4',
        '--n-gpu-layers 999',
        '--port 8000',
        '--jinja',
        '--host 127.0.0.1',
      ],
    );
  });
});
