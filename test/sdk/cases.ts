// Owns what each case of an SDK must come to. Knows no process and no SDK.
import type { Sight } from './engine.ts';

export const MODES = ['whole', 'streamed'] as const;
/** An abort of the generation later than that after the client left is a failure. */
const ABORT_MS = 1000;

/** A line that the script of an SDK prints of a case. */
export interface Told {
  /** `SCENE#SDK/MODE` */
  readonly case: string;
  readonly model: string;
  readonly seen: object;
  readonly leftAt?: number;
  readonly error?: string;
}

const ANSWER = { ended: 'answered', calls: ['Oslo', 'Lima'], text: 'Oslo: 3 Lima: 22' };
/** How often an SDK tries again is its own affair; that it met a death in the middle is not. */
const RAISED = { ended: 'raised', calls: [], metDeath: true, aborts: [] };
const LEFT = { left: true, aborts: ['in time'] };

/** What client and engine saw, by scene. `history`: what the engine was shown, request by request. */
export const EXPECTED: Readonly<Record<string, object>> = {
  'two-calls': {
    ...ANSWER,
    history: ['user', 'user call×1 tool', 'user call×1 tool call×1 tool'],
    metDeath: false,
    aborts: [],
  },
  parallel: { ...ANSWER, history: ['user', 'user call×2 tool tool'], metDeath: false, aborts: [] },
  'says-forever': LEFT,
  mute: LEFT,
  'dies-in-text': RAISED,
  'dies-in-call': RAISED,
  silence: {
    ended: 'answered',
    calls: [],
    text: 'The silence is over.',
    history: ['user'],
    metDeath: false,
    aborts: [],
  },
};

/** The same for what was seen. */
export function outcomeOf({ seen, leftAt }: Told, sight: Sight): object {
  const aborts = sight.abortedAt.map((at) => lateness(at - (leftAt ?? at)));
  if (leftAt !== undefined) return { ...seen, aborts };
  const history = 'ended' in seen && seen.ended === 'answered' ? { history: sight.histories } : {};
  return { ...seen, ...history, metDeath: sight.deaths > 0, aborts };
}

function lateness(ms: number): string {
  return ms <= ABORT_MS ? 'in time' : `${Math.round(ms)} ms after the client left`;
}
