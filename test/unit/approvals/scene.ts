// A real store with an airlock on it, a clock that tests move, and questions to ask.
import { join } from 'node:path';
import { createApprovals, type OpenApprovals } from '../../../src/approvals/approvals.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { sha256 } from '../../../src/base/hash.ts';
import type { Answer, Decision, Grant, Question } from '../../../src/contracts/decisions.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import type { NewQuestion } from '../../../src/contracts/ports.ts';
import { openWriter } from '../../../src/store/connection.ts';
import { openStore, type Store } from '../../../src/store/open.ts';
import { inDirectory } from '../store/scene.ts';

export const START = 1_700_000_000_000;
export const POLICY = sha256('policy');
export const HOUR = 3_600_000;

export interface Scene {
  readonly directory: string;
  readonly store: Store;
  readonly approvals: OpenApprovals;
  /** Milliseconds since 1970, as the airlock sees them. */
  readonly clock: { now: number };
  /** Hash of the policy that holds, as the airlock sees it. */
  readonly policy: { hash: string };
}

/** Questions stand for an hour. Everything is closed and removed afterwards. */
export async function inScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const clock = { now: START };
    const policy = { hash: POLICY };
    const store = await openStore({ dataDir: directory, faults: noFaults });
    const approvals = createApprovals({
      store,
      clock: movable(clock),
      policyHash: () => policy.hash,
      approvalMs: HOUR,
    });
    try {
      await test({ directory, store, approvals, clock, policy });
    } finally {
      approvals.close();
      await store.close();
    }
  });
}

function movable(clock: { now: number }): Clock {
  return { now: () => clock.now, monotonic: () => clock.now };
}

export const EFFECT: Effect = {
  type: 'publish',
  ref: 'refs/heads/caisson/fix',
  remote: 'origin',
  patch: sha256('patch'),
  base: 'abc',
  sensitivePaths: [],
};

export const DECISION: Decision = {
  verdict: 'ask',
  rule: 'publish-asks',
  reason: 'It would leave.',
  advice: 'Wait.',
  policy: POLICY,
  lost: [{ rule: 'other', verdict: 'allow' }],
};

export const SHOWN = 'Make refs/heads/caisson/fix on origin';

export function newQuestion(changes: Partial<NewQuestion> = {}): NewQuestion {
  return { run: 'run_1', step: 3, effect: EFFECT, decision: DECISION, summary: 'make it', shown: SHOWN, ...changes };
}

export const yes = (question: Question, by = 'alice') =>
  ({ verdict: 'approve', by, shown: question.shown, note: 'looked at it' }) as const;
export const no = (question: Question, by = 'bob') =>
  ({ verdict: 'deny', by, shown: question.shown, note: 'not today' }) as const;

/** What a use is checked against when nothing has changed. */
export const NOW = { effect: EFFECT, shown: sha256(SHOWN), policy: POLICY };

export const patience = () => new AbortController().signal;

export function grantIn(answer: Answer): Grant {
  if (answer.state !== 'approved') throw new Error(`the answer is ${answer.state}`);
  return answer.grant;
}

/** Begins to wait, and resolves when that wait has looked once and found no answer: reads are served in order. */
export async function waitingFor(approvals: OpenApprovals, id: string, signal = patience()) {
  const answer = approvals.wait(id, signal);
  await approvals.get(id);
  return { answer };
}

/** Asks, says yes, and takes the grant. */
export async function granted({ approvals }: Scene, changes: Partial<NewQuestion> = {}): Promise<Grant> {
  const question = await approvals.open(newQuestion(changes));
  await approvals.answer(question.id, yes(question));
  return grantIn(await approvals.wait(question.id, patience()));
}

/** Changes the table as another program would. */
export function tamper({ directory }: Pick<Scene, 'directory'>, sql: string): void {
  const connection = openWriter(join(directory, 'caisson.db'));
  try {
    connection.exec(sql);
  } finally {
    connection.close();
  }
}
