// Owns asking a person about the effects of a call, and using the grants. Knows no table: the airlock keeps what is asked.
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../base/json.ts';
import type { Answer, Grant, GrantUse, Question } from '../contracts/decisions.ts';
import type { ToolCall } from '../contracts/messages.ts';
import type { Approvals, Emit } from '../contracts/ports.ts';
import type { EventOf } from '../contracts/run-events.ts';
import type { Decided } from './decide-effects.ts';
import { questionShown, questionSummary } from './question-text.ts';

export type Permit =
  | { readonly ok: true; readonly grants: readonly Grant[] }
  | { readonly ok: false; readonly rule: string; readonly advice: string };

export interface Asking {
  readonly call: ToolCall;
  readonly step: number;
  /** The effects whose decision is `ask`. */
  readonly asking: readonly Decided[];
}

interface Ports {
  readonly run: string;
  readonly approvals: Approvals;
  readonly emit: Emit;
  readonly policyHash: string;
}

interface Asked {
  readonly decided: Decided;
  readonly shown: string;
  readonly question: Question;
}

/**
 * Asks all questions, waits for each answer in turn, and uses the grants only when every answer is yes. The first no ends it.
 * When the signal aborts, an answer that came by it is not recorded: nobody gave it.
 */
export async function askPerson(what: Asking, ports: Ports, signal: AbortSignal): Promise<Permit> {
  const asked: Asked[] = [];
  for (const decided of what.asking) asked.push(await openQuestion(what, decided, ports));
  const grants: { readonly asked: Asked; readonly grant: Grant }[] = [];
  for (const one of asked) {
    const answer = await ports.approvals.wait(one.question.id, signal);
    if (signal.aborted && answer.state !== 'approved') return refused(one, 'the run is being stopped');
    await ports.emit([{ body: await answeredBody(ports, one.question, answer) }]);
    if (answer.state !== 'approved') return refused(one, noText(answer));
    grants.push({ asked: one, grant: answer.grant });
  }
  if (signal.aborted) return { ok: true, grants: [] };
  for (const { asked: one, grant } of grants) {
    const use = await takeGrant(one, grant, ports);
    if (use !== 'used') return refused(one, `a person had approved it, but the approval no longer holds (${use})`);
  }
  return { ok: true, grants: grants.map(({ grant }) => grant) };
}

async function openQuestion(what: Asking, decided: Decided, ports: Ports): Promise<Asked> {
  const { effect, decision } = decided;
  const shown = questionShown(what.call, decided);
  const summary = questionSummary(what.call, effect);
  const question = await ports.approvals.open({ run: ports.run, step: what.step, effect, decision, summary, shown });
  const content = canonicalJson(effect);
  await ports.emit([
    {
      body: {
        type: 'asked',
        question: question.id,
        call: what.call.id,
        effectHash: sha256(content),
        shownHash: sha256(shown),
        expiresAt: question.expiresAt,
      },
      contents: [content, shown],
    },
  ]);
  return { decided, shown, question };
}

async function takeGrant(one: Asked, grant: Grant, ports: Ports): Promise<GrantUse> {
  const now = { effect: one.decided.effect, shown: sha256(one.shown), policy: ports.policyHash };
  const use = await ports.approvals.use(grant, now);
  await ports.emit([{ body: { type: 'grant_used', question: one.question.id, grant: grant.id, use } }]);
  return use;
}

/** An answer of yes carries only the grant: who gave it is in the record of the question. */
async function answeredBody(ports: Ports, { id }: Question, answer: Answer): Promise<EventOf<'answered'>> {
  const { state } = answer;
  if (state !== 'approved') return { type: 'answered', question: id, state, by: answer.by, note: answer.note };
  const record = await ports.approvals.get(id);
  return { type: 'answered', question: id, state, by: record?.answeredBy ?? '', note: record?.note ?? '' };
}

function noText(answer: Exclude<Answer, { state: 'approved' }>): string {
  const note = answer.note.trim() === '' ? '' : ` and says: ${answer.note.trim()}`;
  if (answer.state === 'denied') return `a person was asked and said no${note}`;
  if (answer.state === 'expired') return 'a person was asked and nobody answered in time';
  return 'the question was withdrawn';
}

function refused(one: Asked, words: string): Permit {
  return { ok: false, rule: one.decided.decision.rule, advice: `${words}. ${one.decided.decision.advice}`.trim() };
}
