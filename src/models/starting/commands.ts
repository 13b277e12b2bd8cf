// Owns how each engine is started for a build: flags, environment, the files it reads. Starts nothing and does no arithmetic.
import type { Json, JsonObject } from '../../base/json.ts';
import type { PlanEngine } from '../../contracts/model-plan.ts';
import { type Build, flagValue, withFlags } from '../build.ts';
import { UTILIZATION } from '../memory.ts';

export interface Start {
  /** That the model is split over. */
  readonly gpus: number;
  readonly contextTokens: number;
  /** At the same time. */
  readonly sequences: number;
}

/** Nothing is fetched at run time. */
const HUB_OFFLINE: Readonly<Record<string, string>> = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };
export const OFFLINE: Readonly<Record<string, string>> = { ...HUB_OFFLINE, VLLM_NO_USAGE_STATS: '1' };
/** Of vLLM's own server; Triton takes only the settings of the engine itself. */
const SERVER_FLAGS =
  /^--(?:enable-auto-tool-choice|tool-call-parser|tool-parser-plugin|reasoning-parser\b.*|enable-prompt-tokens-details)(?:=|$)/;
const FOLDER = '$CAISSON_MODEL_DIR';

/** Lines for a shell. The variable CAISSON_MODEL_DIR names the model's folder. */
export function commandFor(build: Build, engine: PlanEngine, start: Start): readonly string[] {
  const lines: Readonly<Record<PlanEngine, () => readonly string[]>> = {
    vllm: () => vllmCommand(build, start),
    triton: () => tritonCommand(build, start),
    trtllm: () => trtllmCommand(build, start),
    nim: () => nimCommand(build, start),
    llamacpp: () => llamaCommand(build, start),
  };
  return lines[engine]();
}

export function vllmFlags(build: Build, start: Start): readonly string[] {
  return [`--served-model-name=${build.name}`, ...withFlags(build.flags, loadFlags(start))];
}

export function vllmEnvironment(
  build: Build,
  { contextTokens }: Pick<Start, 'contextTokens'>,
): Readonly<Record<string, string>> {
  const isLong = contextTokens > build.contextTokens.default;
  return { ...OFFLINE, ...build.environment, ...(isLong ? { VLLM_ALLOW_LONG_MAX_MODEL_LEN: '1' } : {}) };
}

/** Text of config.pbtxt. */
export const TRITON_CONFIG = [
  'backend: "vllm"',
  'instance_group [ { kind: KIND_MODEL } ]',
  'parameters { key: "REPORT_CUSTOM_METRICS" value { string_value: "true" } }',
];

/** Content of model.json: the flags of vLLM's engine as a JSON object. `folder`: where the engine finds the model. */
export function tritonModel(build: Build, start: Start, folder: string): JsonObject {
  const flags = withFlags(build.flags, loadFlags(start)).filter((flag) => !SERVER_FLAGS.test(flag));
  return { model: folder, ...Object.fromEntries(flags.map(settingOf)), disable_log_stats: false };
}

/**
 * Content of the file that goes to `trtllm-serve --config`. What it says of the cache is what the flags of vLLM say: the arithmetic
 * of memory goes by them. Prefixes of hybrid models are not kept.
 */
export function trtllmOptions(build: Build): JsonObject {
  const { kv_cache_config: own, ...options } = build.engines.trtllm?.options ?? {};
  const state = flagValue(build.flags, '--mamba-ssm-cache-dtype');
  return {
    ...options,
    kv_cache_config: {
      dtype: flagValue(build.flags, '--kv-cache-dtype') ?? 'auto',
      free_gpu_memory_fraction: UTILIZATION,
      ...(build.memory.mamba === undefined ? {} : { enable_block_reuse: false }),
      ...(state === undefined ? {} : { mamba_ssm_cache_dtype: state }),
      ...(isObject(own) ? own : {}),
    },
  };
}

/** Flag and value are two words for llama.cpp. */
export function llamaFlags(build: Build, { contextTokens, sequences }: Start, file: string): readonly string[] {
  const pairs = { model: file, alias: build.name, 'ctx-size': contextTokens * sequences, parallel: sequences };
  const values = Object.entries({ ...pairs, 'n-gpu-layers': 999, port: 8000 });
  return [...values.flatMap(([name, value]) => [`--${name}`, String(value)]), '--jinja'];
}

