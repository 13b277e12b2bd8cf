// Owns how every error becomes an HTTP answer, in the shape its clients read. The only file that does. Knows no route.
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CATALOGUE, CaissonError, type ErrorCode, type ErrorReport, reportOf } from '../base/errors.ts';
import type { ModelErrorEvent } from '../contracts/model-events.ts';
import { hasUnreadBody } from './bodies.ts';
import type { GatewayPorts } from './ports.ts';

/** An error of an engine, with what its clients need to know. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly event: ModelErrorEvent;

  constructor(event: ModelErrorEvent) {
    super(event.message);
    this.event = event;
  }
}

/** A mistake of which programs read more than its words: `details` stand in the body where the dialect has a place for them. */
export class DetailedError extends CaissonError {
  readonly details: object;

  constructor(code: ErrorCode, message: string, details: object) {
    super(code, message);
    this.details = details;
  }
}

interface HttpError {
  readonly status: number;
  readonly report: ErrorReport;
  /** `code` of the OpenAI shape where it differs. */
  readonly openaiCode?: string;
  readonly retryAfter?: number;
  readonly details?: object;
}

const RETRY_SECONDS = 5;
const CONTEXT_CODE = 'context_length_exceeded';
const TOO_LONG = /prompt is too long/i;

const FRAMEWORK: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_input',
  FST_ERR_BAD_URL: 'invalid_input',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

type Shape = (error: HttpError, request: FastifyRequest) => object;

/** The shape that the clients of an address read: the first that fits holds. */
const SHAPES: readonly { readonly path: string; readonly anyClient: boolean; readonly shape: Shape }[] = [
  { path: '/v1/messages', anyClient: true, shape: (error, { id }) => anthropicShape(error, id) },
  { path: '/v1/', anyClient: false, shape: (error, { id }) => anthropicShape(error, id) },
  { path: '/v1/', anyClient: true, shape: openaiShape },
];

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

