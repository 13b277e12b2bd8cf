// Owns the table of questions: every change of state is one guarded statement inside the writer's transaction. Knows no policy.
import type { Db } from './connection.ts';

export interface QuestionRow {
  readonly id: string;
  readonly run: string;
  readonly step: number;
  readonly effect: string;
  readonly effect_hash: string;
  readonly decision: string;
  readonly policy: string;
  readonly summary: string;
  readonly shown: string;
  readonly shown_hash: string;
  readonly asked_at: number;
  readonly expires_at: number;
  readonly state: string;
  readonly answered_by: string | null;
  readonly answered_at: number | null;
  readonly note: string | null;
}

type NewRow = Omit<QuestionRow, 'state' | 'answered_by' | 'answered_at' | 'note'>;

const COLUMNS = `id, run, step, effect, effect_hash, decision, policy, summary, shown, shown_hash, asked_at, expires_at, state,
  answered_by, answered_at, note`;
const INSERT = `INSERT INTO questions (${COLUMNS})
  VALUES (:id, :run, :step, :effect, :effect_hash, :decision, :policy, :summary, :shown, :shown_hash, :asked_at, :expires_at,
    'waiting', NULL, NULL, NULL)`;
const SAME = `SELECT ${COLUMNS} FROM questions
  WHERE run = :run AND effect_hash = :effect_hash AND shown_hash = :shown_hash AND policy = :policy
    AND state IN ('waiting', 'approved') AND expires_at > :asked_at`;
const LIST = `SELECT ${COLUMNS} FROM questions
  WHERE (:state IS NULL OR state = :state) AND (:run IS NULL OR run = :run) ORDER BY id`;
const EXPIRE = `UPDATE questions SET state = 'expired', answered_by = 'time', answered_at = :now, note = 'nobody answered in time'
  WHERE state IN ('waiting', 'approved') AND expires_at <= :now`;
const ANSWER = `UPDATE questions SET state = :state, answered_by = :by, answered_at = :now, note = :note
  WHERE id = :id AND state = 'waiting' AND shown_hash = :shown AND expires_at > :now`;
const USE = `UPDATE questions SET state = 'used'
  WHERE id = :id AND state = 'approved' AND shown_hash = :shown AND effect_hash = :effect_hash AND policy = :policy AND expires_at > :now`;
const REVOKE = `UPDATE questions SET state = 'revoked', answered_by = :by, answered_at = :now, note = 'revoked'
  WHERE state IN ('waiting', 'approved') AND (:run IS NULL OR run = :run)`;

/** The new question, or the one that already asks the same and still stands. */
function openQuestion(db: Db, row: NewRow): QuestionRow {
  const same = db.prepare<QuestionRow>(SAME).get(row);
  if (same !== undefined) return same;
  db.prepare(INSERT).run(row);
  return { ...row, state: 'waiting', answered_by: null, answered_at: null, note: null };
}

/** Questions whose time is over become expired, in the same transaction as whatever follows. */
function expireQuestions(db: Db, { now }: { readonly now: number }): number {
  return db.prepare(EXPIRE).run({ now }).changes;
}

interface AnswerOrder {
  readonly id: string;
  readonly state: 'approved' | 'denied';
  readonly by: string;
  readonly note: string;
  /** Hash of what the person saw. */
  readonly shown: string;
  readonly now: number;
}

/** True if this answer is the one that counts. */
function answerQuestion(db: Db, order: AnswerOrder): boolean {
  expireQuestions(db, order);
  return db.prepare(ANSWER).run(order).changes === 1;
}

interface UseOrder {
  readonly id: string;
  readonly shown: string;
  readonly effect_hash: string;
  readonly policy: string;
  readonly now: number;
}

/** Consumes the one use. The row as it was when it was not to be had; undefined if it was used now. */
function useGrant(db: Db, order: UseOrder): QuestionRow | 'missing' | undefined {
  expireQuestions(db, order);
  if (db.prepare(USE).run(order).changes === 1) return undefined;
  return readQuestion(db, order) ?? 'missing';
}

function revokeQuestions(db: Db, order: { readonly run?: string; readonly by: string; readonly now: number }): number {
  return db.prepare(REVOKE).run({ run: null, ...order }).changes;
}

function readQuestion(db: Db, { id }: { readonly id: string }): QuestionRow | undefined {
  return db.prepare<QuestionRow>(`SELECT ${COLUMNS} FROM questions WHERE id = ?`).get(id);
}

/** In the order they were asked. */
function listQuestions(db: Db, filter: { readonly state?: string; readonly run?: string }): readonly QuestionRow[] {
  return db.prepare<QuestionRow>(LIST).all({ state: null, run: null, ...filter });
}

export const approvalWrites = { openQuestion, expireQuestions, answerQuestion, useGrant, revokeQuestions };
export const approvalReads = { readQuestion, listQuestions };
