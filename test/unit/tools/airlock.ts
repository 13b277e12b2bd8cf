// Owns an airlock in memory whose answers a test scripts. Keeps nothing.
import { sha256 } from '../../../src/base/hash.ts';
import type { Answer, Grant, GrantUse, Question, QuestionRecord } from '../../../src/contracts/decisions.ts';
import type { Approvals, NewQuestion } from '../../../src/contracts/ports.ts';

export type Says = 'approve' | 'deny' | 'expire' | 'wait';

export interface Airlock {
  readonly approvals: Approvals;
  readonly opened: NewQuestion[];
  readonly uses: { readonly grant: Grant; readonly now: unknown }[];
}

/** `says`: the answer to each question in turn; `use`: what using a grant gives. */
export function airlock(says: readonly Says[], use: GrantUse = 'used'): Airlock {
  const opened: NewQuestion[] = [];
  const uses: Airlock['uses'] = [];
  const questions = new Map<string, Question>();
  const never = () => Promise.reject(new Error('not asked for in these tests'));
  const approvals: Approvals = {
    open: async (asked) => {
      opened.push(asked);
      const id = `qst_${opened.length}`;
      const question = { ...asked, id, shown: sha256(asked.shown), askedAt: 1, expiresAt: 1000 };
      questions.set(id, question);
      return question;
    },
    wait: async (id, signal): Promise<Answer> => {
      const said = says[questions.size === 1 ? 0 : Number(id.slice(4)) - 1];
      const question = questions.get(id);
      if (question === undefined) return never();
      if (said === 'wait') {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return { state: 'expired', by: '', note: '' };
      }
      if (said === 'expire') return { state: 'expired', by: '', note: '' };
      if (said === 'deny') return { state: 'denied', by: 'ann', note: 'not today' };
      const { run, effect, shown, decision } = question;
      const grant = {
        id: `grt_${id}`,
        question: id,
        run,
        effect,
        shown,
        policy: decision.policy,
        uses: 1,
        expiresAt: 9,
      };
      return { state: 'approved', grant };
    },
    use: async (grant, now) => {
      uses.push({ grant, now });
      return use;
    },
    get: async (id): Promise<QuestionRecord | undefined> => {
      const question = questions.get(id);
      return question && { ...question, state: 'approved', answeredBy: 'ann', answeredAt: 2, note: 'fine' };
    },
    answer: never,
    list: never,
    revokeAll: never,
  };
  return { approvals, opened, uses };
}