export function answerErrors(app: FastifyInstance, { logger }: GatewayPorts): void {
  app.setErrorHandler((error, request, reply) => {
    // A client that leaves in the middle of its body is no failure of ours.
    if (httpErrorOf(error).report.code === 'internal' && !request.raw.destroyed)
      logger.error('a request failed unexpectedly', { request: request.id, message: String(error) });
    answerError(error, request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    answerError(noSuchAddress(), request, reply);
  });
}

export function noSuchAddress(): CaissonError {
  const hint = 'GET /openapi.json lists the addresses of the service.';
  return new CaissonError('not_found', 'there is nothing at this address', { hint });
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const answer = httpErrorOf(error);
  if (hasUnreadBody(request)) reply.header('connection', 'close');
  if (answer.status === 401) reply.header('www-authenticate', 'Bearer');
  if (answer.retryAfter !== undefined) reply.header('retry-after', String(answer.retryAfter));
  reply.code(answer.status).send(shapeFor(request)(answer, request));
}

/** The body of an engine's error for a client of Anthropic's dialect, who may be in the middle of a stream. */
export function anthropicBody(event: ModelErrorEvent, requestId: string): object {
  return anthropicShape(engineError(event), requestId);
}

/** Whether the client says that it speaks Anthropic's dialect, for addresses that both dialects have. */
export function speaksAnthropic({ headers }: FastifyRequest): boolean {
  return headers['anthropic-version'] !== undefined;
}

/** What is no HTTP at all, or never becomes a request, gets a plain no, and the connection ends. */
export function refuseBrokenHttp(error: Error, socket: Socket): void {
  const status = BROKEN['code' in error ? String(error.code) : ''] ?? '400 Bad Request';
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  socket.destroySoon();
}

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function httpErrorOf(error: unknown): HttpError {
  if (error instanceof EngineError) return engineError(error.event);
  if (error instanceof DetailedError) return { ...catalogued(reportOf(error)), details: error.details };
  if (error instanceof CaissonError) return catalogued(withoutPlace(reportOf(error)), error.retryAfterSeconds);
  const code = frameworkCode(error);
  if (code === undefined)
    return catalogued({ code: 'internal', message: 'an unexpected error', hint: CATALOGUE.internal.hint });
  return catalogued({ code, message: (error as Error).message, hint: CATALOGUE[code].hint });
}

/** What is said of an engine may say where it is. */
function withoutPlace(report: ErrorReport): ErrorReport {
  if (!report.code.startsWith('backend_')) return report;
  return { ...report, message: withoutAddresses(report.message) };
}

function shapeFor(request: FastifyRequest): Shape {
  const isAnthropic = speaksAnthropic(request);
  const found = SHAPES.find(({ path, anyClient }) => request.url.startsWith(path) && (anyClient || isAnthropic));
  return found?.shape ?? (({ report }) => ({ error: report }));
}

function anthropicShape({ status, report, openaiCode, details }: HttpError, requestId: string): object {
  const type = ANTHROPIC_TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  const isTooLong = openaiCode === CONTEXT_CODE && !TOO_LONG.test(report.message);
  // By these words clients know that they must make the conversation shorter.
  const message = isTooLong ? `prompt is too long: ${report.message}` : report.message;
  return {
    type: 'error',
    error: { type, message, ...(details === undefined ? {} : { details }) },
    request_id: requestId,
  };
}

function openaiShape({ status, report, openaiCode }: HttpError): object {
  const type = OPENAI_TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
  const code = openaiCode ?? (status === 401 ? 'invalid_api_key' : report.code);
  return { error: { message: report.message, type, param: report.place?.field ?? null, code } };
}

function catalogued(report: ErrorReport, retryAfterSeconds?: number): HttpError {
  const { status } = CATALOGUE[report.code];
  const retryAfter = retryAfterSeconds ?? (status === 503 ? RETRY_SECONDS : undefined);
  return retryAfter === undefined ? { status, report } : { status, report, retryAfter };
}

function engineError(event: ModelErrorEvent): HttpError {
  const { code, retryAfter = RETRY_SECONDS } = event;
  const message = withoutAddresses(event.message);
  if (code === 'context_exceeded')
    return {
      ...catalogued({ code: 'invalid_input', message, hint: 'Send a shorter conversation.' }),
      openaiCode: CONTEXT_CODE,
    };
  if (code === 'overloaded') {
    const report: ErrorReport = {
      code: 'backend_unreachable',
      message,
      hint: 'The engine is full: send the request again later.',
    };
    return { status: 503, report, openaiCode: 'overloaded', retryAfter };
  }
  if (code === 'backend_unreachable') {
    const report: ErrorReport = {
      code,
      message: 'the engine of this model cannot be reached',
      hint: CATALOGUE[code].hint,
    };
    return { status: 503, report, retryAfter };
  }
  const known = code === 'aborted' ? 'backend_failed' : code;
  return catalogued({ code: known, message, hint: CATALOGUE[known].hint });
}

/** What may name a machine in the words of an engine or of a socket; a name with a port may be any word. */
const ADDRESSES: readonly RegExp[] = [
  /\b[a-z][a-z+.-]*:\/\/[^\s"')]+/gi,
  /(?<=\b(?:ENOTFOUND|EAI_AGAIN) )[^\s"',)]+/g,
  /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g,
  /\[[\da-f:.]*:[\da-f:.]*\](?::\d{1,5})?/gi,
  /(?<![\w:])(?:[\da-f]{1,4}(?::[\da-f]{1,4})*)?::(?:[\da-f]{1,4}(?::[\da-f]{1,4})*)?(?![\w:])/gi,
  /(?<![\w:])(?:[\da-f]{1,4}:){7}[\da-f]{1,4}(?![\w:])/gi,
  /(?<![\w.-])(?:localhost:\d+|[a-z\d-]*[.-][a-z\d.-]*[a-z\d]:\d{2,5}|[a-z][a-z\d]*:\d{4,5})\b/gi,
];

/** Where an engine lives is nobody's business outside. */
function withoutAddresses(message: string): string {
  return ADDRESSES.reduce((text, address) => text.replaceAll(address, 'the engine'), message);
}

function frameworkCode(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return FRAMEWORK[error.code];
}
