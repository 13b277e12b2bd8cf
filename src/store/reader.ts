// Owns the thread of the long reads: one connection that cannot write. Knows no operation.
import { parentPort, type MessagePort } from 'node:worker_threads';
import { CaissonError, reportOf } from '../base/errors.ts';
import { type Connection, openReader } from './connection.ts';
import { storeError } from './failures.ts';
import type { FromWorker, Job, JobResult, ToWorker, WorkerSetup } from './messages.ts';
import { findOperation, READS } from './operations.ts';

parentPort?.once('message', (first: ToWorker) => {
  if (parentPort !== null && first.type === 'open') start(parentPort, first.setup);
});

function start(port: MessagePort, { file }: WorkerSetup): void {
  const say = (message: FromWorker) => port.postMessage(message);
  try {
    const connection = openReader(file);
    port.on('message', (message: ToWorker) => {
      if (message.type === 'job') return say({ type: 'results', results: [run(message.job, connection)] });
      connection.close();
      return port.close();
    });
    say({ type: 'opened' });
  } catch (error) {
    say({ type: 'failed', report: reportOf(storeError(error, `cannot read the database ${file}`)) });
    port.close();
  }
}

function run({ id, name, args }: Job, connection: Connection): JobResult {
  try {
    const operation = findOperation(READS, name);
    if (operation === undefined) throw new CaissonError('internal', `the store has no read ${name}`);
    return { id, ok: true, value: operation(connection, args) };
  } catch (error) {
    return { id, ok: false, report: reportOf(storeError(error, `the read ${name} failed`)) };
  }
}
