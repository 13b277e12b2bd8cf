// Owns the way from a row to a question. Knows no SQL.
import type { z as Schema } from 'zod';
import { late } from '../base/schema.ts';
import type { Decision, GrantScope, QuestionRecord, QuestionState } from '../contracts/decisions.ts';
import { effectSchema } from '../contracts/effects.ts';
import { NOBODY, type QuestionRow } from '../store/approvals.ts';
import { parseColumn } from '../store/json-column.ts';

const scopeSchema = late((z) => {
  const count = z.int().min(1).exactOptional();
  return z.strictObject({ uses: count, ms: count }) satisfies Schema.ZodType<GrantScope>;
});

const decisionSchema = late((z) => {
  const verdict = z.enum(['allow', 'ask', 'deny']);
  return z.strictObject({
    verdict,
    rule: z.string(),
    reason: z.string(),
    advice: z.string(),
    policy: z.string(),
    lost: z.array(z.strictObject({ rule: z.string(), verdict })),
  }) satisfies Schema.ZodType<Decision>;
});

/** A question whose time is over is expired, whether or not anything has written that down yet. */
export function recordOf(row: QuestionRow, now: number): QuestionRecord {
  return {
    id: row.id,
    run: row.run,
    step: row.step,
    effect: parseColumn(row.effect, effectSchema, `the effect of question ${row.id}`),
    decision: parseColumn(row.decision, decisionSchema, `the decision of question ${row.id}`),
    summary: row.summary,
    shown: row.shown_hash,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    ...(row.scope === null ? {} : { scope: parseColumn(row.scope, scopeSchema, `the scope of question ${row.id}`) }),
    ...(isOver(row, now) ? expired(row) : answered(row)),
  };
}

function isOver({ state, expires_at: expiresAt }: QuestionRow, now: number): boolean {
  return (state === 'waiting' || state === 'approved') && expiresAt <= now;
}

type Answered = Pick<QuestionRecord, 'state' | 'answeredBy' | 'answeredAt' | 'note'>;

function expired(row: QuestionRow): Answered {
  return { state: 'expired', answeredBy: NOBODY.by, answeredAt: row.expires_at, note: NOBODY.note };
}

function answered(row: QuestionRow): Answered {
  return {
    // The table lets no other word in.
    state: row.state as QuestionState,
    ...(row.answered_by === null ? {} : { answeredBy: row.answered_by }),
    ...(row.answered_at === null ? {} : { answeredAt: row.answered_at }),
    ...(row.note === null ? {} : { note: row.note }),
  };
}
