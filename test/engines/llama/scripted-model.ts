// Owns a tiny model for llama.cpp whose weights recite texts: which one, a mark in the prompt says. Knows no engine.
import { type GgufTensor, type GgufValue, writeGguf } from './gguf.ts';

/** `endless`: after its last piece the text begins again. */
export interface Play {
  readonly text: string;
  readonly endless?: boolean;
}

export interface ScriptedModel {
  readonly template: string;
  readonly plays: readonly Play[];
  readonly contextTokens?: number;
  readonly architecture?: string;
}

/** The mark that makes the model recite that play; the greatest in the prompt counts. Without one it is play 0. */
export function mark(play: number): string {
  return `⟦${play}⟧`;
}

/**
 * How it recites: each piece of a text is a token of its own with a random code as embedding, and the row of the output matrix for the
 * piece that follows is the same code. What begins a text is found by the one attention head: marks have keys that grow with their
 * number, and the value of the greatest names the first piece. Everything else adds nothing.
 */
export async function writeScriptedModel(file: string, model: ScriptedModel): Promise<Buffer> {
  const vocabulary = makeVocabulary(model.plays);
  return writeGguf(file, metadata(model, vocabulary), weights(model.plays, vocabulary));
}

const SPECIAL = ['<unk>', '<s>', '</s>', '<|im_start|>', '<|im_end|>'];
const END = SPECIAL.indexOf('<|im_end|>');
const MARKED = ['<think>', '</think>', '<tool_call>', '</tool_call>'];
const KIND = { normal: 1, unknown: 2, control: 3, user: 4, byte: 6 } as const;
const BYTES = 256;
const PIECE = 5;

interface Vocabulary {
  readonly tokens: readonly { readonly text: string; readonly kind: number }[];
  /** Token of the mark, and tokens of the pieces, of each play. */
  readonly marks: readonly number[];
  readonly pieces: readonly (readonly number[])[];
}

function makeVocabulary(plays: readonly Play[]): Vocabulary {
  const tokens: { text: string; kind: number }[] = [];
  const add = (text: string, kind: number) => tokens.push({ text, kind }) - 1;
  for (const text of SPECIAL) add(text, text === '<unk>' ? KIND.unknown : KIND.control);
  for (let byte = 0; byte < BYTES; byte += 1) add(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, KIND.byte);
  add('\u2581', KIND.normal);
  for (const text of MARKED) add(text, KIND.user);
  const marks = plays.map((_, play) => add(mark(play), KIND.user));
  const used = new Set(tokens.map(({ text }) => text));
  const pieces = plays.map(({ text }) => cut(text, used).map((piece) => add(piece, KIND.normal)));
  return { tokens, marks, pieces };
}

/** Pieces that no other token has: a piece that is used already grows. */
function cut(text: string, used: Set<string>): readonly string[] {
  const letters = Array.from(text.replaceAll(' ', '\u2581'));
  const pieces: string[] = [];
  let piece = '';
  for (const letter of letters) {
    piece += letter;
    if (Array.from(piece).length < PIECE || used.has(piece)) continue;
    used.add(piece);
    pieces.push(piece);
    piece = '';
  }
  if (piece === '') return pieces;
  const last = used.has(piece) || Array.from(piece).length === 1 ? `${pieces.pop() ?? ''}${piece}` : piece;
  used.add(last);
  return [...pieces, last];
}

const CODE = 256;
const MOST_PLAYS = 64;
const CONSTANT = CODE + MOST_PLAYS;
const SIZE = CONSTANT + 64;
const HEAD = 64;
const FORWARD = 32;

function metadata(
  { template, contextTokens = 65_536, architecture = 'llama' }: ScriptedModel,
  { tokens }: Vocabulary,
): Record<string, GgufValue> {
  const text = (value: string): GgufValue => ({ type: 'string', value });
  const count = (value: number): GgufValue => ({ type: 'u32', value });
  const real = (value: number): GgufValue => ({ type: 'f32', value });
  const flag = (value: boolean): GgufValue => ({ type: 'bool', value });
  return {
    'general.architecture': text(architecture),
    'general.name': text('scripted'),
    'general.file_type': count(0),
    'llama.vocab_size': count(tokens.length),
    'llama.context_length': count(contextTokens),
    'llama.embedding_length': count(SIZE),
    'llama.block_count': count(1),
    'llama.feed_forward_length': count(FORWARD),
    'llama.attention.head_count': count(1),
    'llama.attention.head_count_kv': count(1),
    'llama.attention.key_length': count(HEAD),
    'llama.attention.value_length': count(HEAD),
    'llama.attention.layer_norm_rms_epsilon': real(1e-6),
    'llama.rope.dimension_count': count(HEAD),
    // The last pair of a head turns by nothing on this way: its score does not hang on the distance.
    'llama.rope.freq_base': real(1e12),
    'tokenizer.ggml.model': text('llama'),
    'tokenizer.ggml.tokens': { type: 'array', of: 'string', values: tokens.map((token) => token.text) },
    'tokenizer.ggml.scores': { type: 'array', of: 'f32', values: tokens.map((_, at) => -at) },
    'tokenizer.ggml.token_type': { type: 'array', of: 'i32', values: tokens.map(({ kind }) => kind) },
    'tokenizer.ggml.bos_token_id': count(SPECIAL.indexOf('<s>')),
    'tokenizer.ggml.eos_token_id': count(END),
    'tokenizer.ggml.unknown_token_id': count(0),
    'tokenizer.ggml.add_bos_token': flag(false),
    'tokenizer.ggml.add_space_prefix': flag(false),
    'tokenizer.chat_template': text(template),
  };
}

