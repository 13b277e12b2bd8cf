// Owns the slots of an engine: which one takes a prompt, so that what it has evaluated already serves again. Evaluates nothing.
import type { Sequence } from './library.ts';

export interface Slot {
  readonly sequence: Sequence;
}

export interface Slots {
  /** A free one for the prompt; undefined: all are at work. The caller gives it back. */
  take(tokens: readonly number[], affinity: string | undefined): Slot | undefined;
  give(slot: Slot): void;
  active(): number;
  sequences(): readonly Sequence[];
}

interface Inner extends Slot {
  busy: boolean;
  affinity: string | undefined;
  /** Counts what was taken before. */
  usedAt: number;
}

/** Of a prompt that another conversation left: less is not worth throwing its state away. */
const WORTH = 0.5;

export function createSlots(sequences: readonly Sequence[]): Slots {
  const slots: Inner[] = sequences.map((sequence) => ({ sequence, busy: false, affinity: undefined, usedAt: 0 }));
  let taken = 0;
  return {
    take: (tokens, affinity) => {
      const slot = choose(
        slots.filter(({ busy }) => !busy),
        tokens,
        affinity,
      );
      if (slot === undefined) return undefined;
      taken += 1;
      Object.assign(slot, { busy: true, affinity, usedAt: taken });
      return slot;
    },
    give: (slot) => {
      const inner = slots.find((one) => one === slot);
      if (inner !== undefined) inner.busy = false;
    },
    active: () => slots.filter(({ busy }) => busy).length,
    sequences: () => sequences,
  };
}

/** The one with the longest beginning of this conversation, or of most of the prompt; else the one that rests for longest. */
function choose(free: readonly Inner[], tokens: readonly number[], affinity: string | undefined): Inner | undefined {
  const rated = free.map((slot) => {
    const shared = slot.sequence.compareContextTokens(tokens).firstDifferentIndex;
    const isOwn = affinity !== undefined && slot.affinity === affinity;
    return { slot, shared, counts: shared > 0 && (isOwn || shared >= tokens.length * WORTH) };
  });
  const warm = rated.filter(({ counts }) => counts).toSorted((left, right) => right.shared - left.shared)[0];
  return (warm ?? rated.toSorted((left, right) => left.slot.usedAt - right.slot.usedAt)[0])?.slot;
}
