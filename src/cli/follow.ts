// Owns the watching of a run from a terminal: its lines, its status line, Ctrl-C. Knows no transport.
import type { RunEvent } from '../contracts/run-events.ts';
import type { RunRecord } from '../contracts/runs.ts';
import type { Context } from './context.ts';
import { lineOf, seconds } from './lines.ts';
import type { Overseer } from './overseer.ts';

const STATUS_EVERY_MS = 200;

interface Shown {
  step: number;
  tokens: number;
  doing: string;
  readonly started: number;
}

export interface FollowOptions {
  /** Events as JSON lines instead of words. */
  readonly json: boolean;
  /** Called for each question of the run. */
  readonly onAsked: (question: string) => Promise<void>;
}

/** Shows the run until it has ended. Ctrl-C cancels it and waits until nothing of it lives. */
export async function followRun(
  run: RunRecord,
  overseer: Overseer,
  context: Pick<Context, 'terminal' | 'signal'>,
  options: FollowOptions,
): Promise<RunRecord> {
  const { terminal, signal } = context;
  const over = new AbortController();
  const cancel = () => {
    terminal.status('cancelling…');
    overseer.cancel(run.id).then(
      () => over.abort(),
      () => over.abort(),
    );
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  const shown: Shown = { step: 0, tokens: 0, doing: 'starting', started: performance.now() };
  const timer = setInterval(() => terminal.status(options.json ? '' : statusOf(shown)), STATUS_EVERY_MS);
  try {
    for await (const seen of overseer.watch(run.id, 0, over.signal)) {
      if (seen.kind === 'note') {
        shown.doing = seen.note.type === 'phase' ? seen.note.name : seen.note.type === 'text' ? 'writing' : 'thinking';
        continue;
      }
      await show(seen.event, shown, run.id, overseer, context, options.json);
      if (seen.event.body.type === 'asked') await options.onAsked(seen.event.body.question);
    }
  } finally {
    clearInterval(timer);
    terminal.status('');
    signal.removeEventListener('abort', cancel);
  }
  return overseer.run(run.id);
}

async function show(
  event: RunEvent,
  shown: Shown,
  run: string,
  overseer: Overseer,
  { terminal }: Pick<Context, 'terminal'>,
  json: boolean,
): Promise<void> {
  const { body } = event;
  shown.step = Math.max(shown.step, event.step);
  if (body.type === 'model_requested') shown.doing = 'waiting for the model';
  if (body.type === 'model_answered')
    shown.tokens += (body.usage?.promptTokens ?? 0) + (body.usage?.completionTokens ?? 0);
  if (body.type === 'tool_started') shown.doing = body.tool;
  if (json) {
    terminal.line(JSON.stringify(event));
    return;
  }
  const line = await lineOf(event, async (hash) => (await overseer.content(run, hash)) ?? '');
  if (line !== undefined) terminal.line(line);
}

function statusOf(shown: Shown): string {
  const tokens = shown.tokens === 0 ? '' : ` · ${shown.tokens} tokens`;
  return `step ${shown.step} · ${shown.doing} · ${seconds(performance.now() - shown.started)}${tokens}`;
}