/** What NIM hands on to its engine. */
export function nimArguments(start: Start): string {
  return loadFlags(start).join(' ');
}

function loadFlags({ gpus, contextTokens, sequences }: Start): readonly string[] {
  return [
    `--max-model-len=${contextTokens}`,
    `--max-num-seqs=${sequences}`,
    ...(gpus === 1 ? [] : [`--tensor-parallel-size=${gpus}`]),
  ];
}

function vllmCommand(build: Build, start: Start): readonly string[] {
  const environment = Object.entries(vllmEnvironment(build, start)).map(([name, value]) => `${name}=${value}`);
  const flags = vllmFlags(build, start).map(quoted);
  return joined([...environment, `vllm serve "${FOLDER}"`, ...flags, '--host=127.0.0.1']);
}

function tritonCommand(build: Build, start: Start): readonly string[] {
  const folder = `repository/${build.name}`;
  const json = JSON.stringify(tritonModel(build, start, FOLDER), undefined, 2).split('\n');
  const environment = Object.entries(vllmEnvironment(build, start)).map(([name, value]) => `${name}=${value}`);
  return [
    `mkdir -p ${folder}/1`,
    `cat > ${folder}/config.pbtxt <<END`,
    ...TRITON_CONFIG,
    'END',
    `cat > ${folder}/1/model.json <<END`,
    ...json,
    'END',
    ...joined([...environment, 'tritonserver --model-repository=repository']),
  ];
}

function trtllmCommand(build: Build, { gpus, contextTokens, sequences }: Start): readonly string[] {
  const isLong = contextTokens > build.contextTokens.default;
  const environment = { ...HUB_OFFLINE, ...(isLong ? { TLLM_ALLOW_LONG_MAX_MODEL_LEN: '1' } : {}) };
  const load = [`--max_seq_len=${contextTokens}`, `--max_batch_size=${sequences}`, `--tp_size=${gpus}`];
  const flags = withFlags(build.engines.trtllm?.flags ?? [], load);
  return [
    'cat > trtllm.yaml <<END',
    ...JSON.stringify(trtllmOptions(build), undefined, 2).split('\n'),
    'END',
    ...joined([
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      `trtllm-serve "${FOLDER}"`,
      `--served_model_name=${build.name}`,
      ...flags.map(quoted),
      '--config=trtllm.yaml',
      '--host=127.0.0.1',
    ]),
  ];
}

function nimCommand(build: Build, start: Start): readonly string[] {
  const { image = '', environment = {} } = build.engines.nim ?? {};
  const values = { NIM_MODEL_PATH: '/model', NIM_PASSTHROUGH_ARGS: nimArguments(start), ...environment };
  return joined([
    `docker run --rm --gpus=${start.gpus} --shm-size=8g -p 127.0.0.1:8000:8000`,
    `-v "${FOLDER}:/model:ro"`,
    '-v nim-cache:/opt/nim/.cache',
    ...Object.entries(values).map(([name, value]) => `-e ${quoted(`${name}=${value}`)}`),
    image,
  ]);
}

function llamaCommand(build: Build, start: Start): readonly string[] {
  const words = llamaFlags(build, start, `"${FOLDER}/${build.name}.gguf"`);
  return joined(`llama-server ${words.join(' ')} --host 127.0.0.1`.split(/ (?=--)/));
}

function settingOf(flag: string): readonly [string, Json] {
  const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(flag) ?? [];
  return [name.replaceAll('-', '_'), value === undefined ? true : settingValue(value)];
}

/** Numbers and JSON objects are given as such. */
function settingValue(text: string): Json {
  if (!/^(?:\d+(?:\.\d+)?$|\{)/.test(text)) return text;
  return JSON.parse(text) as Json;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function quoted(word: string): string {
  return /^[\w=./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** One command over several lines. */
function joined(words: readonly string[]): readonly string[] {
  return words.map((word, index) => `${index === 0 ? '' : '  '}${word}${index < words.length - 1 ? ' \\' : ''}`);
}
