// Owns what the errors of Triton and of the way there mean. Their own words may hold paths and prompts: none of them are in a message.
import type { ServiceError } from '@grpc/grpc-js';
import type { ModelErrorCode, ModelErrorEvent } from '../../contracts/model-events.ts';

export interface Failure {
  readonly event: ModelErrorEvent;
  /** For the log only. */
  readonly said: string;
  /** What was remembered of the model may not be true any more. */
  readonly forget?: true;
  /** The process of the model is dead: nothing but loading the model again mends it. */
  readonly broken?: true;
}

export interface Where {
  readonly address: string;
  readonly model: string;
  /** The model had begun to answer. */
  readonly begun: boolean;
}

export function failure(code: ModelErrorCode, message: string, retryable: boolean): ModelErrorEvent {
  return { type: 'error', code, message, retryable };
}

export function abortedFailure(): Failure {
  return { event: failure('aborted', 'the request was aborted', false), said: '' };
}

/** Of an error that ends a call. */
export function failureOfStatus(error: ServiceError, where: Where): Failure {
  const said = `${error.code} ${error.details}`;
  const told = ruleFor(error.details, WORDS) ?? ruleFor(said, where.begun ? LOST : STATUS);
  return told === undefined ? lost(said, where) : failureBy(told, said, where);
}

/** Of an error in the stream: what Triton or the model said. */
export function failureOfWords(said: string, where: Where): Failure {
  const told = ruleFor(said, WORDS);
  return failureBy(told ?? UNKNOWN, said, where);
}

interface Rule {
  readonly words: RegExp;
  readonly code: ModelErrorCode;
  readonly retryable: boolean;
  readonly message: (where: Where) => string;
  /** The model has seen nothing of the request. */
  readonly unsent?: true;
  readonly forget?: true;
  readonly broken?: true;
}

const NAMED = ({ model, address }: Where) => `the model ${JSON.stringify(model)} at ${address}`;

const UNKNOWN: Rule = {
  words: /^/,
  code: 'backend_failed',
  retryable: true,
  message: (where) => `${NAMED(where)} failed; the log of Caisson has its words`,
};

/** What Triton and its back ends say, whatever the status. The first that fits counts. */
const WORDS: readonly Rule[] = [
  {
    words: /Stub process .*is not healthy/,
    code: 'backend_unreachable',
    retryable: true,
    message: (where) => `${NAMED(where)} is dead: its process ended; load it again in Triton`,
    unsent: true,
    broken: true,
  },
  {
    words: /has no available versions|Server (?:is )?exiting|is not ready|not in the ready state/i,
    code: 'backend_unreachable',
    retryable: true,
    message: (where) => `${NAMED(where)} is not loaded now`,
    unsent: true,
    forget: true,
  },
  {
    words: /unknown model|model .*is not found|failed to find model/i,
    code: 'model_not_found',
    retryable: false,
    message: ({ model, address }) => `${address} has no model ${JSON.stringify(model)}`,
    forget: true,
  },
  {
    words: /protocol is restricted/,
    code: 'backend_failed',
    retryable: false,
    message: ({ address }) => `${address} is restricted: the backend's key or key_name is missing or wrong`,
  },
  {
    words: /maximum queue size|request timeout expired|no instance .*available/i,
    code: 'overloaded',
    retryable: true,
    message: (where) => `${NAMED(where)} has too many requests waiting`,
  },
  {
    words:
      /longer than the maximum|maximum context length|exceed\w* (?:the )?(?:max|context)|prompt .*too long|max_input_len/i,
    code: 'context_exceeded',
    retryable: false,
    message: (where) => `the prompt is longer than ${NAMED(where)} can hold`,
  },
  {
    words: /unexpected shape|unexpected inference (?:in|out)put|expected \d+ inputs|data-?type|batch-size must be/i,
    code: 'backend_failed',
    retryable: true,
    message: (where) => `${NAMED(where)} takes other inputs than it did: it was loaded with another configuration`,
    forget: true,
  },
  {
    words: /'NoneType' object has no attribute 'lora_name'|sampling.?param/i,
    code: 'invalid_input',
    retryable: false,
    message: (where) => `${NAMED(where)} refuses a sampling parameter of the request; the log of Caisson has its words`,
  },
  {
    words: /larger than max|message length/i,
    code: 'backend_failed',
    retryable: false,
    message: (where) => `${NAMED(where)} sent a reply that is larger than an answer may be`,
  },
];

const unreachable = (words: RegExp, why: string): Rule => ({
  words,
  code: 'backend_unreachable',
  retryable: true,
  message: ({ address }) => `${address} cannot be reached: ${why}`,
  unsent: true,
  forget: true,
});

/** By status and words of gRPC, where no answer had begun. */
const STATUS: readonly Rule[] = [
  unreachable(/^14 .*ECONNREFUSED/, 'nothing listens there'),
  unreachable(/^14 Name resolution failed/, 'its name is not known'),
  unreachable(
    /^14 .*(?:certificate|CERT_|altnames|Hostname\/IP)/i,
    'its certificate is not trusted: give its authority as ca of the backend, and the name that the certificate has',
  ),
  unreachable(/^14 .*(?:wrong version number|SSL routines|TLS)/i, 'it does not speak TLS: try grpc:// as its address'),
  unreachable(/^14 No connection established.*Failed to connect/, 'it does not speak gRPC, or not without TLS'),
  unreachable(/^14 No connection established/, 'no connection came about'),
  {
    words: /^12 /,
    code: 'backend_garbage',
    retryable: false,
    message: ({ address }) => `${address} does not speak the protocol of Triton (KServe v2)`,
  },
  {
    words: /^4 /,
    code: 'backend_unreachable',
    retryable: true,
    message: ({ address }) => `${address} did not answer in time`,
  },
  {
    words: /^14 /,
    code: 'backend_unreachable',
    retryable: true,
    message: ({ address }) => `the connection to ${address} was lost`,
    forget: true,
  },
];

const LOST: readonly Rule[] = [
  {
    words: /^/,
    code: 'backend_failed',
    retryable: true,
    message: ({ address }) => `the connection to ${address} was lost in the middle of the answer`,
    forget: true,
  },
];

function ruleFor(said: string, rules: readonly Rule[]): Rule | undefined {
  return rules.find(({ words }) => words.test(said));
}

function lost(said: string, where: Where): Failure {
  return failureBy(UNKNOWN, said, where);
}

function failureBy(rule: Rule, said: string, where: Where): Failure {
  const event = failure(rule.code, rule.message(where), rule.retryable);
  return {
    event: rule.unsent === true && !where.begun ? { ...event, unsent: true } : event,
    said,
    ...(rule.forget === undefined ? {} : { forget: rule.forget }),
    ...(rule.broken === undefined ? {} : { broken: rule.broken }),
  };
}
