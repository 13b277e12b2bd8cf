// Owns the decision to let a patch out of the house as a new ref. It makes no ref: who holds the repository does.
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../base/json.ts';
import type { Answer, Decision, Grant, Question } from '../contracts/decisions.ts';
import type { PublishEffect } from '../contracts/effects.ts';
import type { Approvals, Emit } from '../contracts/ports.ts';
import type { ApplyWish } from '../contracts/run-service.ts';
import type { RunRecord } from '../contracts/runs.ts';
import type { Patch } from '../contracts/workspace.ts';
import type { LiveRun, RunsPorts } from './ports.ts';
import { patiently } from './waiting.ts';

export interface PublishCase {
  readonly effect: PublishEffect;
  readonly decision: Decision;
  /** Everything a person is shown; the answer is bound to its hash. */
  readonly shown: string;
}

type Ports = Pick<RunsPorts, 'decide' | 'approvals' | 'policyHash'>;

/** What publishing this patch under this ref means, and what the policy says of it. Always the same for the same words. */
export function publishCase(record: RunRecord, wish: ApplyWish, patch: Patch, ports: Ports): PublishCase {
  const effect: PublishEffect = {
    type: 'publish',
    ref: wish.ref,
    remote: wish.remote,
    patch: patch.hash,
    base: record.origin.head,
    sensitivePaths: [...new Set([...patch.sensitivePaths, ...patch.secrets.map(({ path }) => path)])],
  };
  const decision = atLeastAsked(ports.decide(effect, { run: record.id, tool: 'apply' }), patch);
  return { effect, decision, shown: shownText(record, effect, patch) };
}

/** No rule lets a secret out unseen: whoever wrote it thought of paths, not of what would stand in them. */
function atLeastAsked(decision: Decision, { secrets }: Patch): Decision {
  if (decision.verdict !== 'allow' || secrets.length === 0) return decision;
  const reason = `the patch adds what looks like a secret (${secrets[0]?.kind ?? ''}); a person decides`;
  return { ...decision, verdict: 'ask', rule: 'secrets-ask', reason };
}

function shownText(record: RunRecord, effect: PublishEffect, patch: Patch): string {
  const files = patch.files.map((file) => `  ${file.change} ${file.path} (+${file.added} -${file.removed})`);
  const secrets = patch.secrets.map(({ path, line, kind }) => `  ${path}:${line}: ${kind}`);
  const sensitive = effect.sensitivePaths.map((path) => `  ${path}`);
  return [
    `Make ${effect.ref} on ${effect.base} (${effect.remote})`,
    `Run ${record.id}: ${record.task}`,
    `Patch ${effect.patch}, ${patch.files.length} files:`,
    ...files,
    ...(sensitive.length === 0 ? [] : ['Acts on people or machines when checked out:', ...sensitive]),
    ...(secrets.length === 0 ? [] : ['Adds what looks like a secret:', ...secrets]),
  ].join('\n');
}

/** Asks at the end of a run that was started with a wish to publish. Undefined: granted (or allowed); else the rule that said no. */
export async function askToPublish(
  live: LiveRun,
  wish: ApplyWish,
  patch: Patch,
  ports: RunsPorts,
  emit: Emit,
): Promise<string | undefined> {
  const publish = publishCase(live.record, wish, patch, ports);
  await emitDecided(publish, ports, emit);
  if (publish.decision.verdict === 'allow') return undefined;
  if (publish.decision.verdict === 'deny') return publish.decision.rule;
  const question = await openQuestion(live.record, live.step, publish, ports.approvals, emit);
  const answer = await patiently(ports.approvals, live, ports).wait(question.id, live.stop.signal);
  await emitAnswered(question, answer, emit);
  return answer.state === 'approved' ? undefined : `${publish.decision.rule} (${answer.state} by ${answer.by})`;
}

export async function emitDecided({ effect, decision }: PublishCase, ports: Ports, emit: Emit): Promise<void> {
  const content = canonicalJson(effect);
  await emit([
    {
      body: {
        type: 'decided',
        call: '',
        effectHash: sha256(content),
        effect: effect.type,
        verdict: decision.verdict,
        rule: decision.rule,
        reason: decision.reason,
        policyHash: ports.policyHash(),
        lost: decision.lost.map((lost) => lost.rule),
      },
      contents: [content],
    },
  ]);
}

export async function openQuestion(
  record: RunRecord,
  step: number,
  { effect, decision, shown }: PublishCase,
  approvals: Approvals,
  emit: Emit,
): Promise<Question> {
  const summary = `make ${effect.ref} from the patch of ${record.id}`;
  const question = await approvals.open({ run: record.id, step, effect, decision, summary, shown });
  const effectHash = sha256(canonicalJson(effect));
  const { id, expiresAt } = question;
  await emit([
    {
      body: { type: 'asked', question: id, call: '', effectHash, shownHash: sha256(shown), expiresAt },
      contents: [shown],
    },
  ]);
  return question;
}

export async function emitAnswered(question: Question, answer: Answer, emit: Emit): Promise<void> {
  const by = answer.state === 'approved' ? 'a person' : answer.by;
  const note = answer.state === 'approved' ? '' : answer.note;
  await emit([{ body: { type: 'answered', question: question.id, state: answer.state, by, note } }]);
}

/** Consumes one use of the grant and says so in the journal. */
export async function useGrant(grant: Grant, publish: PublishCase, ports: Ports, emit: Emit): Promise<boolean> {
  const now = { effect: publish.effect, shown: sha256(publish.shown), policy: ports.policyHash() };
  const use = await ports.approvals.use(grant, now);
  await emit([{ body: { type: 'grant_used', question: grant.question, grant: grant.id, use } }]);
  return use === 'used';
}