const PIECE_STRENGTH = 8;
const KEY_STEP = 40;
const VALUE_STRENGTH = 4;
const OUTPUT_STRENGTH = 16;

function weights(plays: readonly Play[], vocabulary: Vocabulary): readonly GgufTensor[] {
  const matrices = {
    embedding: matrix('token_embd.weight', SIZE, vocabulary.tokens.length),
    output: matrix('output.weight', SIZE, vocabulary.tokens.length),
  };
  recite(plays, vocabulary, matrices);
  return [
    matrices.embedding,
    matrices.output,
    ...findTheBeginning(plays, vocabulary, matrices.embedding),
    ones('output_norm.weight'),
    ones('blk.0.attn_norm.weight'),
    ones('blk.0.ffn_norm.weight'),
    matrix('blk.0.ffn_gate.weight', SIZE, FORWARD),
    matrix('blk.0.ffn_up.weight', SIZE, FORWARD),
    matrix('blk.0.ffn_down.weight', FORWARD, SIZE),
  ];
}

function recite(
  plays: readonly Play[],
  { pieces }: Vocabulary,
  { embedding, output }: { readonly embedding: Matrix; readonly output: Matrix },
): void {
  const random = generator();
  for (const [play, { endless = false }] of plays.entries()) {
    const sequence = pieces[play] ?? [];
    const first = sequence[0] ?? END;
    output.set(CODE + play, first, OUTPUT_STRENGTH);
    if (play === 0) output.set(CONSTANT, first, 1);
    for (const [at, token] of sequence.entries()) {
      const next = sequence[at + 1] ?? (endless ? first : END);
      for (let dimension = 0; dimension < CODE; dimension += 1) {
        const sign = random() < 0.5 ? -1 : 1;
        embedding.set(dimension, token, sign * PIECE_STRENGTH);
        output.add(dimension, next, sign);
      }
    }
  }
}

/** The attention head, and what it looks for in the embeddings. */
function findTheBeginning(
  plays: readonly Play[],
  { tokens, marks }: Vocabulary,
  embedding: Matrix,
): readonly GgufTensor[] {
  const query = matrix('blk.0.attn_q.weight', SIZE, HEAD);
  const key = matrix('blk.0.attn_k.weight', SIZE, HEAD);
  const value = matrix('blk.0.attn_v.weight', SIZE, HEAD);
  const mixed = matrix('blk.0.attn_output.weight', HEAD, SIZE);
  for (const token of tokens.keys()) embedding.set(CONSTANT, token, 1);
  for (const [play, token] of marks.entries()) embedding.set(CODE + play, token, 1);
  query.set(CONSTANT, HEAD - 2, 1);
  for (const play of plays.keys()) {
    key.set(CODE + play, HEAD - 2, (play + 1) * KEY_STEP);
    value.set(CODE + play, play, VALUE_STRENGTH);
    mixed.set(play, CODE + play, 1);
  }
  return [query, key, value, mixed];
}

interface Matrix extends GgufTensor {
  set(column: number, row: number, value: number): void;
  add(column: number, row: number, value: number): void;
}

function matrix(name: string, columns: number, rows: number): Matrix {
  const data = new Float32Array(columns * rows);
  return {
    name,
    shape: [columns, rows],
    data,
    set: (column, row, value) => void (data[row * columns + column] = value),
    add: (column, row, value) => void (data[row * columns + column] = (data[row * columns + column] ?? 0) + value),
  };
}

function ones(name: string): GgufTensor {
  return { name, shape: [SIZE], data: new Float32Array(SIZE).fill(1) };
}

/** The same numbers each time. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
