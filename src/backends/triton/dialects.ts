// Owns the dialects in which models behind Triton take a text and give one, and how a model's dialect is told. Knows no connection.
import type { JsonObject } from '../../base/json.ts';
import type { TensorValue } from './wire/tensors.ts';
import type { ModelConfig, ModelMetadata } from './wire/messages.ts';

/** What a generation should be. */
export interface Wish {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly stop: readonly string[];
  readonly stopTokenIds: readonly number[];
  /** The text is JSON, of this schema. */
  readonly schema?: JsonObject;
}

type Inputs = Readonly<Record<string, TensorValue | undefined>>;

export interface Dialect {
  readonly name: 'vllm' | 'tensorrt_llm' | 'tensorrt_llm_llmapi';
  /** Whether each reply holds what is new, or all text so far. */
  readonly text: 'new' | 'so_far';
  /** Tokens in a reply's count: of that reply, or not sure which. */
  readonly counts: 'new' | 'either';
  readonly canConstrain: boolean;
  /** By name of the input. Those that the model does not have are left out. */
  inputs(wish: Wish, streams: boolean): Inputs;
}

/** How one model is spoken to. */
export interface Spoken {
  readonly dialect: Dialect;
  /** Datatypes of its inputs by name. */
  readonly datatypes: ReadonlyMap<string, string>;
  /** Tensors have a dimension for the batch in front. */
  readonly batched: boolean;
  readonly streams: boolean;
  /** Tokens of prompt and answer together, where its configuration says. */
  readonly contextTokens: number | undefined;
}

/** Or why it cannot be spoken to. The batch is told by the configuration: a shape that begins with -1 has none in one dialect. */
export function tellDialect(metadata: ModelMetadata, config: ModelConfig): Spoken | { readonly problem: string } {
  const datatypes = new Map(metadata.inputs.map(({ name, datatype }) => [name, datatype]));
  const dialect = dialectOf(datatypes, config);
  const gives = metadata.outputs.some(({ name, datatype }) => name === 'text_output' && datatype === 'BYTES');
  if (dialect === undefined || datatypes.get('text_input') !== 'BYTES' || !gives)
    return { problem: `takes ${[...datatypes.keys()].join(', ') || 'nothing'}, which no dialect of a text model does` };
  const known = dialect.inputs(EVERY_WISH, true);
  const lacking = config.input.filter(({ name, optional }) => !optional && known[name] === undefined);
  if (lacking.length > 0)
    return { problem: `requires the input ${lacking.map(({ name }) => name).join(', ')}, which nothing here gives` };
  return {
    dialect,
    datatypes,
    batched: config.maxBatchSize > 0,
    streams: config.modelTransactionPolicy?.decoupled ?? false,
    contextTokens: windowOf(config),
  };
}

const EVERY_WISH: Wish = {
  prompt: '',
  maxTokens: 1,
  temperature: 1,
  topP: 1,
  topK: 1,
  seed: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  stop: [''],
  stopTokenIds: [0],
};

function dialectOf(inputs: ReadonlyMap<string, string>, { parameters }: ModelConfig): Dialect | undefined {
  if (inputs.has('sampling_parameters')) return VLLM;
  if (inputs.has('streaming') || inputs.has('sampling_param_max_tokens')) return LLMAPI;
  if (!inputs.has('max_tokens')) return undefined;
  return parameters['accumulate_tokens']?.stringValue === 'true' ? { ...CLASSIC, text: 'so_far' } : CLASSIC;
}

/** No back end has to say it; these are the names under which some do. */
const WINDOW_NAMES = ['max_model_len', 'max_seq_len', 'max_sequence_length'];

function windowOf({ parameters }: ModelConfig): number | undefined {
  const values = WINDOW_NAMES.map((name) => Number(parameters[name]?.stringValue));
  return values.find((value) => Number.isSafeInteger(value) && value > 0);
}

/** What both older back ends call alike. */
function samplingOf(wish: Wish) {
  return {
    temperature: wish.temperature,
    top_p: wish.topP,
    top_k: wish.topK,
    seed: wish.seed,
    presence_penalty: wish.presencePenalty,
    frequency_penalty: wish.frequencyPenalty,
  };
}

/** Without `sampling_parameters` this back end would take the parameters of the request for them. */
const VLLM: Dialect = {
  name: 'vllm',
  text: 'new',
  counts: 'new',
  canConstrain: true,
  inputs: (wish, streams) => ({
    text_input: wish.prompt,
    stream: streams,
    sampling_parameters: JSON.stringify({
      max_tokens: wish.maxTokens,
      ...samplingOf(wish),
      stop: some(wish.stop),
      stop_token_ids: some(wish.stopTokenIds),
      // A text in the text: the back end reads it by itself.
      structured_outputs: wish.schema === undefined ? undefined : JSON.stringify({ json: wish.schema }),
    }),
    exclude_input_in_output: true,
    return_finish_reason: true,
    return_num_input_tokens: true,
    return_num_output_tokens: true,
  }),
};

/** The ids that end an answer must be given: the engine knows none. */
const CLASSIC: Dialect = {
  name: 'tensorrt_llm',
  text: 'new',
  counts: 'either',
  canConstrain: true,
  inputs: (wish, streams) => ({
    text_input: wish.prompt,
    stream: streams,
    max_tokens: wish.maxTokens,
    ...samplingOf(wish),
    stop_words: some(wish.stop),
    end_id: wish.stopTokenIds.at(-1),
    pad_id: wish.stopTokenIds.length === 0 ? undefined : 0,
    exclude_input_in_output: true,
    return_num_input_tokens: true,
    return_num_output_tokens: true,
    ...(wish.schema === undefined
      ? {}
      : { guided_decoding_guide_type: 'json_schema', guided_decoding_guide: JSON.stringify(wish.schema) }),
  }),
};

const LLMAPI: Dialect = {
  name: 'tensorrt_llm_llmapi',
  text: 'so_far',
  counts: 'either',
  canConstrain: false,
  inputs: (wish, streams) => ({
    text_input: wish.prompt,
    streaming: streams,
    sampling_param_max_tokens: wish.maxTokens,
    sampling_param_temperature: wish.temperature,
    sampling_param_top_p: wish.topP,
    sampling_param_top_k: wish.topK,
    sampling_param_seed: wish.seed,
    sampling_param_presence_penalty: wish.presencePenalty,
    sampling_param_frequency_penalty: wish.frequencyPenalty,
    sampling_param_stop: some(wish.stop),
    sampling_param_exclude_input_from_output: true,
    return_finish_reason: true,
  }),
};

function some<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items;
}
