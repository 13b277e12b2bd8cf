// Owns what a refusal of an endpoint means, by its status and what it says. Knows no connection.
import type { ModelErrorCode } from '../../contracts/model-events.ts';

/** What an error body says, whatever its form: `{error: {…}}`, `{error: "…"}`, `{detail: …}`, or the fields themselves. */
export interface Said {
  readonly message: string;
  /** The code of HTTP it names, from 400 to 599. */
  readonly status?: number;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
}

export interface Meaning {
  readonly code: ModelErrorCode;
  readonly retryable: boolean;
  readonly words: string;
}

interface Rule extends Meaning {
  readonly when: (status: number, said: Said) => boolean;
}

const CONTEXT_WORDS = /context (?:length|size|window)|too long|longer than the maximum|max_model_len/i;
const CONTEXT_CODES = new Set(['context_length_exceeded', 'exceed_context_size_error']);

/** The first that fits holds. */
const RULES: readonly Rule[] = [
  {
    when: (status) => status === 401 || status === 403,
    code: 'backend_failed',
    retryable: false,
    words: 'the endpoint refuses the key',
  },
  {
    when: (status) => status === 429 || status === 503,
    code: 'overloaded',
    retryable: true,
    words: 'the endpoint is busy',
  },
  {
    when: isContext,
    code: 'context_exceeded',
    retryable: false,
    words: 'the conversation is longer than the model takes',
  },
  {
    when: (status, said) => status === 404 && isAboutModel(said),
    code: 'model_not_found',
    retryable: false,
    words: 'the endpoint does not know the model',
  },
  {
    when: (status) => status < 400 || status === 404 || status === 405,
    code: 'backend_garbage',
    retryable: false,
    words: 'there is no chat endpoint at this address',
  },
  {
    when: (status) => status >= 500 || status === 408 || status === 425,
    code: 'backend_failed',
    retryable: true,
    words: 'the endpoint failed',
  },
];
const REFUSED: Meaning = { code: 'invalid_input', retryable: false, words: 'the endpoint refuses the request' };

export function meaningOf(status: number, said: Said): Meaning {
  return RULES.find(({ when }) => when(status, said)) ?? REFUSED;
}

/** `body`: parsed JSON, or the text itself if it is none. */
export function saidOf(body: unknown): Said {
  if (typeof body === 'string') return { message: body };
  const outer = membersOf(body);
  const inner = membersOf(outer?.['error']);
  const fields = inner ?? outer ?? {};
  const status = Number(fields['code'] ?? fields['status']);
  return {
    message:
      [fields['message'], outer?.['error'], outer?.['detail'], body].map(textOf).find((text) => text !== '') ?? '',
    ...(status >= 400 && status <= 599 ? { status } : {}),
    ...texts(fields),
  };
}

function texts(fields: Readonly<Record<string, unknown>>): Pick<Said, 'type' | 'code' | 'param'> {
  const { type, code, param } = fields;
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof param === 'string' ? { param } : {}),
  };
}

/** vLLM names the field; a too large max_tokens speaks of the context too, but a shorter conversation would not help. */
function isContext(status: number, { message, type, code, param }: Said): boolean {
  if (status < 400 || status === 404 || param === 'max_tokens') return false;
  if (param === 'input_tokens' || CONTEXT_CODES.has(code ?? '') || CONTEXT_CODES.has(type ?? '')) return true;
  return status < 500 && CONTEXT_WORDS.test(message);
}

function isAboutModel({ message, type, code }: Said): boolean {
  return code === 'model_not_found' || type === 'NotFoundError' || /\bmodel\b/i.test(message);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return { ...value };
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
