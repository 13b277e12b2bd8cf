// Owns the way from a finished run to a granted apply, and what came of it. Knows no repository.
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { HASH_PREFIX } from '../base/hash.ts';
import type { QuestionRecord } from '../contracts/decisions.ts';
import type { Emit } from '../contracts/ports.ts';
import type { RunEvent } from '../contracts/run-events.ts';
import type { ApplyAnswer, AppliedResult, ApplyWish } from '../contracts/run-service.ts';
import type { RunRecord } from '../contracts/runs.ts';
import { createEmit } from './emitter.ts';
import { readEvents, readPatch } from './history.ts';
import type { RunsPorts } from './ports.ts';
import { emitAnswered, emitDecided, openQuestion, type PublishCase, publishCase, useGrant } from './publish.ts';

/**
 * Decides on the wish. The same words again find the same question, so a caller may ask until there is an answer.
 * After a crash between grant and ref the same wish is granted again without a new question: the commit is the same to the byte.
 */
export async function applyRun(record: RunRecord, wish: ApplyWish, ports: RunsPorts): Promise<ApplyAnswer> {
  const events = await readEvents(record.id, ports);
  const patch = await readPatch(record, events, ports);
  if (record.end?.end !== 'done' || patch === undefined || patch.text === '')
    throw new CaissonError(
      'run_without_patch',
      `run ${record.id} ended as ${record.end?.end ?? 'nothing yet'}, with no patch to apply`,
    );
  const emit = createEmit(record.id, () => record.totals.steps, ports);
  const publish = publishCase(record, wish, patch, ports);
  const answer = isUnfinished(events, publish) ? 'granted' : await decideApply(record, events, publish, ports, emit);
  await ports.journal.sealRun(record.id);
  if (answer !== 'granted') return answer;
  return { state: 'granted', patch, origin: record.origin, message: commitMessage(record), time: record.endedAt ?? 0 };
}

async function decideApply(
  record: RunRecord,
  events: readonly RunEvent[],
  publish: PublishCase,
  ports: RunsPorts,
  emit: Emit,
): Promise<ApplyAnswer | 'granted'> {
  const { decision, effect } = publish;
  if (decision.verdict === 'deny') {
    await emitDecided(publish, ports, emit);
    return { state: 'denied', decision, note: decision.reason };
  }
  if (decision.verdict === 'ask') {
    const answer = await answerOf(record, events, publish, ports, emit);
    if (answer !== undefined) return answer;
  } else await emitDecided(publish, ports, emit);
  await emit([{ body: { type: 'apply_started', ref: effect.ref, patchHash: effect.patch, grant: decision.verdict } }]);
  return 'granted';
}

/** Undefined: the grant was there and is used. */
async function answerOf(
  record: RunRecord,
  events: readonly RunEvent[],
  publish: PublishCase,
  ports: RunsPorts,
  emit: Emit,
): Promise<ApplyAnswer | undefined> {
  const last = await lastQuestion(record, publish, ports);
  switch (last?.state) {
    case 'waiting':
      return { state: 'waiting', question: last };
    case 'approved':
      return takeGrant(last, publish, ports, emit);
    case 'denied':
      if (last.answeredAt === undefined) break;
      return { state: 'denied', decision: publish.decision, note: last.note ?? '' };
    case 'used':
      if (hasStarted(events, last.id)) break;
      return undefined;
    case 'expired':
    case 'revoked':
    case undefined:
  }
  await emitDecided(publish, ports, emit);
  const question = await openQuestion(record, record.totals.steps, publish, ports.approvals, emit);
  return { state: 'waiting', question };
}

async function lastQuestion(
  record: RunRecord,
  publish: PublishCase,
  ports: RunsPorts,
): Promise<QuestionRecord | undefined> {
  const shown = sha256(publish.shown);
  return (await ports.approvals.list({ run: record.id })).findLast((question) => question.shown === shown);
}

/** Undefined: it is used now. */
async function takeGrant(
  approved: QuestionRecord,
  publish: PublishCase,
  ports: RunsPorts,
  emit: Emit,
): Promise<ApplyAnswer | undefined> {
  const answer = await ports.approvals.wait(approved.id, AbortSignal.timeout(ports.limits.modelConnectMs));
  await emitAnswered(approved, answer, emit);
  if (answer.state !== 'approved') return { state: 'denied', decision: publish.decision, note: answer.note };
  if (await useGrant(answer.grant, publish, ports, emit)) return undefined;
  throw new CaissonError('approval_gone', 'the approval was used or has expired');
}

function isUnfinished(events: readonly RunEvent[], { effect }: PublishCase): boolean {
  const last = events.findLast(
    ({ body }) => body.type === 'apply_started' || body.type === 'applied' || body.type === 'apply_failed',
  );
  return last?.body.type === 'apply_started' && last.body.ref === effect.ref && last.body.patchHash === effect.patch;
}

/** False where the process died between the use of the grant and the first word of it: then the use was for nothing. */
function hasStarted(events: readonly RunEvent[], question: string): boolean {
  const answered = events.findLastIndex(({ body }) => body.type === 'answered' && body.question === question);
  return answered === -1 || events.slice(answered).some(({ body }) => body.type === 'apply_started');
}

export async function noteApplied(record: RunRecord, result: AppliedResult, ports: RunsPorts): Promise<void> {
  const emit = createEmit(record.id, () => record.totals.steps, ports);
  const { ref } = result;
  const patchHash = record.patch ?? `${HASH_PREFIX}${'0'.repeat(64)}`;
  await emit([
    result.ok
      ? { body: { type: 'applied', ref, commit: result.commit, base: result.base, patchHash } }
      : { body: { type: 'apply_failed', ref, code: result.code, message: result.message } },
  ]);
  await ports.journal.sealRun(record.id);
}

function commitMessage(record: RunRecord): string {
  const title = record.task.split('\n')[0]?.slice(0, 72) ?? 'Changes by Caisson';
  const summary = record.summary === undefined ? '' : `${record.summary}\n\n`;
  const recorded = record.recorded ? 'Replies-Recorded: yes\n' : '';
  return `${title}\n\n${summary}Caisson-Run: ${record.id}\n${recorded}`;
}
