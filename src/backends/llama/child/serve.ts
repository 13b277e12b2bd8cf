// Owns the process of the engine: takes orders from the channel of its parent, reports on it, and ends with it. Knows no prompt format.
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { type GenerateOrder, type Order, type Report, WIRE_VERSION } from '../wire.ts';
import { createEmbedder } from './embed.ts';
import { generate, type Generation } from './generate.ts';
import type { Library } from './library.ts';
import { type Engine, loadModel } from './load.ts';
import { createSlots, type Slots } from './slots.ts';

const NICE = 5;
/** A machine that runs out of memory ends this process before others. */
const FIRST_TO_GO = '800';

/** Called once, in a process of its own that has a channel to its parent. */
export function serve(library: Library): void {
  // The parent is gone: nobody hears an answer. Threads of the engine may be at work, so nothing is tidied.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  beHumble();
  const working = new Map<number, AbortController>();
  let room: Room | undefined;
  process.on('message', (order: Order) => {
    if (order.type === 'load') {
      if (order.version !== WIRE_VERSION)
        return refuse(`it speaks version ${WIRE_VERSION} of the wire, not ${order.version}`);
      void loadModel(library, order).then((result) => {
        if ('refused' in result) return refuse(result.refused);
        room = furnish(result.engine, working);
        return report(loaded(result.engine));
      });
    } else if (order.type === 'cancel') working.get(order.id)?.abort();
    else if (room !== undefined) void obey(room, order);
  });
}

type Work = Exclude<Order, { readonly type: 'load' | 'cancel' }>;

interface Room {
  readonly engine: Engine;
  readonly slots: Slots;
  readonly embed: ReturnType<typeof createEmbedder>;
  readonly working: Map<number, AbortController>;
}

function furnish(engine: Engine, working: Map<number, AbortController>): Room {
  const { context, order } = engine;
  const slots = createSlots(Array.from({ length: order.slots }, () => context.getSequence()));
  return { engine, slots, embed: createEmbedder(engine), working };
}

async function obey(room: Room, order: Work): Promise<void> {
  const { id } = order;
  try {
    if (order.type === 'count') {
      const tokens = room.engine.model.tokenize(order.text, true).length;
      return report({ type: 'counted', id, tokens });
    }
    if (order.type === 'embed') {
      const embedded = await room.embed(order);
      return report('code' in embedded ? { type: 'failed', id, ...embedded } : { type: 'embedded', id, ...embedded });
    }
    await answer(room, order);
  } catch (error) {
    report({ type: 'failed', id, code: 'backend_failed', message: wordsOf(error) });
  }
}

async function answer({ engine, slots, working }: Room, order: GenerateOrder): Promise<void> {
  const { id } = order;
  const { context } = engine;
  const tokens = promptTokens(engine, order);
  const holds = context.contextSize - 2;
  if (tokens.length > holds || tokens.length === 0) {
    const long = `the prompt has ${tokens.length} tokens and the model holds ${context.contextSize}, with the answer`;
    const code = tokens.length === 0 ? 'invalid_input' : 'context_exceeded';
    return report({ type: 'failed', id, code, message: tokens.length === 0 ? 'the prompt is empty' : long });
  }
  const slot = slots.take(tokens, order.affinity);
  if (slot === undefined) throw new Error(`none of ${slots.sequences().length} slots is free`);
  const { sequence } = slot;
  const say = (text: string) => {
    if (text !== '') report({ type: 'text', id, text });
  };
  const cancel = new AbortController();
  working.set(id, cancel);
  const progress = () => report({ type: 'meter', ...meter(slots) });
  progress();
  const done = await outcomeOf({ engine, sequence, order, tokens, signal: cancel.signal, say, progress });
  slots.give(slot);
  working.delete(id);
  progress();
  report(done);
}

async function outcomeOf(generation: Generation): Promise<Report> {
  const { id } = generation.order;
  try {
    const outcome = await generate(generation);
    return 'badGrammar' in outcome
      ? { type: 'failed', id, code: 'invalid_input', message: outcome.badGrammar }
      : { type: 'end', id, ...outcome };
  } catch (error) {
    // What is left in the slot is not known.
    await generation.sequence.clearHistory();
    return { type: 'failed', id, code: 'backend_failed', message: wordsOf(error) };
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function promptTokens(
  { model }: Engine,
  { prompt, plain }: { readonly prompt: string; readonly plain: boolean },
): number[] {
  const tokens = model.tokenize(prompt, !plain);
  const { bos, shouldPrependBosToken } = model.tokens;
  return plain && shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens;
}

function meter(slots: Slots) {
  const meters = slots.sequences().map(({ tokenMeter }) => tokenMeter);
  const sum = (count: (one: (typeof meters)[number]) => number) => meters.reduce((all, one) => all + count(one), 0);
  return {
    active: slots.active(),
    evaluatedTokens: sum(({ usedInputTokens }) => usedInputTokens),
    generatedTokens: sum(({ usedOutputTokens }) => usedOutputTokens),
  };
}

function loaded({ model, context, version, order }: Engine): Report {
  const { bosString, eosString } = model.tokens;
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  return {
    type: 'loaded',
    version: WIRE_VERSION,
    engine: `node-llama-cpp ${version}`,
    contextTokens: context.contextSize,
    threads: order.threads,
    embeddingSize: model.embeddingVectorSize,
    ...(typeof template === 'string' && template !== '' ? { template } : {}),
    ...(bosString === null ? {} : { bos: bosString }),
    ...(eosString === null ? {} : { eos: eosString }),
  };
}

/** The last word of a process that is of no use. */
function refuse(message: string): void {
  process.send?.({ type: 'refused', message } satisfies Report, undefined, undefined, () => process.exit(0));
}

function report(words: Report): void {
  process.send?.(words);
}

/** Where the system does not let it, it goes on as it is. */
function beHumble(): void {
  try {
    setPriority(NICE);
    writeFileSync('/proc/self/oom_score_adj', FIRST_TO_GO);
  } catch {
    // It is a courtesy.
  }
}
