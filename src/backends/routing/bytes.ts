// Owns the way of bytes over several replicas: the next one is asked while the client has heard nothing. Reads no byte.
import type { ModelErrorEvent } from '../../contracts/model-events.ts';
import type { PassBytes, PassingControl, PassingListener, PassingOrder } from '../../contracts/passing.ts';
import type { Attempt, Attempts } from './attempts.ts';

/** Where no replica is left, the last failure is told. A replica without such a way refuses: it is asked on the other one. */
export function passOver(attemptsFor: (affinity: string | undefined) => Attempts): PassBytes {
  return (order, listener) => {
    const passage = createPassage(attemptsFor(order.affinity), order, listener);
    passage.ask(undefined);
    return passage.control;
  };
}

function createPassage(attempts: Attempts, order: PassingOrder, listener: PassingListener) {
  let inner: PassingControl | undefined;
  let begun = false;
  const ask = (failure: ModelErrorEvent | undefined): void => {
    const attempt = attempts.next();
    if (attempt === undefined) return failure === undefined ? listener.refused() : listener.fail(failure);
    const { send } = attempt.replica;
    if (send !== undefined) inner = send(order, hear(attempt));
    else {
      attempt.end();
      listener.refused();
    }
    return undefined;
  };
  const hear = (attempt: Attempt): PassingListener => ({
    begin: (contentType) => listener.begin(contentType),
    data: (chunk) => {
      if (!begun) attempt.heard();
      begun = true;
      listener.data(chunk);
    },
    end: () => {
      attempt.end();
      const whole = listener.end();
      attempt.used(listener.usage?.());
      if (whole) attempt.answered();
      else attempt.failed(CUT, true);
      return whole;
    },
    refused: () => {
      attempt.end();
      attempt.answered();
      listener.refused();
    },
    fail: (event) => {
      attempt.end();
      if (attempt.failed(event, begun)) ask(event);
      else listener.fail(event);
    },
  });
  return { ask, control: { pause: () => inner?.pause(), resume: () => inner?.resume(), stop: () => inner?.stop() } };
}

const CUT: ModelErrorEvent = {
  type: 'error',
  code: 'backend_failed',
  message: 'the answer came to no proper end',
  retryable: true,
};
