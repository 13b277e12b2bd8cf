// Owns one answer: the rest of its prompt evaluated, tokens drawn until an end, a stop, the limit or the cancellation. Knows no channel.
import { createStopTexts } from '../../text/stop-texts.ts';
import type { Ended, GenerateOrder, SamplingOrder } from '../wire.ts';
import { createDecoder } from './decoder.ts';
import type { EvaluateOptions, GrammarState, Sequence } from './library.ts';
import { BATCH, type Engine } from './load.ts';

export interface Generation {
  readonly engine: Engine;
  readonly sequence: Sequence;
  readonly order: GenerateOrder;
  readonly tokens: readonly number[];
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
  /** Called at each part of the prompt: nothing is said meanwhile, and all is well. */
  readonly progress: () => void;
}

export type Outcome = Omit<Ended, 'type' | 'id'> | { readonly badGrammar: string };

/** Rejects when the engine fails. */
export async function generate(generation: Generation): Promise<Outcome> {
  const { tokens } = generation;
  const grammar = grammarOf(generation);
  if (grammar !== undefined && 'badGrammar' in grammar) return grammar;
  const { cachedTokens, isWhole } = await evaluatePrompt(generation);
  const drawn = isWhole ? await draw(generation, grammar) : { reason: 'aborted' as const, completionTokens: 0 };
  const { stop } = drawn;
  return {
    reason: drawn.reason,
    ...(stop === undefined ? {} : { stop }),
    promptTokens: tokens.length,
    completionTokens: drawn.completionTokens,
    cachedTokens,
  };
}

function grammarOf({ engine, order }: Generation): GrammarState | { readonly badGrammar: string } | undefined {
  if (order.grammar === undefined) return undefined;
  const { library, llama, model } = engine;
  try {
    const grammar = new library.LlamaGrammar(llama, { grammar: order.grammar });
    return new library.LlamaGrammarEvaluationState({ model, grammar });
  } catch (error) {
    return { badGrammar: error instanceof Error ? error.message : String(error) };
  }
}

/** All but the last token, from where the slot differs from it. `isWhole`: it was not cancelled meanwhile. */
async function evaluatePrompt({ sequence, tokens, signal, progress }: Generation) {
  const most = tokens.slice(0, -1);
  await sequence.adaptStateToTokens(most, false);
  const cachedTokens = sequence.nextTokenIndex;
  for (let at = cachedTokens; at < most.length; at += BATCH) {
    if (signal.aborted) return { cachedTokens, isWhole: false };
    await sequence.evaluateWithoutGeneratingNewTokens(most.slice(at, at + BATCH));
    progress();
  }
  // A model with a state that cannot go back finds its way to this place again.
  if (sequence.needsCheckpoints) await sequence.takeCheckpoint();
  return { cachedTokens, isWhole: !signal.aborted };
}

interface Drawn {
  readonly reason: Ended['reason'];
  readonly completionTokens: number;
  readonly stop?: string | undefined;
}

async function draw(generation: Generation, grammar: GrammarState | undefined): Promise<Drawn> {
  const { engine, order, tokens, say } = generation;
  const { model, context } = engine;
  const most = Math.min(order.maxTokens ?? Infinity, context.contextSize - 1 - tokens.length);
  const decoder = createDecoder(model);
  const stops = createStopTexts(order.stops);
  const drawn: number[] = [];
  const finish = (reason: Drawn['reason']): Drawn => {
    const last = stops.push(decoder.rest());
    say(last.text + (last.hit === undefined ? stops.rest() : ''));
    return { reason: last.hit === undefined ? reason : 'stop', completionTokens: drawn.length, stop: last.hit };
  };
  const options = optionsOf(order.sampling, grammar, drawn);
  for await (const token of generation.sequence.evaluate(tokens.slice(-1), options)) {
    drawn.push(token);
    if (model.isEogToken(token) || order.stopTokenIds.includes(token)) return finish('stop');
    const { text, hit } = stops.push(decoder.push(token));
    say(text);
    if (hit !== undefined) return { reason: 'stop', completionTokens: drawn.length, stop: hit };
    if (generation.signal.aborted) return { reason: 'aborted', completionTokens: drawn.length };
    if (drawn.length >= most) return finish('length');
  }
  return finish('stop');
}

/** As llama.cpp itself samples where nobody says how. */
const USUAL = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 };

function optionsOf(
  { temperature, topP, topK, seed, presencePenalty = 0, frequencyPenalty = 0 }: SamplingOrder,
  grammar: GrammarState | undefined,
  drawn: readonly number[],
): EvaluateOptions {
  const punishes = presencePenalty !== 0 || frequencyPenalty !== 0;
  return {
    temperature: temperature ?? USUAL.temperature,
    topP: topP ?? USUAL.topP,
    topK: topK ?? USUAL.topK,
    minP: USUAL.minP,
    yieldEogToken: true,
    ...(seed === undefined ? {} : { seed }),
    ...(grammar === undefined ? {} : { grammarEvaluationState: grammar }),
    ...(punishes
      ? { repeatPenalty: { punishTokens: () => [...drawn], penalty: 1, frequencyPenalty, presencePenalty } }
      : {}),
  };
}
