// Owns what a failed request to an OpenAI-compatible endpoint means. Knows no answer.
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import type { ModelErrorCode, ModelErrorEvent } from '../../contracts/model-events.ts';

interface Failure {
  readonly code: ModelErrorCode;
  readonly retryable: boolean;
  readonly words: string;
}

const SHOWN = 400;
const CONTEXT = /context|maximum.*tokens|max_model_len|too long|input_tokens/i;

/** Always an event: nothing of this is a defect of ours. `url` helps the operator; a key is never in it. */
export function failureOf(error: unknown, url: string, signal: AbortSignal): ModelErrorEvent {
  if (signal.aborted || error instanceof APIUserAbortError)
    return { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false };
  if (error instanceof APIConnectionTimeoutError)
    return event('backend_unreachable', `${url} did not answer in time`, true);
  if (error instanceof APIConnectionError)
    return event('backend_unreachable', `${url} cannot be reached: ${causeOf(error)}`, true);
  if (error instanceof APIError && typeof error.status === 'number') return statusEvent(error.status, error, url);
  if (error instanceof SyntaxError)
    return event('backend_garbage', `${url} sent what is no JSON: ${error.message.slice(0, SHOWN)}`, false);
  return event('backend_failed', `the connection to ${url} was lost: ${causeOf(error)}`, true);
}

function statusEvent(status: number, error: APIError, url: string): ModelErrorEvent {
  const said = error.message.slice(0, SHOWN);
  const { code, retryable, words } = meaningOf(status, said);
  const after = Number(error.headers?.get('retry-after'));
  const base = event(code, `${words} (status ${status} from ${url}): ${said}`, retryable);
  return Number.isFinite(after) && after > 0 ? { ...base, retryAfter: after } : base;
}

function meaningOf(status: number, said: string): Failure {
  if (status === 401 || status === 403)
    return { code: 'backend_failed', retryable: false, words: 'the endpoint refuses the key' };
  if (status === 404)
    return { code: 'model_not_found', retryable: false, words: 'the endpoint does not know the model or the address' };
  if (status === 429 || status === 503) return { code: 'overloaded', retryable: true, words: 'the endpoint is busy' };
  if (status >= 500) return { code: 'backend_failed', retryable: true, words: 'the endpoint failed' };
  if (status === 400 && CONTEXT.test(said))
    return { code: 'context_exceeded', retryable: false, words: 'the conversation is longer than the model can take' };
  return { code: 'invalid_input', retryable: false, words: 'the endpoint refuses the request' };
}

function event(code: ModelErrorCode, message: string, retryable: boolean): ModelErrorEvent {
  return { type: 'error', code, message, retryable };
}

/** The innermost cause says what really happened: ECONNREFUSED, a name that does not resolve, a certificate. */
function causeOf(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  if (!(at instanceof Error)) return String(at);
  const code = 'code' in at && typeof at.code === 'string' ? `${at.code}: ` : '';
  return `${code}${at.message}`.slice(0, SHOWN);
}
