// Owns one simulated engine: places, a prefix cache that forgets, prompts that are read one after the other. Knows no router.
import type { Conversation } from './loads.ts';

export interface Asked {
  readonly conversation: Conversation;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Called once, in simulated time. */
  readonly done: (result: Served) => void;
}

export interface Served {
  /** False: the engine died under it. */
  readonly ok: boolean;
  readonly cachedTokens: number;
  readonly firstWordAt: number;
}

export interface SimulatedEngine {
  ask(asked: Asked): void;
  kill(): void;
  revive(): void;
  readonly alive: boolean;
}

export interface Timeline {
  now(): number;
  at(time: number, act: () => void): void;
}

const PLACES = 32;
/** Of a 30B model with few active weights on one card, about. */
const READ_PER_MS = 12;
const WORD_MS = 7;
const WORD_MS_PER_OTHER = 0.4;
const CACHE_TOKENS = 1_500_000;

export function createSimulatedEngine(timeline: Timeline): SimulatedEngine {
  const cache = createCache();
  const waiting: Asked[] = [];
  const running = new Set<Asked>();
  let alive = true;
  let readUntil = 0;
  const start = () => {
    while (running.size < PLACES) {
      const asked = waiting.shift();
      if (asked === undefined) return;
      running.add(asked);
      const cachedTokens = cache.take(asked);
      readUntil = Math.max(readUntil, timeline.now()) + (asked.promptTokens - cachedTokens) / READ_PER_MS;
      const firstWordAt = readUntil;
      const words = asked.answerTokens * (WORD_MS + WORD_MS_PER_OTHER * running.size);
      timeline.at(firstWordAt + words, () => {
        if (!running.delete(asked)) return;
        asked.done({ ok: true, cachedTokens, firstWordAt });
        start();
      });
    }
  };
  return {
    get alive() {
      return alive;
    },
    ask: (asked) => {
      waiting.push(asked);
      start();
    },
    kill: () => {
      alive = false;
      cache.clear();
      readUntil = 0;
      const lost = [...running, ...waiting.splice(0)];
      running.clear();
      for (const { done } of lost) done({ ok: false, cachedTokens: 0, firstWordAt: timeline.now() });
    },
    revive: () => {
      alive = true;
    },
  };
}

/** What was used longest ago is forgotten first. A system prompt is kept for all that begin with it. */
function createCache() {
  const kept = new Map<string, number>();
  let total = 0;
  const touch = (name: string, tokens: number): number => {
    const known = kept.get(name) ?? 0;
    kept.delete(name);
    kept.set(name, tokens);
    total += tokens - known;
    return known;
  };
  return {
    clear: () => {
      kept.clear();
      total = 0;
    },
    take: ({ conversation, promptTokens, answerTokens }: Asked): number => {
      const system = touch(`system ${conversation.system}`, conversation.systemTokens);
      const own = touch(conversation.name, promptTokens + answerTokens - conversation.systemTokens);
      for (const [name, tokens] of kept) {
        if (total <= CACHE_TOKENS) break;
        kept.delete(name);
        total -= tokens;
      }
      return Math.min(promptTokens, system + (system > 0 ? own : 0));
    },
  };
}
