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
  readonly shown_hash: string;
  readonly asked_at: number;
  readonly expires_at: number;
  readonly state: string;
  readonly answered_by: string | null;
  readonly answered_at: number | null;
  readonly note: string | null;
  /** JSON of a scope. */
  readonly scope: string | null;
}

interface NewRow extends Omit<QuestionRow, 'state' | 'answered_by' | 'answered_at' | 'note' | 'scope'> {
  /** The text put before the person; rows are read without it. */
  readonly shown: string;
}

/** Who answered a question that nobody answered in time. */
export const NOBODY = { by: 'time', note: 'nobody answered in time' } as const;

const COLUMNS = `id, run, step, effect, effect_hash, decision, policy, summary, shown_hash, asked_at, expires_at, state,
  answered_by, answered_at, note, scope`;
const INSERT = `INSERT INTO questions (id, run, step, effect, effect_hash, decision, policy, summary, shown, shown_hash, asked_at,
    expires_at, state, answered_by, answered_at, note)
  VALUES (:id, :run, :step, :effect, :effect_hash, :decision, :policy, :summary, :shown, :shown_hash, :asked_at, :expires_at,
    'waiting', NULL, NULL, NULL)`;
const SAME = `SELECT ${COLUMNS} FROM questions
  WHERE run = :run AND effect_hash = :effect_hash AND shown_hash = :shown_hash AND policy = :policy
    AND state IN ('waiting', 'approved') AND expires_at > :asked_at`;
const LIST = `SELECT ${COLUMNS} FROM questions
  WHERE (:run IS NULL OR run = :run) AND (:state IS NULL OR :state =
    CASE WHEN state IN ('waiting', 'approved') AND expires_at <= :now THEN 'expired' ELSE state END)
  ORDER BY rowid`;
const EXPIRE = `UPDATE questions SET state = 'expired', answered_by = :by, answered_at = expires_at, note = :note
  WHERE state IN ('waiting', 'approved') AND expires_at <= :now`;
const ANSWER = `UPDATE questions SET state = :state, answered_by = :by, answered_at = :now, note = :note, scope = :scope
  WHERE id = :id AND state = 'waiting' AND shown_hash = :shown AND (:state = 'denied' OR policy = :in_force)`;
const USE = `UPDATE questions SET state = 'used'
  WHERE id = :id AND state = 'approved' AND shown_hash = :shown AND effect_hash = :effect_hash
    AND policy = :policy AND policy = :in_force`;
const REVOKE = `UPDATE questions SET state = 'revoked', answered_by = :by, answered_at = :now, note = 'revoked'
  WHERE state IN ('waiting', 'approved') AND (:run IS NULL OR run = :run)`;

const REVOKE_ONE = `UPDATE questions SET state = 'revoked', answered_by = :by, answered_at = :now, note = 'revoked'
  WHERE id = :id AND (state = 'approved' OR (state = 'used' AND scope IS NOT NULL))`;

/** The new question, or the one that already asks the same and still stands. */
function openQuestion(db: Db, row: NewRow): QuestionRow {
  const same = db.prepare<QuestionRow>(SAME).get(row);
  if (same !== undefined) return same;
  db.prepare(INSERT).run(row);
  const { shown: _, ...stored } = row;
  return { ...stored, state: 'waiting', answered_by: null, answered_at: null, note: null, scope: null };
}

interface AnswerOrder {
  readonly id: string;
  readonly state: 'approved' | 'denied';
  readonly by: string;
  readonly note: string;
  readonly scope: string | null;
  /** Hash of what the person saw. */
  readonly shown: string;
  /** Hash of the policy that holds now; a yes to a question that another policy asked does not count. */
  readonly in_force: string;
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
  readonly in_force: string;
  readonly now: number;
}

/** Consumes the one use. The row as it was when it was not to be had; undefined if it was used now. */
function useGrant(db: Db, order: UseOrder): QuestionRow | 'missing' | undefined {
  expireQuestions(db, order);
  if (db.prepare(USE).run(order).changes === 1) return undefined;
  return readQuestion(db, order) ?? 'missing';
}

/** False: nothing stood there. */
function revokeQuestion(db: Db, order: { readonly id: string; readonly by: string; readonly now: number }): boolean {
  expireQuestions(db, order);
  return db.prepare(REVOKE_ONE).run(order).changes === 1;
}

/** Ids of what was waiting or approved and is neither now. */
function revokeQuestions(
  db: Db,
  order: { readonly run?: string; readonly by: string; readonly now: number },
): readonly string[] {
  expireQuestions(db, order);
  return db
    .prepare<{ id: string }>(`${REVOKE} RETURNING id`)
    .all({ run: null, ...order })
    .map(({ id }) => id);
}

/** Questions whose time is over become expired, in the same transaction as whatever follows. */
function expireQuestions(db: Db, { now }: { readonly now: number }): void {
  db.prepare(EXPIRE).run({ now, ...NOBODY });
}

function readQuestion(db: Db, { id }: { readonly id: string }): QuestionRow | undefined {
  return db.prepare<QuestionRow>(`SELECT ${COLUMNS} FROM questions WHERE id = ?`).get(id);
}

/** The text that was put before the person. */
function readShown(db: Db, { id }: { readonly id: string }): string | undefined {
  return db.prepare<{ shown: string }>('SELECT shown FROM questions WHERE id = ?').get(id)?.shown;
}

/** In the order they were asked. */
function listQuestions(
  db: Db,
  filter: { readonly state?: string; readonly run?: string; readonly now: number },
): readonly QuestionRow[] {
  return db.prepare<QuestionRow>(LIST).all({ state: null, run: null, ...filter });
}

export const approvalWrites = { openQuestion, answerQuestion, useGrant, revokeQuestion, revokeQuestions };
export const approvalReads = { readQuestion, readShown, listQuestions };
