// Owns the questions that wait for a person: asked, answered once, used once, or over. Knows no rule and no transport.
import { CaissonError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { sha256 } from '../base/hash.ts';
import { newId } from '../base/ids.ts';
import { canonicalJson } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import type { Answer, Grant, GrantUse, QuestionRecord } from '../contracts/decisions.ts';
import type { Approvals } from '../contracts/ports.ts';
import type { Store } from '../store/open.ts';
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
  readonly waiters: Waiters;
}

export function createApprovals(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly policyHash: () => string;
}): OpenApprovals {
  const desk: Desk = { ...options, waiters: createWaiters() };
  const { store, clock, waiters } = desk;
  const get = async (id: string) => {
    const row = await store.read('readQuestion', { id });
    return row === undefined ? undefined : recordOf(row, clock.now());
  };
  return {
    get,
    open: async (question) => {
      const askedAt = clock.now();
      const row = await store.write('openQuestion', {
        id: newId('q', askedAt),
        run: question.run,
        step: question.step,
        effect: canonicalJson(question.effect),
        effect_hash: sha256(canonicalJson(question.effect)),
        decision: canonicalJson(question.decision),
        policy: question.decision.policy,
        summary: question.summary,
        shown: question.shown,
        shown_hash: sha256(question.shown),
        asked_at: askedAt,
        expires_at: askedAt + LIMITS.approvalMs,
      });
      return recordOf(row, askedAt);
    },
    wait: (id, signal) => waitFor(desk, id, signal, get),
    answer: (id, answer) => take(desk, id, answer, get),
    use: (grant, now) => consume(desk, grant, now),
    list: async (filter) => {
      const now = clock.now();
      const rows = await store.read('listQuestions', filter.run === undefined ? {} : { run: filter.run });
      const records = rows.map((row) => recordOf(row, now));
      return filter.state === undefined ? records : records.filter((record) => record.state === filter.state);
    },
    revokeAll: async ({ run, by }) => {
      const order = { by, now: clock.now() };
      const revoked = await store.write('revokeQuestions', run === undefined ? order : { ...order, run });
      waiters.wakeAll();
      return revoked;
    },
    shownText: async (id) => (await store.read('readQuestion', { id }))?.shown,
    close: () => waiters.close(),
  };
}

type Get = (id: string) => Promise<QuestionRecord | undefined>;

async function waitFor(desk: Desk, id: string, signal: AbortSignal, get: Get): Promise<Answer> {
  for (;;) {
    const woken = desk.waiters.next(id);
    const record = await get(id);
    if (record === undefined) throw new CaissonError('not_found', `there is no question ${id}`);
    const answer = answerOf(record);
    if (answer !== undefined) return answer;
    if (signal.aborted || desk.waiters.closed())
      return { state: 'expired', by: 'the end of the wait', note: 'nobody answered' };
    await woken.until(record.expiresAt - desk.clock.now(), signal);
  }
}

function answerOf(record: QuestionRecord): Answer | undefined {
  switch (record.state) {
    case 'waiting':
      return undefined;
    case 'approved':
      return { state: 'approved', grant: grantOf(record) };
    case 'denied':
    case 'expired':
    case 'revoked':
      return { state: record.state, by: record.answeredBy ?? 'time', note: record.note ?? '' };
    case 'used':
      return { state: 'expired', by: 'an earlier use', note: 'the grant was used already' };
  }
}

function grantOf({ id, run, effect, shown, decision, expiresAt }: QuestionRecord): Grant {
  return { id: `grant_${id}`, question: id, run, effect, shown, policy: decision.policy, uses: 1, expiresAt };
}

async function take(
  desk: Desk,
  id: string,
  answer: Parameters<Approvals['answer']>[1],
  get: Get,
): Promise<QuestionRecord> {
  const { by, note, shown } = answer;
  const state = answer.verdict === 'approve' ? 'approved' : 'denied';
  const counted = await desk.store.write('answerQuestion', { id, state, by, note, shown, now: desk.clock.now() });
  const record = await get(id);
  if (record === undefined) throw new CaissonError('not_found', `there is no question ${id}`);
  if (counted) {
    desk.waiters.wake(id);
    return record;
  }
  if (record.state === 'waiting')
    throw new CaissonError('approval_changed', `the answer to ${id} is for something else than what is asked now`);
  throw new CaissonError('approval_gone', `question ${id} is ${record.state}`);
}

async function consume(desk: Desk, grant: Grant, now: Parameters<Approvals['use']>[1]): Promise<GrantUse> {
  const effectHash = sha256(canonicalJson(now.effect));
  const order = {
    id: grant.question,
    shown: now.shown,
    effect_hash: effectHash,
    policy: now.policy,
    now: desk.clock.now(),
  };
  const left = await desk.store.write('useGrant', order);
  if (left === undefined) return 'used';
  if (left === 'missing') return 'revoked';
  switch (left.state) {
    case 'approved':
      return 'changed';
    case 'used':
      return 'spent';
    case 'expired':
      return 'expired';
    default:
      return 'revoked';
  }
}
