// Owns the commands that look: runs, show, diff. Change nothing.
import { CaissonError } from '../../base/errors.ts';
import type { RunRecord } from '../../contracts/runs.ts';
import { type Command, type Context, type ExitCode, textFlag } from '../context.ts';
import { lineOf } from '../lines.ts';
import type { Overseer } from '../overseer.ts';
import { endLine } from '../report.ts';

const DEFAULT_LIMIT = 20;

const jsonFlag = { json: { type: 'boolean', help: 'print JSON for a program' } } as const;

export const runsCommand: Command = {
  usage: '',
  summary: 'list runs, newest first',
  flags: { ...jsonFlag, limit: { type: 'string', value: 'N', help: 'at most N runs (20)' } },
  positionals: [0, 0],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const limit = Number(textFlag(context.flags, 'limit') ?? DEFAULT_LIMIT);
      if (!Number.isInteger(limit) || limit < 1)
        throw new CaissonError('usage', '--limit takes a whole number above 0');
      const runs = await overseer.runs(limit);
      if (context.flags['json'] === true) context.terminal.line(JSON.stringify(runs));
      else if (runs.length === 0) context.terminal.remark('no runs yet: caisson run "task" --repo DIR');
      else for (const run of runs) context.terminal.line(runLine(run));
      return 0;
    }),
};

export const showCommand: Command = {
  usage: 'RUN',
  summary: 'what a run did, step by step, with its checks and decisions',
  flags: jsonFlag,
  positionals: [1, 1],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const id = context.positionals[0] ?? '';
      const run = await overseer.run(id);
      const json = context.flags['json'] === true;
      if (!json) context.terminal.line(`${runLine(run)}\n`);
      const over = new AbortController();
      for await (const seen of overseer.watch(id, 0, over.signal)) {
        if (seen.kind !== 'event') continue;
        if (json) context.terminal.line(JSON.stringify(seen.event));
        const line = json
          ? undefined
          : await lineOf(seen.event, async (hash) => (await overseer.content(id, hash)) ?? '');
        if (line !== undefined) context.terminal.line(line);
      }
      const last = await overseer.run(id);
      if (!json) context.terminal.line(`\n${endLine(last)}`);
      const steps = json ? [] : (await overseer.snapshots(id)).map(({ step }) => step);
      if (steps.length > 0)
        context.terminal.line(`files of these steps are kept: ${steps.join(', ')} (caisson rewind ${id} --to STEP)`);
      return 0;
    }),
};

export const diffCommand: Command = {
  usage: 'RUN',
  summary: 'the patch of a run, or what changed between the ends of two steps',
  flags: {
    from: { type: 'string', value: 'STEP', help: 'from the end of this step; 0 is the base' },
    to: { type: 'string', value: 'STEP', help: 'to the end of this step (the last one)' },
  },
  positionals: [1, 1],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const id = context.positionals[0] ?? '';
      const [from, to] = [stepFlag(context, 'from'), stepFlag(context, 'to')];
      const text =
        from === undefined && to === undefined
          ? await overseer.diff(id)
          : await overseer.diffSteps(id, { from: from ?? 0, to });
      if (text === undefined) throw new CaissonError('run_without_patch', `run ${id} has no patch`);
      context.terminal.raw(text);
      return 0;
    }),
};

/** Undefined if it is not given. */
export function stepFlag({ flags }: Context, name: string): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined || /^\d{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new CaissonError('usage', `--${name} ${text}: give the number of a step`);
}

/** Opens what answers, and closes it whatever happens. */
export async function withOverseer(
  context: Context,
  work: (overseer: Overseer) => Promise<ExitCode>,
): Promise<ExitCode> {
  const overseer = await context.overseer(await context.config());
  try {
    return await work(overseer);
  } finally {
    await overseer.close();
  }
}

function runLine(run: RunRecord): string {
  const started = new Date(run.startedAt).toISOString().slice(0, 19).replace('T', ' ');
  const state = run.state === 'ended' ? (run.end?.end ?? 'ended') : run.state;
  const task = run.task.split('\n')[0]?.slice(0, 60) ?? '';
  return `${run.id}  ${started}  ${state.padEnd(13)} ${String(run.totals.steps).padStart(3)} steps  ${task}`;
}
