// Owns the messages between the store's port and its workers. All are plain data. Knows no operation.
import type { ErrorReport } from '../base/errors.ts';

/** A small file in the data directory that must follow a write: replaced after the commit and before the acknowledgement. */
export interface SideFile {
  readonly name: string;
  readonly text: string;
}

/** What a worker is told first. */
export interface WorkerSetup {
  readonly file: string;
  /** Given to the writer only. */
  readonly dataDir?: string;
  /** Present if the fault points of the worker are to be heard of: the worker waits at each until the counter in it grows. */
  readonly gate?: SharedArrayBuffer;
}

export interface Job {
  readonly id: number;
  readonly name: string;
  readonly args: unknown;
  readonly side?: SideFile;
}

export type ToWorker =
  | { readonly type: 'open'; readonly setup: WorkerSetup }
  | { readonly type: 'job'; readonly job: Job }
  | { readonly type: 'close' };

export type JobResult =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly report: ErrorReport };

export type FromWorker =
  | { readonly type: 'opened' }
  | { readonly type: 'failed'; readonly report: ErrorReport }
  | { readonly type: 'fault'; readonly place: string }
  | { readonly type: 'results'; readonly results: readonly JobResult[] };
