// Owns the one catalogue of mistakes Caisson reports: code, HTTP status, message and what to do. Knows no room.

interface CatalogueEntry {
  readonly status: number;
  readonly hint: string;
}

/**
 * Every error a person or a client can meet. `status` is the HTTP status the gateway answers with, `hint` says what to do.
 * A room adds its codes here and nowhere else.
 */
export const CATALOGUE = {
  internal: {
    status: 500,
    hint: 'This is a defect in Caisson: report it with the request id and the journal of the run.',
  },
  invalid_input: { status: 400, hint: 'Correct the field that is named and send the request again.' },
  invalid_json: { status: 400, hint: 'Send valid JSON with content-type application/json.' },
  too_large: { status: 413, hint: 'Send less, or raise the limit named in the message as far as its ceiling allows.' },
  unsupported_media_type: {
    status: 415,
    hint: 'Send content-type application/json (bundles: application/octet-stream).',
  },
  unauthenticated: {
    status: 401,
    hint: 'Send a valid API key: Authorization: Bearer csn_… (make one with `caisson keys create`).',
  },
  identity_unreachable: {
    status: 503,
    hint: 'Check that the identity provider of auth.oidc answers; API keys work without it.',
  },
  forbidden: { status: 403, hint: 'Use a key that has the role named in the message.' },
  origin_refused: {
    status: 403,
    hint: 'Call the service by a host name listed in server.allowed_hosts, not from another web page.',
  },
  not_found: { status: 404, hint: 'Check the id; `caisson runs` lists what exists.' },
  method_not_allowed: { status: 405, hint: 'Use a method that the header Allow names; /openapi.json lists them.' },
  conflict: { status: 409, hint: 'Look at the current state first; it has changed since it was shown.' },
  not_supported: { status: 501, hint: 'Use a model whose engine can do it; /v1/models lists them.' },
  model_not_found: { status: 404, hint: 'Ask /v1/models for the names that are served.' },
  rate_limit_exceeded: { status: 429, hint: 'Wait for as long as Retry-After says, then send the request again.' },
  budget_exceeded: {
    status: 429,
    hint: 'The budget begins anew at midnight UTC; an admin can make a key with a larger one.',
  },
  backend_unreachable: {
    status: 503,
    hint: 'Check that the engine runs and that backends[].url is right: `caisson doctor`.',
  },
  backend_failed: { status: 502, hint: 'Look at the log of the engine; the request may be sent again.' },
  backend_garbage: {
    status: 502,
    hint: 'The endpoint does not speak the OpenAI chat protocol: check backends[].url (it usually ends in /v1).',
  },
  rehearsal_left_script: {
    status: 500,
    hint: 'The run did something the recorded conversation does not expect: see expected and received.',
  },
  rehearsal_refused: {
    status: 500,
    hint: 'The rehearsal backend is for demo and tests only: configure a real backend.',
  },
  config_invalid: {
    status: 500,
    hint: 'Correct the line that is named; `caisson config validate` checks the file again.',
  },
  model_file_invalid: {
    status: 500,
    hint: 'Correct the line that is named; the other model files are used meanwhile. `caisson models` reads them again.',
  },
  config_unreadable: { status: 500, hint: 'Make the file readable for the user Caisson runs as.' },
  secret_unresolved: {
    status: 500,
    hint: 'Set the environment variable or write the file that the configuration names.',
  },
  data_dir_locked: {
    status: 500,
    hint: 'Another Caisson uses this data directory: stop it, or choose another with --data-dir.',
  },
  data_dir_unusable: {
    status: 500,
    hint: 'Make the data directory writable and give it free space, or choose another with --data-dir.',
  },
  disk_full: {
    status: 507,
    hint: 'Free space on the disk that holds the data directory; nothing that was shown is lost.',
  },
  migration_mismatch: {
    status: 500,
    hint: 'The database was made by another version of Caisson: use that version, or restore a copy.',
  },
  journal_broken: {
    status: 500,
    hint: 'Keep the database as it is and run `caisson journal verify`; it names the first bad event.',
  },
  sandbox_unavailable: {
    status: 503,
    hint: 'Run `caisson doctor`: it says what firejail needs here. No command runs without it.',
  },
  sandbox_self_test_failed: {
    status: 503,
    hint: 'Run `caisson doctor`: the named check failed, so no command runs on this machine.',
  },
  sandbox_gone: { status: 500, hint: 'The sandbox ended under the command; the next command starts a new one.' },
  runner_unreachable: { status: 503, hint: 'Start `caisson runner`, or correct executor.socket.' },
  repo_missing: { status: 400, hint: 'Give the path of an existing git repository with --repo.' },
  repo_not_git: { status: 400, hint: 'Make it one first: git init && git add -A && git commit -m start' },
  repo_empty: { status: 400, hint: 'The repository has no commit yet: git add -A && git commit -m start' },
  repo_bare: {
    status: 400,
    hint: 'Clone it first and give the clone: git clone REPO work && caisson run … --repo work',
  },
  repo_refused: { status: 403, hint: 'Ask whoever runs this site to list the host in workspace.git_hosts.' },
  repo_too_large: {
    status: 413,
    hint: 'Give a smaller repository, or raise limits.repository_bytes / repository_files.',
  },
  repo_unreadable: {
    status: 400,
    hint: 'Make what is named readable (or name it in .gitignore); missing objects come with git fetch --refetch --no-filter.',
  },
  repo_changed: { status: 409, hint: 'The recorded base is not in this repository any more: run the task again.' },
  bundle_invalid: { status: 400, hint: 'Upload a git bundle made by `caisson run`.' },
  patch_refused: { status: 409, hint: 'The patch does not give the recorded tree on this base; nothing was applied.' },
  ref_exists: { status: 409, hint: 'Choose another name with --branch, or delete the branch first.' },
  policy_invalid: { status: 500, hint: 'Correct the rule that is named; `caisson config validate` checks it again.' },
  approval_gone: {
    status: 409,
    hint: 'The question was answered, used or has expired: `caisson approvals` shows what waits.',
  },
  approval_changed: {
    status: 409,
    hint: 'What was approved is not what would happen now: look again and decide again.',
  },
  halted: { status: 503, hint: 'A person has halted Caisson: `caisson halt --release` lets runs start again.' },
  run_not_ended: { status: 409, hint: 'Wait for the run to end, or cancel it.' },
  snapshot_failed: {
    status: 500,
    hint: 'Later steps may have snapshots again; the patch of the run does not depend on them.',
  },
  snapshot_missing: { status: 409, hint: 'The steps that have a snapshot are listed by `caisson show RUN`.' },
  setup_failed: {
    status: 500,
    hint: 'Correct the commands (setup.run, --setup), allow what they need from the network, or start the run with --no-setup.',
  },
  setup_damaged: { status: 500, hint: 'It was removed: the next run makes it anew.' },
  run_without_patch: {
    status: 409,
    hint: 'The run ended without a patch that may be applied; `caisson show RUN` says why.',
  },
  service_unreachable: {
    status: 503,
    hint: 'Start it with `caisson serve`, or give its address with --url and a key with --key.',
  },
  usage: { status: 400, hint: 'See `caisson --help`.' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;

/** Where the mistake is: a file position, a field path, or both. */
export interface ErrorPlace {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly field?: string;
}

interface MistakeOptions {
  readonly place?: ErrorPlace;
  readonly hint?: string;
  readonly cause?: unknown;
  readonly retryAfterSeconds?: number;
}

/** A mistake with a code from the catalogue. `message` says what was wrong; `hint` what to do; `cause` what lay beneath. */
export class CaissonError extends Error {
  override readonly name = 'CaissonError';
  readonly code: ErrorCode;
  readonly place: ErrorPlace | undefined;
  readonly hint: string;
  /** When the same request may be sent again, where that is known. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: MistakeOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.place = options.place;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.hint = options.hint ?? CATALOGUE[code].hint;
  }

  get status(): number {
    return CATALOGUE[this.code].status;
  }
}

/** The plain form that crosses processes and HTTP. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly place?: ErrorPlace;
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(CATALOGUE, code);
}

/** Turns anything thrown into a report; what is not from the catalogue becomes `internal` with the message kept. */
export function reportOf(error: unknown): ErrorReport {
  if (error instanceof CaissonError) {
    const { code, message, hint, place } = error;
    return place === undefined ? { code, message, hint } : { code, message, hint, place };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message, hint: CATALOGUE.internal.hint };
}

/** The reverse of `reportOf`, for the far side of a socket. */
export function errorFrom(report: ErrorReport): CaissonError {
  const options = report.place === undefined ? { hint: report.hint } : { hint: report.hint, place: report.place };
  return new CaissonError(report.code, report.message, options);
}

/** One or two lines for a terminal: `file:line:column: message` and the hint. */
export function formatError(error: unknown): string {
  const report = reportOf(error);
  const { file, line, column, field } = report.place ?? {};
  const position = [file, line, column].filter((part) => part !== undefined).join(':');
  const where = [position, field].filter((part) => part !== undefined && part !== '').join(' ');
  return `${where === '' ? '' : `${where}: `}${report.message}\n  → ${report.hint}`;
}
