// Owns the way from a finished run to a new ref in a repository, with the question in between. Knows no transport and no git.
import { setTimeout as delay } from 'node:timers/promises';
import { CaissonError, reportOf } from '../base/errors.ts';
import type { ApplyAnswer, ApplyWish } from '../contracts/run-service.ts';
import type { AppliedRef } from '../contracts/workspace.ts';
import { applyGranted } from '../offline.ts';
import type { Context } from './context.ts';
import type { Overseer } from './overseer.ts';

const LOOK_EVERY_MS = 300;

export interface ApplyJob {
  readonly run: string;
  readonly repo: string;
  readonly wish: ApplyWish;
  /** The person at the terminal said yes beforehand. */
  readonly yes: boolean;
}

/** Makes the ref, or undefined if a person or the policy said no. The words of the no were shown. */
export async function applyRun(
  job: ApplyJob,
  overseer: Overseer,
  context: Pick<Context, 'terminal' | 'signal' | 'confirm'>,
): Promise<AppliedRef | undefined> {
  const granted = await untilGranted(job, overseer, context);
  if (granted === undefined) return undefined;
  const { ref } = job.wish;
  try {
    const applied = await applyGranted({ ...granted, repo: job.repo, ref });
    await overseer.applied(job.run, { ok: true, ref, commit: applied.commit, base: applied.base });
    return applied;
  } catch (error) {
    const { code, message } = reportOf(error);
    await overseer.applied(job.run, { ok: false, ref, code, message });
    throw error;
  }
}

async function untilGranted(
  job: ApplyJob,
  overseer: Overseer,
  context: Pick<Context, 'terminal' | 'signal' | 'confirm'>,
): Promise<Extract<ApplyAnswer, { state: 'granted' }> | undefined> {
  const asked = new Set<string>();
  for (;;) {
    const answer = await overseer.apply(job.run, job.wish);
    if (answer.state === 'granted') return answer;
    if (answer.state === 'denied') {
      const { rule, reason } = answer.decision;
      context.terminal.remark(
        `not applied: refused by ${rule} (${reason})${answer.note === '' ? '' : `: ${answer.note}`}`,
      );
      return undefined;
    }
    if (!asked.has(answer.question.id)) {
      asked.add(answer.question.id);
      await askHere(answer.question.id, job.yes, overseer, context);
    }
    if (context.signal.aborted)
      throw new CaissonError('conflict', 'interrupted while waiting for an answer; the question still waits');
    await delay(LOOK_EVERY_MS, undefined, { signal: context.signal }).catch(() => {});
  }
}

/** Puts the question before the person at this terminal; where nobody watches, says how to answer from another one. */
export async function askHere(
  id: string,
  yes: boolean,
  overseer: Overseer,
  { terminal, confirm }: Pick<Context, 'terminal' | 'confirm'>,
): Promise<void> {
  const { record, shown } = await overseer.question(id);
  if (record.state !== 'waiting') return;
  if (!yes && !terminal.interactive) {
    terminal.remark(`waiting for a person: caisson approve ${id}   (or: caisson deny ${id})`);
    return;
  }
  terminal.remark(shown);
  const verdict = yes || (await confirm('Approve?')) ? 'approve' : 'deny';
  const note = yes ? 'given beforehand with --yes' : 'at the terminal';
  await overseer.answer(id, { verdict, shown: record.shown, note });
}
