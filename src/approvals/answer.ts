// Owns what the state of a question means for those who wait, answer or use. Knows no table and no clock.
import { CaissonError } from '../base/errors.ts';
import type { Answer, Grant, GrantUse, QuestionRecord } from '../contracts/decisions.ts';
import type { QuestionRow } from '../store/approvals.ts';

/** Undefined while it waits. A grant that was used gives no second one. */
export function answerOf(record: QuestionRecord): Answer | undefined {
  const { state, answeredBy = '', note = '' } = record;
  switch (state) {
    case 'waiting':
      return undefined;
    case 'approved':
      return { state, grant: grantOf(record) };
    case 'used':
      return { state: 'expired', by: 'an earlier use', note: 'the grant was used already' };
    case 'denied':
    case 'expired':
    case 'revoked':
      break;
  }
  return { state, by: answeredBy, note };
}

function grantOf({ id, run, effect, shown, decision, expiresAt, scope }: QuestionRecord): Grant {
  const grant = { id: `grant_${id}`, question: id, run, effect, shown, policy: decision.policy, uses: 1, expiresAt };
  return scope === undefined ? grant : { ...grant, scope };
}

/** Why an answer did not count, from the question as it is afterwards and the hash of what the person had seen. */
export function whyNotAnswered({ id, state, answeredBy, shown }: QuestionRecord, seen: string): CaissonError {
  if (state !== 'waiting') return new CaissonError('approval_gone', `question ${id} is ${state} (${answeredBy ?? ''})`);
  const why =
    shown === seen
      ? `question ${id} was asked under a policy that does not hold any more`
      : `the answer to ${id} is for something else than what is asked now`;
  return new CaissonError('approval_changed', why);
}

/** Why a grant could not be used, from its row as it was then. */
export function whyUnused(row: QuestionRow | 'missing'): GrantUse {
  if (row === 'missing') return 'revoked';
  switch (row.state) {
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
