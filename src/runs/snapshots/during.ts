// Owns the snapshots of a run at work: each is taken while the model thinks, and no step ever waits for one. Knows no file.
import type { Logger } from '../../base/logger.ts';
import type { Emit } from '../../contracts/ports.ts';
import type { Snapshots } from '../../workspace/snapshots/take.ts';
import { mayChangeFiles } from './steps.ts';

export interface StepSnapshots {
  /** The model is being asked, after `step`. Returns at once. */
  begin(step: number): void;
  /** A call of `step` is about to run. If it may change files, a snapshot that is not done is given up: it would hold half of them. */
  calling(tool: string, step: number): void;
  /** Gives up what is under way; resolves when nothing of it is. */
  close(): Promise<void>;
}

export interface SnapshotPorts {
  /** Loaded with the first snapshot. */
  readonly open: () => Promise<Snapshots>;
  readonly emit: Emit;
  readonly logger: Pick<Logger, 'warn'>;
  readonly run: string;
  /** A step whose changes have no snapshot yet, as of an earlier process. */
  readonly changedAt: number | undefined;
}

export function createStepSnapshots(ports: SnapshotPorts): StepSnapshots {
  let changedAt = ports.changedAt;
  let opening: Promise<Snapshots> | undefined;
  let stop = new AbortController();
  let last = Promise.resolve();
  const take = async (step: number, signal: AbortSignal) => {
    if (signal.aborted) return;
    const taken = await (await (opening ??= ports.open())).take(signal);
    if (taken === undefined) return;
    const { tree, changed } = taken;
    await ports.emit([{ body: { type: 'snapshot_taken', step, tree, changed } }]);
  };
  return {
    begin: (step) => {
      if (changedAt === undefined || changedAt > step) return;
      changedAt = undefined;
      stop = new AbortController();
      const { signal } = stop;
      const done = last.then(() => take(step, signal));
      last = done.catch((error: unknown) => {
        ports.logger.warn('a step has no snapshot', { run: ports.run, step, message: String(error) });
      });
    },
    calling: (tool, step) => {
      if (!mayChangeFiles(tool)) return;
      changedAt = step;
      stop.abort();
    },
    close: async () => {
      stop.abort();
      await last;
    },
  };
}
