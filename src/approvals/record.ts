// Owns the way from a row to a question. Knows no SQL.
import type { Decision, QuestionRecord, QuestionState } from '../contracts/decisions.ts';
import { effectSchema } from '../contracts/effects.ts';
import type { QuestionRow } from '../store/approvals.ts';

/** A question whose time is over is expired, whether or not anything has written that down yet. */
export function recordOf(row: QuestionRow, now: number): QuestionRecord {
  const open = row.state === 'waiting' || row.state === 'approved';
  const state = open && row.expires_at <= now ? 'expired' : (row.state as QuestionState);
  return {
    id: row.id,
    run: row.run,
    step: row.step,
    effect: effectSchema.parse(JSON.parse(row.effect)),
    decision: JSON.parse(row.decision) as Decision,
    summary: row.summary,
    shown: row.shown_hash,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    state,
    ...(row.answered_by === null ? {} : { answeredBy: row.answered_by }),
    ...(row.answered_at === null ? {} : { answeredAt: row.answered_at }),
    ...(row.note === null ? {} : { note: row.note }),
  };
}
