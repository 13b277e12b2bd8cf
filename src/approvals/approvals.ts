// Owns the questions that wait for a person: asked, answered once, used once, or over. Knows no rule and no transport.
import { CaissonError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { sha256 } from '../base/hash.ts';
import { newId } from '../base/ids.ts';
import { canonicalJson } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import type { Answer, Grant, GrantUse, Question, QuestionRecord } from '../contracts/decisions.ts';
import type { Approvals, NewQuestion } from '../contracts/ports.ts';
import type { Store } from '../store/open.ts';
import { answerOf, whyNotAnswered, whyUnused } from './answer.ts';
import { recordOf } from './record.ts';
import { createWaiters, type Waiters } from './waiters.ts';

export interface OpenApprovals extends Approvals {
  /** The text that was put before the person; undefined if there is no such question. */
  shownText(id: string): Promise<string | undefined>;
  /** Stops the timers. Who waits is answered with a no that changes nothing in the table. */
  close(): void;
}

interface Desk {
  readonly store: Store;
  readonly clock: Clock;
  readonly policyHash: () => string;
  readonly approvalMs: number;
  readonly waiters: Waiters;
}

/** `policyHash`: of the policy that holds now; no answer and no grant outlives it. `approvalMs`: how long a question stands. */
export function createApprovals(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly policyHash: () => string;
  readonly approvalMs?: number;
}): OpenApprovals {
  const desk: Desk = { approvalMs: LIMITS.approvalMs, ...options, waiters: createWaiters() };
  return {
    get: (id) => find(desk, id),
    open: (question) => ask(desk, question),
    wait: (id, signal) => waitFor(desk, id, signal),
    answer: (id, answer) => take(desk, id, answer),
    use: (grant, now) => consume(desk, grant, now),
    list: (filter) => list(desk, filter),
    revokeAll: (filter) => revoke(desk, filter),
    shownText: (id) => desk.store.read('readShown', { id }),
    close: () => desk.waiters.close(),
  };
}

async function find({ store, clock }: Desk, id: string): Promise<QuestionRecord | undefined> {
  const row = await store.read('readQuestion', { id });
  return row === undefined ? undefined : recordOf(row, clock.now());
}

async function findKnown(desk: Desk, id: string): Promise<QuestionRecord> {
  const record = await find(desk, id);
  if (record !== undefined) return record;
  const hint = '`caisson approvals --all` shows every question.';
  throw new CaissonError('not_found', `there is no question ${id}`, { hint });
}

async function ask({ store, clock, approvalMs }: Desk, question: NewQuestion): Promise<Question> {
  const askedAt = clock.now();
  const effect = canonicalJson(question.effect);
  const row = await store.write('openQuestion', {
    id: newId('q', askedAt),
    run: question.run,
    step: question.step,
    effect,
    effect_hash: sha256(effect),
    decision: canonicalJson(question.decision),
    policy: question.decision.policy,
    summary: question.summary,
    shown: question.shown,
    shown_hash: sha256(question.shown),
    asked_at: askedAt,
    expires_at: askedAt + approvalMs,
  });
  return recordOf(row, askedAt);
}

async function list(
  { store, clock }: Desk,
  filter: Parameters<Approvals['list']>[0],
): Promise<readonly QuestionRecord[]> {
  const now = clock.now();
  const rows = await store.read('listQuestions', { ...filter, now });
  return rows.map((row) => recordOf(row, now));
}

async function revoke({ store, clock, waiters }: Desk, filter: Parameters<Approvals['revokeAll']>[0]): Promise<number> {
  const revoked = await store.write('revokeQuestions', { ...filter, now: clock.now() });
  waiters.wake(revoked);
  return revoked.length;
}

async function waitFor(desk: Desk, id: string, signal: AbortSignal): Promise<Answer> {
  const watch = desk.waiters.watch(id);
  try {
    for (;;) {
      const record = await findKnown(desk, id);
      const answer = answerOf(record);
      if (answer !== undefined) return answer;
      if (signal.aborted || desk.waiters.closed())
        return { state: 'expired', by: 'the end of the wait', note: 'nobody answered' };
      await watch.change(record.expiresAt - desk.clock.now(), signal);
    }
  } finally {
    watch.end();
  }
}

async function take(desk: Desk, id: string, answer: Parameters<Approvals['answer']>[1]): Promise<QuestionRecord> {
  const { by, note, shown, verdict } = answer;
  if (verdict === 'revoke') return takeBack(desk, id, by);
  const state = verdict === 'approve' ? 'approved' : 'denied';
  const scope = await scopeOf(desk, id, answer);
  const order = { id, state, by, note, scope, shown, in_force: desk.policyHash(), now: desk.clock.now() } as const;
  const counts = await desk.store.write('answerQuestion', order);
  const record = await findKnown(desk, id);
  if (!counts) throw whyNotAnswered(record, shown);
  desk.waiters.wake([id]);
  return record;
}

/** A yes to the network is for the run, unless the person says less. */
async function scopeOf(
  desk: Desk,
  id: string,
  { verdict, scope }: Parameters<Approvals['answer']>[1],
): Promise<string | null> {
  const isNetwork = (await findKnown(desk, id)).effect.type === 'egress';
  if (scope !== undefined && (!isNetwork || verdict !== 'approve'))
    throw new CaissonError(
      'invalid_input',
      'only a yes to a question about the network can be for a time, for uses or for the run',
    );
  return isNetwork && verdict === 'approve' ? canonicalJson(scope ?? {}) : null;
}

async function takeBack(desk: Desk, id: string, by: string): Promise<QuestionRecord> {
  const done = await desk.store.write('revokeQuestion', { id, by, now: desk.clock.now() });
  const record = await findKnown(desk, id);
  if (!done)
    throw new CaissonError('approval_gone', `question ${id} is ${record.state}: there is nothing to take back`);
  desk.waiters.wake([id]);
  return record;
}

async function consume(desk: Desk, grant: Grant, now: Parameters<Approvals['use']>[1]): Promise<GrantUse> {
  const failed = await desk.store.write('useGrant', {
    id: grant.question,
    shown: now.shown,
    effect_hash: sha256(canonicalJson(now.effect)),
    policy: now.policy,
    in_force: desk.policyHash(),
    now: desk.clock.now(),
  });
  return failed === undefined ? 'used' : whyUnused(failed);
}
