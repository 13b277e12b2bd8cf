// Owns the line breaks that chat templates leave around an answer's text. Knows no engine and no call.

export interface LineBreaks {
  /** What of the piece may be shown now. */
  take(text: string): string;
  /** A call follows: breaks at the end of the text belong to the template. */
  drop(): void;
  /** The answer is over: breaks at its end are its own. */
  rest(): string;
}

/** Breaks before the first text are dropped; those behind it are held until it is known what follows. */
export function createLineBreaks(): LineBreaks {
  let started = false;
  let held = '';
  return {
    take: (text) => {
      const whole = started ? held + text : text.replace(/^[\r\n]+/, '');
      started ||= whole !== '';
      const shown = whole.replace(/[\r\n]+$/, '');
      held = whole.slice(shown.length);
      return shown;
    },
    drop: () => {
      held = '';
    },
    rest: () => {
      const text = held;
      held = '';
      return text;
    },
  };
}
