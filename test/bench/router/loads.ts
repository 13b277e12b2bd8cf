// Owns the conversations that simulated replicas are asked for: made from a seed, or with the steps of a recorded one. Knows no replica.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRehearsal } from '../../../src/backends/rehearsal/script.ts';
import { seeded, upTo } from '../../unit/tools/seeded.ts';

export interface Turn {
  /** Tokens that come to the prompt before it. */
  readonly grows: number;
  readonly answer: number;
  /** Milliseconds until the next one: a tool runs, a person reads. */
  readonly thinkMs: number;
}

export interface Conversation {
  readonly name: string;
  readonly user: number;
  /** Which of the shared system prompts it begins with, and its tokens. */
  readonly system: number;
  readonly systemTokens: number;
  readonly startMs: number;
  readonly turns: readonly Turn[];
}

export type Load = (conversations: number, seed: number) => readonly Conversation[];

const SYSTEMS = 3;
const SYSTEM_TOKENS = 6000;
const CHARACTERS_PER_TOKEN = 4;
const RAMP_MS = 60_000;
const USERS_PER_CONVERSATION = 1 / 3;

/** Agents at work: many turns that each add the output of a tool, from few users with many and many with few. */
export const generated: Load = (conversations, seed) =>
  make(conversations, seed, (random) =>
    Array.from({ length: 10 + upTo(random, 40) }, () => ({
      grows: 100 + Math.round(2500 * random() ** 3),
      answer: 30 + Math.round(400 * random() ** 2),
      thinkMs: 200 + exponential(random, 3000),
    })),
  );

/** Waves: a team's jobs begin within two seconds of each other, work without a pause and are gone before the next wave. */
export const bursty: Load = (conversations, seed) => {
  const calm = make(conversations, seed, (random) =>
    Array.from({ length: 4 + upTo(random, 8) }, () => ({
      grows: 200 + Math.round(4000 * random() ** 3),
      answer: 30 + Math.round(300 * random() ** 2),
      thinkMs: 50 + exponential(random, 300),
    })),
  );
  return calm.map((one) => {
    const wave = Math.floor((one.startMs / RAMP_MS) * WAVES);
    const within = (one.startMs / RAMP_MS) * WAVES - wave;
    return { ...one, startMs: wave * WAVE_MS + within * BURST_MS };
  });
};

const WAVES = 4;
const WAVE_MS = 30_000;
const BURST_MS = 2000;

/** Few conversations that go on for hours: prompts of up to two hundred thousand tokens, read anew where a cache is missed. */
export const long: Load = (conversations, seed) =>
  make(Math.max(1, Math.round(conversations * LONG_SHARE)), seed, (random) =>
    Array.from({ length: 60 + upTo(random, 90) }, () => ({
      grows: 300 + Math.round(5000 * random() ** 3),
      answer: 50 + Math.round(600 * random() ** 2),
      thinkMs: 500 + exponential(random, 8000),
    })),
  );

const LONG_SHARE = 1 / 4;

/** The replies of the conversation of the demo, three times over; outputs and times of its tools are made from the seed. */
export const recorded: Load = (conversations, seed) => {
  const path = join(import.meta.dirname, '..', '..', 'demo', 'slugify.yaml');
  const { turns } = parseRehearsal(readFileSync(path, 'utf8'), path);
  const answers = turns.map(({ reply }) => Math.ceil(JSON.stringify(reply).length / CHARACTERS_PER_TOKEN));
  return make(conversations, seed, (random) =>
    [...answers, ...answers, ...answers].map((answer) => ({
      grows: answer + 50 + upTo(random, 600),
      answer,
      thinkMs: 50 + exponential(random, 800),
    })),
  );
};

function make(
  count: number,
  seed: number,
  turnsOf: (random: () => number) => readonly Turn[],
): readonly Conversation[] {
  const random = seeded(seed);
  const users = Math.max(1, Math.round(count * USERS_PER_CONVERSATION));
  return Array.from({ length: count }, (_, index) => {
    const system = upTo(random, SYSTEMS - 1);
    return {
      name: `run_${seed}_${index}`,
      // The first users have most.
      user: Math.floor(users * random() ** 2),
      system,
      systemTokens: SYSTEM_TOKENS + 1000 * system,
      startMs: RAMP_MS * random(),
      turns: turnsOf(random),
    };
  });
}

function exponential(random: () => number, mean: number): number {
  return -mean * Math.log(1 - random());
}
