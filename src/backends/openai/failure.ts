// Owns what a request that failed means: the errors of the way there and of the endpoint, as events. Knows no answer.
import type { ModelErrorCode, ModelErrorEvent } from '../../contracts/model-events.ts';
import { EndpointRefusal } from './connection.ts';
import { meaningOf, saidOf } from './meaning.ts';
import { printable } from './printable.ts';

const SHOWN = 400;
const BODY_SHOWN = 200;

/**
 * Always an event: nothing of this is a defect of ours. `address` is named for the operator. `now`: milliseconds since 1970, for
 * an endpoint that says until when to wait.
 */
export function failureOf(error: unknown, address: string, now: number): ModelErrorEvent {
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refusalEvent(refusal, address, now);
  const cause = innermost(error);
  const code = codeOf(cause);
  const words = code === '' ? wordsOf(cause) : `${code}: ${wordsOf(cause)}`;
  if (code.startsWith('HPE_')) return event('backend_garbage', `${address} does not speak HTTP: ${words}`, false);
  if (UNTRUSTED.has(code)) {
    const told = `its certificate is not trusted (${code}); name the file with the certificate of its signer ${AS_CA}`;
    return { ...event('backend_unreachable', `${address} cannot be reached: ${told}`, false), unsent: true };
  }
  const unreachable = event('backend_unreachable', `${address} cannot be reached: ${words}`, true);
  return WITHOUT_CONNECTION.test(words) ? { ...unreachable, unsent: true } : unreachable;
}

/** The words that a connection never came about; any other error may have met a request under way. */
const WITHOUT_CONNECTION =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_TLS_CERT_ALTNAME_INVALID|CERT_\w+|no connection within)\b/;

/** Nobody whom we know has signed the certificate: to ask again helps only once we know him. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);
const AS_CA = 'in the line `ca` of this backend';

/** The connection ended while the answer came. */
export function lostEvent(error: unknown, address: string): ModelErrorEvent {
  const cause = innermost(error);
  const code = codeOf(cause);
  return event(
    'backend_failed',
    `the connection to ${address} was lost in the middle of the answer: ${code === '' ? '' : `${code}: `}${wordsOf(cause)}`,
    true,
  );
}

export function abortedEvent(): ModelErrorEvent {
  return event('aborted', 'the request was aborted', false);
}

export function silentEvent(address: string, milliseconds: number): ModelErrorEvent {
  return event('backend_failed', `${address} sent nothing for ${milliseconds} ms`, true);
}

export function tooLongEvent(maxBytes: number): ModelErrorEvent {
  return event('backend_failed', `the answer is longer than ${maxBytes} bytes`, false);
}

/** `wanted`: what should have come; `shown`: how that began which came. */
export function garbageEvent(
  address: string,
  { wanted, contentType, shown }: { readonly wanted: string; readonly contentType: string; readonly shown: string },
): ModelErrorEvent {
  const type = contentType === '' ? 'without a content type' : printable(contentType, 100);
  const body = printable(shown, BODY_SHOWN);
  const message = `${address} did not answer with ${wanted} (${type}); it sent: ${body === '' ? 'nothing' : body}`;
  return event('backend_garbage', message, false);
}

export function refusalIn(error: unknown): EndpointRefusal | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof EndpointRefusal) return at;
  return undefined;
}

/** The same for a way to ask that not every engine has. `what`: what it would have given. */
export function failureOfWay(error: unknown, what: string, address: string, now: number): ModelErrorEvent {
  const failure = failureOf(error, address, now);
  const refusal = refusalIn(error);
  if (refusal === undefined) return failure;
  const isMissing = failure.code === 'backend_garbage' || refusal.status === 501 || NO_SUCH_WAY.test(refusal.body);
  return isMissing ? event('not_supported', `the engine of this model has no ${what}`, false) : failure;
}

const NO_SUCH_WAY = /does not support (?:the )?(?:embeddings?|completions?|pooling|generate)|not support this api/i;

function refusalEvent({ status, headers, body }: EndpointRefusal, address: string, now: number): ModelErrorEvent {
  const said = saidOf(parsed(body));
  const { code, retryable, words } = meaningOf(status, said);
  const location = headers.location;
  const to = location === undefined ? '' : `; it sends to ${printable(location, BODY_SHOWN)}`;
  const shown = printable(said.message, typeof parsed(body) === 'string' ? BODY_SHOWN : SHOWN);
  const base = event(code, `${words} (status ${status} from ${address}${to}): ${shown || 'nothing said'}`, retryable);
  const retryAfter = secondsOf(headers['retry-after'], now);
  return retryAfter === undefined ? base : { ...base, retryAfter };
}

/** Seconds, or a date. */
function secondsOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  const seconds = Number(value);
  const wait = Number.isFinite(seconds) ? seconds : Math.ceil((Date.parse(value) - now) / 1000);
  return wait > 0 ? wait : undefined;
}

function event(code: ModelErrorCode, message: string, retryable: boolean): ModelErrorEvent {
  return { type: 'error', code, message, retryable };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** The innermost cause says what really happened: ECONNREFUSED, a name that does not resolve, a certificate. */
function innermost(error: unknown): unknown {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  return at instanceof AggregateError ? (at.errors[0] ?? at) : at;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function wordsOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error), SHOWN);
}
