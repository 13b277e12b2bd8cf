// Owns every ceiling of Caisson with what happens at it. Configuration may only narrow a limit, never raise it over its ceiling.

const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const LIMITS = {
  /** HTTP: a larger JSON body is answered with 413 and not read on. */
  jsonBodyBytes: 4 * MB,
  /** HTTP: the same for conversations, which may hold pictures. */
  conversationBodyBytes: 32 * MB,
  /** HTTP: a larger uploaded bundle is answered with 413 and not read on. */
  bundleBytes: 1 * GB,
  /** HTTP: a client that has not sent all its headers by then is cut off; so is a connection that begins no request. */
  headersMs: 20 * SECOND,
  /** HTTP: a client that has not sent its whole JSON body by then is cut off. */
  bodyMs: 50 * SECOND,
  /** A repository with more content than this is refused before anything is copied. */
  repositoryBytes: 1 * GB,
  /** A repository with more files than this is refused before anything is copied. */
  repositoryFiles: 200_000,
  /** A larger patch ends the run as failed; the work tree is kept. */
  patchBytes: 16 * MB,
  /** Of a repository that comes in, so much is looked through for secrets; the rest is not. */
  secretScanBytes: 64 * MB,
  /** New content in the snapshots of one run; with more, the steps that follow have none. */
  snapshotBytes: 1 * GB,
  /** A configuration or policy file larger than this is refused. */
  configBytes: 1 * MB,
  /** A task text larger than this is refused. */
  taskBytes: 64 * KB,
  /** Of AGENTS.md this much is shown to the model, with the path to the rest. */
  guidanceBytes: 2 * KB,
  /** Head and tail of a tool result that enter the conversation; the rest stays in a file the sandbox can read. */
  toolResultBytes: 8 * KB,
  /** A command that prints more than this is killed (`killed: output`). */
  commandOutputBytes: 64 * MB,
  /** A file larger than this cannot be edited by the edit tool. */
  editFileBytes: 4 * MB,
  /** Arguments of one tool call; more is answered to the model as malformed. */
  toolArgumentBytes: 1 * MB,
  /** Text of one model answer; more ends the request with an error. */
  modelAnswerBytes: 8 * MB,
  /** Wall time of one command, unless the call asks for less or (up to the maximum) more. */
  commandTimeoutMs: 2 * MINUTE,
  commandTimeoutMaxMs: 30 * MINUTE,
  /** Wall time of one declared check. */
  checkTimeoutMs: 10 * MINUTE,
  /** Wall time of all commands of one set-up; what is not done by then has failed. */
  setupTimeoutMs: 30 * MINUTE,
  /** What a set-up leaves behind: with more, it has failed. */
  setupBytes: 8 * GB,
  setupFiles: 500_000,
  /** A sandbox that has not passed its handshake by then is killed and counts as unavailable. */
  sandboxStartMs: 10 * SECOND,
  /** After SIGKILL every process of a sandbox is gone by then, or `caisson` reports a leak. */
  deathMs: 5 * SECOND,
  /** Steps (model answers) of one run. */
  runSteps: 100,
  /** Tokens (prompt and completion) of one run. */
  runTokens: 20_000_000,
  /** Wall time of one run; waiting for a person does not count. */
  runWallMs: 4 * HOUR,
  /** Answers in a row that hold no usable call. */
  runFormatErrors: 5,
  /** Claims to be done that the checks refuted; then the run ends as failed. */
  runFailedFinishes: 3,
  /** The same call with the same arguments and the same result in a row; then the run ends as stuck. */
  runRepeatedCalls: 8,
  /** Runs at work at the same time; more wait. */
  runsAtOnce: 200,
  /** A rotated key may be good for so long beside the one that comes in its place. */
  keyOverlapMs: 30 * 24 * HOUR,
  /** A question nobody answers by then counts as a no. */
  approvalMs: 24 * HOUR,
  /** A model that sends nothing for this long counts as failed. */
  modelSilenceMs: 5 * MINUTE,
  /** The same in the middle of an answer, where the engine tells each step that it makes. */
  modelPauseMs: 1 * MINUTE,
  modelConnectMs: 10 * SECOND,
  /** Attempts of one model request before the run ends as failed, first one included. */
  modelAttempts: 4,
  /** Events a slow reader of the live stream may lag behind; then it is cut and resumes by Last-Event-ID. */
  streamBacklog: 1000,
  /** Bytes of content stored beside the journal per item; longer content is stored as its head and tail with a mark. */
  contentBytes: 16 * MB,
  /** A streamed answer begins after so much silence, without its first word: after that an error is no status any more. */
  sseFirstMs: 2 * SECOND,
  /** Silence on an SSE stream before a keep-alive event. */
  sseKeepAliveMs: 15 * SECOND,
  /** Network of a sandbox: records between two looks at them; of more only the number is kept. */
  egressRecords: 200,
  /** Network of a sandbox: connections at the same time; one more is closed at once. */
  egressConnections: 256,
  /** Network of a sandbox: a request line and its fields; more is answered with 431 and not read on. An answer's likewise. */
  egressHeadBytes: 64 * KB,
  /** Network of a sandbox: fields of one request or answer. */
  egressFields: 128,
  /** Network of a sandbox: a ClientHello may be this long. */
  egressHelloBytes: 32 * KB,
  /** Network of a sandbox: a program that has begun a request or a handshake and not ended it by then is cut off. */
  egressHandshakeMs: 10 * SECOND,
  /** Network of a sandbox: an answer of the resolver, and a connection to an origin. */
  egressResolveMs: 5 * SECOND,
  egressConnectMs: 10 * SECOND,
  /** Network of a sandbox: an origin or a program that is silent for this long is cut off. */
  egressIdleMs: 5 * MINUTE,
} as const;

export type Limits = { readonly [Name in keyof typeof LIMITS]: number };

/** The given limits, none above its ceiling. */
export function narrowLimits(wanted: Partial<Limits>): Limits {
  const narrowed: Record<string, number> = { ...LIMITS };
  for (const [name, value] of Object.entries(wanted)) {
    const ceiling = narrowed[name];
    if (ceiling !== undefined && value !== undefined) narrowed[name] = Math.min(ceiling, value);
  }
  return narrowed as Limits;
}
