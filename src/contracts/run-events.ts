// Owns the closed union of events that the journal holds, version by version. Knows no table and no hash chain.
// A field whose name ends in `Hash` is the sha256 of a content that lies beside the chain and may be pruned without breaking it.
import type { z as Schema } from 'zod';
import { type Late, late, type Zod } from '../base/schema.ts';

export const EVENT_VERSION = 1;
/** The chain of the service; every other chain is named by the id of its run. */
export const SERVICE_CHAIN = 'service';

/** The words that bodies are made of. */
function wordsOf(z: Zod) {
  const hash = z.string().regex(/^sha256:[0-9a-f]{64}$/);
  const event = <Name extends string, Shape extends Schema.ZodRawShape>(type: Name, shape: Shape) =>
    z.strictObject({ type: z.literal(type), ...shape });

  const toolStatus = z.enum(['ok', 'failed', 'invalid', 'denied', 'timed_out', 'killed', 'unknown']);
  const verdict = z.enum(['allow', 'ask', 'deny']);
  const origin = z.strictObject({ head: z.string(), branch: z.string(), headTree: z.string(), tree: z.string() });
  const usage = z.strictObject({
    promptTokens: z.int(),
    completionTokens: z.int(),
    cachedTokens: z.int().optional(),
    reasoningTokens: z.int().optional(),
  });
  return { hash, event, toolStatus, verdict, origin, usage };
}
type Words = ReturnType<typeof wordsOf>;

function modelEvents(z: Zod, { hash, event, origin, usage }: Words) {
  return [
    event('run_started', {
      taskHash: hash,
      requestHash: hash,
      model: z.string(),
      owner: z.string(),
      team: z.string(),
      host: z.enum(['service', 'cli']),
      recorded: z.boolean(),
      origin,
      policyHash: hash,
    }),
    event('setup_started', { key: z.string(), from: z.enum(['request', 'lock_files']), planHash: hash }),
    event('setup_finished', {
      key: z.string(),
      status: z.enum(['ok', 'failed', 'skipped']),
      /** `joined`: another run was making it. `none`: there is nothing that could be had. */
      cache: z.enum(['hit', 'miss', 'joined', 'none']),
      files: z.int(),
      bytes: z.int(),
      ms: z.number(),
      detail: z.string(),
      outputHash: hash,
    }),
    event('workspace_ready', { tree: z.string(), files: z.int() }),
    event('sandbox_opened', {
      purpose: z.enum(['agent', 'check', 'probe', 'setup']),
      probeHash: hash,
      firejail: z.string(),
      kernel: z.string(),
      startMs: z.number(),
      /** Absent in events of before it was noted. */
      limits: z.record(z.string(), z.enum(['hard', 'watched', 'none'])).optional(),
      /** The set of attacks that its executor had withstood. Absent: none was tried, as in a command. */
      confinedBy: hash.optional(),
    }),
    event('model_requested', { step: z.int(), attempt: z.int(), messages: z.int(), requestHash: hash }),
    event('model_answered', {
      messageHash: hash,
      finish: z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'abort', 'cut']),
      usage: usage.optional(),
      ms: z.number(),
      /** What was repaired of its text, and how often. Absent: nothing, and in events of before it was noted. */
      repairs: z.record(z.string(), z.int()).optional(),
    }),
    event('model_failed', { attempt: z.int(), code: z.string(), message: z.string(), retryable: z.boolean() }),
    event('answer_refused', {
      problem: z.enum(['empty', 'cut', 'question', 'thinking_only', 'call_as_text', 'malformed_call', 'no_call']),
      replyHash: hash,
    }),
  ] as const;
}

/** What a program asked of the network while a call ran; `times`: how many alike ones. */
function egressWords(z: Zod) {
  return {
    call: z.string(),
    /** Id of the rule or grant that decided, `default:egress`, or `floor:…`. */
    rule: z.string(),
    grant: z.string().optional(),
    host: z.string(),
    port: z.int(),
    scheme: z.enum(['http', 'https']),
    method: z.string(),
    /** Without query, cut; '' of several that differ. */
    path: z.string(),
    times: z.int(),
  };
}

function toolEvents(z: Zod, { hash, event, toolStatus, verdict }: Words) {
  const egress = egressWords(z);
  return [
    event('decided', {
      call: z.string(),
      effectHash: hash,
      effect: z.string(),
      verdict,
      rule: z.string(),
      reason: z.string(),
      policyHash: hash,
      lost: z.array(z.string()),
    }),
    event('asked', {
      question: z.string(),
      call: z.string(),
      effectHash: hash,
      shownHash: hash,
      expiresAt: z.number(),
    }),
    event('answered', {
      question: z.string(),
      state: z.enum(['approved', 'denied', 'expired', 'revoked']),
      by: z.string(),
      note: z.string(),
    }),
    event('grant_used', {
      question: z.string(),
      grant: z.string(),
      use: z.enum(['used', 'expired', 'spent', 'revoked', 'changed']),
    }),
    event('tool_started', { call: z.string(), tool: z.string(), argumentsHash: hash }),
    event('tool_finished', {
      call: z.string(),
      tool: z.string(),
      status: toolStatus,
      detail: z.string(),
      exitCode: z.int().optional(),
      resultHash: hash,
      ms: z.number(),
      restarted: z.boolean(),
    }),
    event('secrets_masked', { of: z.string(), kinds: z.array(z.string()) }),
    event('secrets_found', { where: z.enum(['import', 'patch']), found: z.int(), placesHash: hash }),
    event('egress_allowed', {
      ...egress,
      sentBytes: z.int(),
      receivedBytes: z.int(),
      /** Names of the secrets that were put in. */
      secrets: z.array(z.string()).optional(),
    }),
    event('egress_denied', { ...egress, outcome: z.enum(['denied', 'failed']), said: z.string() }),
    event('snapshot_taken', { step: z.int(), tree: z.string(), changed: z.int() }),
    event('message_received', { by: z.string(), textHash: hash }),
    event('finish_claimed', { call: z.string(), summaryHash: hash }),
  ] as const;
}

