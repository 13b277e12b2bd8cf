// Owns how long an engine may be silent, and the one signal that ends a request. Knows no engine.

export interface Patience {
  /** Aborts when the asker goes away, when the engine was silent for too long, and at the end. */
  readonly signal: AbortSignal;
  /** The same promise; while it is waited for, the silence is measured. A slow reader of the answer is not the engine's silence. */
  awaiting<Value>(promise: Promise<Value>): Promise<Value>;
  /** Whether silence ended it. */
  ranOut(): boolean;
  /** The answer is over: what may still come is waited for a moment, so that the connection can be used again. */
  farewell(rest: Promise<unknown>): void;
  /** Ends the request, at once or after its farewell. */
  end(): void;
}

const FAREWELL_MS = 1000;

export function createPatience(asker: AbortSignal, silenceMs: number): Patience {
  const own = new AbortController();
  let isAwaiting = false;
  let isOut = false;
  let farewell: Promise<unknown> | undefined;
  const timer = setTimeout(() => {
    if (!isAwaiting) return;
    isOut = true;
    own.abort();
  }, silenceMs);
  return {
    signal: AbortSignal.any([asker, own.signal]),
    awaiting: async (promise) => {
      isAwaiting = true;
      timer.refresh();
      try {
        return await promise;
      } finally {
        isAwaiting = false;
      }
    },
    ranOut: () => isOut,
    farewell: (rest) => {
      farewell = rest;
    },
    end: () => {
      clearTimeout(timer);
      if (farewell === undefined) own.abort();
      else void waitShortly(farewell).then(() => own.abort());
    },
  };
}

/** Resolves with the promise, whatever becomes of it, or when its time is over. */
function waitShortly(promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FAREWELL_MS);
    const settle = () => {
      clearTimeout(timer);
      resolve();
    };
    promise.then(settle, settle);
  });
}
