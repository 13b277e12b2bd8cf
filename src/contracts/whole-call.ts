// Owns what makes a finished call whole, the same for every backend. Knows no wire format.
import type { FinishReason } from './model-events.ts';

/**
 * A call may be run only if its arguments are a JSON object and the engine closed it: the last call of an answer that ran into the
 * length limit was cut, even where its text happens to parse; an answer that was broken off has no whole call.
 */
export function isWholeCall(argumentText: string, finish: FinishReason, isLast: boolean): boolean {
  if (finish === 'abort' || finish === 'content_filter' || (finish === 'length' && isLast)) return false;
  return isJsonObject(argumentText);
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