function outcomeEvents(z: Zod, { hash, event }: Words) {
  return [
    event('processes_killed', { sandbox: z.string(), ms: z.number(), survivors: z.array(z.int()) }),
    event('patch_made', {
      patchHash: hash,
      baseTree: z.string(),
      resultTree: z.string(),
      filesHash: hash,
      files: z.int(),
    }),
    event('check_started', { name: z.string(), on: z.enum(['base', 'patch']), commandHash: hash }),
    event('check_finished', {
      name: z.string(),
      on: z.enum(['base', 'patch']),
      status: z.enum(['passed', 'failed', 'timed_out', 'killed', 'not_run']),
      exitCode: z.int().optional(),
      outputHash: hash,
      ms: z.number(),
    }),
    event('finish_refused', { reportHash: hash }),
    event('apply_started', { ref: z.string(), patchHash: hash, grant: z.string() }),
    event('applied', { ref: z.string(), commit: z.string(), base: z.string(), patchHash: hash }),
    event('apply_failed', { ref: z.string(), code: z.string(), message: z.string() }),
    event('run_held', { held: z.boolean(), by: z.string() }),
    event('run_rewound', { from: z.string(), step: z.int(), tree: z.string(), stateHash: hash }),
    event('run_resumed', { attempt: z.int(), unknownCalls: z.array(z.string()) }),
    event('run_ended', {
      end: z.string(),
      detail: z.string(),
      endHash: hash,
      steps: z.int(),
      promptTokens: z.int(),
      completionTokens: z.int(),
    }),
  ] as const;
}

function serviceEvents(z: Zod, { hash, event }: Words) {
  return [
    event('service_started', { version: z.string(), host: z.enum(['service', 'cli']), policyHash: hash }),
    event('service_stopped', { reason: z.string() }),
    event('run_opened', { run: z.string(), owner: z.string() }),
    event('run_sealed', { run: z.string(), count: z.int(), hash }),
    event('probed', {
      ok: z.boolean(),
      probeHash: hash,
      failed: z.array(z.string()),
      /** Hash of the set of attacks, and what it ran on. Absent where no sandbox opened, and in events of before it was noted. */
      suite: hash.optional(),
      firejail: z.string().optional(),
      kernel: z.string().optional(),
    }),
    event('leftovers_swept', { killed: z.array(z.int()), survivors: z.array(z.int()), boxes: z.int() }),
    event('collected', { byAge: z.array(z.string()), byDisk: z.array(z.string()), leftOver: z.int() }),
    event('halted', { by: z.string(), note: z.string() }),
    event('released', { by: z.string() }),
    event('key_created', { key: z.string(), name: z.string(), roles: z.array(z.string()), by: z.string() }),
    event('key_rotated', { key: z.string(), of: z.string(), overlapMs: z.int(), by: z.string() }),
    event('key_changed', { key: z.string(), changes: z.array(keyChange(z)).readonly(), by: z.string() }),
    event('key_revoked', { key: z.string(), by: z.string() }),
  ] as const;
}

/** Null: there was no such limit, or there is none now. */
function keyChange(z: Zod) {
  const setting = z.union([z.string(), z.number(), z.array(z.string()).readonly(), z.null()]);
  return z.object({ name: z.string(), from: setting, to: setting });
}

/** What happened; the parse of a stored body. */
export const eventBodySchema = late((z) => {
  const words = wordsOf(z);
  return z.discriminatedUnion('type', [
    ...modelEvents(z, words),
    ...toolEvents(z, words),
    ...outcomeEvents(z, words),
    ...serviceEvents(z, words),
  ]);
});
export type EventBody = Late<typeof eventBodySchema>;
export type EventType = EventBody['type'];
export type EventOf<Type extends EventType> = Extract<EventBody, { type: Type }>;

/** One link of a chain as it is stored and shown. `hash` covers every other field. */
export interface RunEvent {
  readonly v: number;
  readonly id: string;
  /** `service` or the id of a run. */
  readonly chain: string;
  /** 1 is the first of its chain. */
  readonly seq: number;
  /** Model answer the event belongs to; 0 before the first. */
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Id of the event that caused this one, '' if none. */
  readonly parent: string;
  readonly body: EventBody;
  /** Hash of the event before in the chain; of the chain's name for the first. */
  readonly previous: string;
  readonly hash: string;
}
