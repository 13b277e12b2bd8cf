// Owns the form of a scripted conversation, and the scenes that the SDKs are driven through. Knows no HTTP and no SDK.

/** What a scripted engine does, one after the other, for one answer. */
export type Step =
  | { readonly does: 'think' | 'say'; readonly text: string }
  | { readonly does: 'call'; readonly name: string; readonly arguments: object }
  /** The call breaks off inside its arguments: only a death may follow. */
  | { readonly does: 'begin_call'; readonly name: string; readonly argumentsText: string }
  /** Says what the tools answered, so that a history that went wrong shows. */
  | { readonly does: 'say_results' }
  | { readonly does: 'wait'; readonly ms: number }
  /** Says a word again and again until the client leaves. */
  | { readonly does: 'say_forever' }
  /** The process of the engine is killed. */
  | { readonly does: 'die' };

export interface Scene {
  /** The answer to each request of a conversation, by the number of answers with calls before it. */
  readonly turns: readonly (readonly Step[])[];
  /** Played in place of that turn until it led to a death once. */
  readonly diesOnce?: { readonly turn: number; readonly steps: readonly Step[] };
}

export type Scenes = Readonly<Record<string, Scene>>;

/** Longer than every keep-alive interval, and long enough that a client without events would show its patience. */
export const SILENCE_MS = 30_000;
const FOREVER_MS = 600_000;

const weather = (city: string): Step => ({ does: 'call', name: 'weather', arguments: { city } });

/** The prompt `scene:NAME#CASE` plays the scene; CASE keeps the counts of cases apart. */
export const SDK_SCENES: Scenes = {
  'two-calls': {
    turns: [
      [{ does: 'think', text: 'Oslo comes first.' }, weather('Oslo')],
      [{ does: 'think', text: 'Now Lima.' }, { does: 'say', text: 'Lima is next.' }, weather('Lima')],
      [{ does: 'think', text: 'Both are known.' }, { does: 'say_results' }],
    ],
  },
  parallel: { turns: [[weather('Oslo'), weather('Lima')], [{ does: 'say_results' }]] },
  'dies-in-text': { turns: [[{ does: 'say', text: 'Half of an' }, { does: 'die' }]] },
  'dies-in-call': {
    turns: [[{ does: 'begin_call', name: 'weather', argumentsText: '{"city": "Os' }, { does: 'die' }]],
  },
  'says-forever': { turns: [[{ does: 'say_forever' }]] },
  mute: { turns: [[{ does: 'wait', ms: FOREVER_MS }]] },
  silence: {
    turns: [
      [
        { does: 'wait', ms: SILENCE_MS },
        { does: 'say', text: 'The silence is over.' },
      ],
    ],
  },
};
