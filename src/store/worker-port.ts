// Owns the near end of a worker: calls out, results back, and what happens to those that wait when it dies. Knows no operation.
import { Worker } from 'node:worker_threads';
import { CaissonError, errorFrom } from '../base/errors.ts';
import type { FaultPoint } from '../base/faults.ts';
import { createGate, passGate } from './fault-gate.ts';
import type { FromWorker, JobResult, SideFile, ToWorker, WorkerSetup } from './messages.ts';

export interface WorkerPort {
  /** Rejects with the coded error of the operation, or `internal` if the worker is gone. Calls are run in the order they were made. */
  call(name: string, args: unknown, side?: SideFile): Promise<unknown>;
  /** Lets what was called finish, then ends the worker. Safe to call twice. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: CaissonError) => void;
}

interface Line {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  readonly exited: Promise<unknown>;
  /** Why no call is taken any more. */
  ended: CaissonError | undefined;
  calls: number;
}

/** A thread that loads its code and has opened nothing. Until it is opened, no process stays for it. */
export interface WorkerThread {
  /** Resolves when it has opened its database and rejects with its coded error otherwise. Call once. */
  open(setup: WorkerSetup, faults: FaultPoint): Promise<WorkerPort>;
}

/** Code takes longer to load than a database to open, so a thread may be started before it is known which one. */
export function startThread(script: URL): WorkerThread {
  const worker = new Worker(script);
  worker.unref();
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const line: Line = { worker, waiting: new Map(), exited, ended: undefined, calls: 0 };
  worker.on('error', (cause) =>
    end(line, new CaissonError('internal', `the store stopped: ${String(cause)}`, { cause })),
  );
  worker.on('exit', () => end(line, new CaissonError('internal', 'the store is closed')));
  return { open: (setup, faults) => open(line, setup, faults) };
}

async function open(line: Line, setup: WorkerSetup, faults: FaultPoint): Promise<WorkerPort> {
  if (line.ended !== undefined) throw line.ended;
  const gate = createGate(faults);
  line.worker.ref();
  await new Promise<void>((resolve, reject) => {
    line.waiting.set(0, { resolve: () => resolve(), reject });
    line.worker.on('message', (message: FromWorker) => hear(line, message, { gate, faults }));
    tell(line, { type: 'open', setup: gate === undefined ? setup : { ...setup, gate } });
  });
  return { call: (name, args, side) => call(line, name, args, side), close: () => close(line) };
}

function hear(
  line: Line,
  message: FromWorker,
  { gate, faults }: { readonly gate: SharedArrayBuffer | undefined; readonly faults: FaultPoint },
): void {
  switch (message.type) {
    case 'opened':
      return settle(line, { id: 0, ok: true, value: undefined });
    case 'failed':
      return end(line, errorFrom(message.report));
    case 'fault':
      return gate === undefined ? undefined : passGate(gate, faults, message.place);
    case 'results':
      return message.results.forEach((result) => settle(line, result));
  }
}

function settle(line: Line, result: JobResult): void {
  const waiting = line.waiting.get(result.id);
  line.waiting.delete(result.id);
  if (result.ok) waiting?.resolve(result.value);
  else waiting?.reject(errorFrom(result.report));
}

function call(line: Line, name: string, args: unknown, side: SideFile | undefined): Promise<unknown> {
  if (line.ended !== undefined) return Promise.reject(line.ended);
  line.calls += 1;
  const id = line.calls;
  return new Promise((resolve, reject) => {
    const job = side === undefined ? { id, name, args } : { id, name, args, side };
    try {
      tell(line, { type: 'job', job });
      line.waiting.set(id, { resolve, reject });
    } catch (cause) {
      reject(new CaissonError('internal', `arguments of ${name} are not plain data: ${String(cause)}`, { cause }));
    }
  });
}

function tell({ worker }: Line, message: ToWorker): void {
  worker.postMessage(message, []);
}

/** The first reason wins; all who wait are told it. */
function end(line: Line, reason: CaissonError): void {
  line.ended ??= reason;
  for (const waiting of line.waiting.values()) waiting.reject(line.ended);
  line.waiting.clear();
}

async function close(line: Line): Promise<void> {
  if (line.ended === undefined) {
    line.ended = new CaissonError('internal', 'the store is closed');
    tell(line, { type: 'close' });
  }
  await line.exited;
}
