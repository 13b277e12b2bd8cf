// Owns which state of the files belongs to which step, as the events of a run say. Knows no file and no git.
import { CaissonError } from '../../base/errors.ts';
import type { RunEvent } from '../../contracts/run-events.ts';
import type { StepSnapshot } from '../../contracts/run-service.ts';

const CHANGES_NOTHING: readonly string[] = ['read', 'search', 'finish'];

export function mayChangeFiles(tool: string): boolean {
  return !CHANGES_NOTHING.includes(tool);
}

/** In the order of the steps. A patch is one too: it is made of the files as they were when the run was over. */
export function snapshotsOf(events: readonly RunEvent[]): readonly StepSnapshot[] {
  const found = new Map<number, StepSnapshot>();
  for (const { body, step } of events) {
    if (body.type === 'run_rewound') found.set(body.step, { step: body.step, tree: body.tree, changed: 0 });
    if (body.type === 'snapshot_taken')
      found.set(body.step, { step: body.step, tree: body.tree, changed: body.changed });
    if (body.type === 'patch_made') found.set(step, { step, tree: body.resultTree, ...changedIn(found.get(step)) });
  }
  return [...found.values()].sort((left, right) => left.step - right.step);
}

/**
 * The tree after `step`; 0 is the base. A step without one has that of the step before, unless something may have changed in between.
 * Throws `not_found` for a step that the run has not reached, `snapshot_missing`.
 */
export function treeAtStep(events: readonly RunEvent[], step: number, base: string): string {
  const [first, last] = [firstStep(events), lastStep(events)];
  if (step < first || step > last)
    throw new CaissonError('not_found', `the run has the steps ${first} to ${last}, and no step ${step}`, {
      hint: '`caisson show RUN` lists them.',
    });
  const before = snapshotsOf(events).filter((one) => one.step <= step);
  const changed = lastChange(events, step);
  const latest = before.at(-1);
  if (changed === undefined) return latest?.tree ?? base;
  if (latest !== undefined && latest.step >= changed) return latest.tree;
  const others = snapshotsOf(events).map((one) => one.step);
  throw new CaissonError(
    'snapshot_missing',
    `step ${changed} may have changed files and has no snapshot: the next call came before it was taken`,
    { hint: others.length === 0 ? 'No step of this run has one.' : `These steps have one: ${others.join(', ')}.` },
  );
}

/** A run that was rewound begins at a step of another. */
function firstStep(events: readonly RunEvent[]): number {
  const rewound = events.find(({ body }) => body.type === 'run_rewound');
  return rewound?.body.type === 'run_rewound' ? rewound.body.step : 0;
}

function lastStep(events: readonly RunEvent[]): number {
  return events.reduce(
    (most, { body, step }) => (body.type === 'model_answered' ? Math.max(most, step) : most),
    firstStep(events),
  );
}

function lastChange(events: readonly RunEvent[], until: number): number | undefined {
  return events.findLast(({ body, step }) => step <= until && body.type === 'tool_started' && mayChangeFiles(body.tool))
    ?.step;
}

function changedIn(taken: StepSnapshot | undefined): Pick<StepSnapshot, 'changed'> {
  return taken?.changed === undefined ? {} : { changed: taken.changed };
}
