// Owns what is remembered of the context windows of an endpoint's models. Knows no connection.
import type { Clock } from '../../base/clock.ts';
import type { ModelInfo } from '../../contracts/ports.ts';

const FRESH_MS = 60_000;
const FAILED_MS = 5000;

type Windows = ReadonlyMap<string, number>;

/**
 * Tokens of a model's window, undefined if it is not known. Only the first who asks waits; later a list that is old is given while a
 * new one is fetched. `ask` rejects when the endpoint does not say, in its own time.
 */
export function createWindows(
  ask: () => Promise<readonly ModelInfo[]>,
  clock: Pick<Clock, 'monotonic'>,
): (model: string) => Promise<number | undefined> {
  let known: Windows | undefined;
  let asking: Promise<Windows> | undefined;
  let freshUntil = Number.NEGATIVE_INFINITY;
  const learn = async (): Promise<Windows> => {
    try {
      known = windowsOf(await ask());
      freshUntil = clock.monotonic() + FRESH_MS;
    } catch {
      known ??= new Map();
      freshUntil = clock.monotonic() + FAILED_MS;
    }
    asking = undefined;
    return known;
  };
  return async (model) => {
    if (clock.monotonic() >= freshUntil) asking ??= learn();
    return (known ?? (await asking))?.get(model);
  };
}

function windowsOf(models: readonly ModelInfo[]): Windows {
  return new Map(
    models.flatMap(({ id, contextTokens }) => (contextTokens === undefined ? [] : [[id, contextTokens] as const])),
  );
}
