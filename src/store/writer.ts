// Owns the writer's thread: the data directory's lock, the one connection that writes, and what waits for it. Knows no operation.
import { parentPort, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { reportOf } from '../base/errors.ts';
import { type BatchPorts, commitBatch } from './batch.ts';
import { type Connection, openWriter } from './connection.ts';
import { lockDataDir } from './data-dir.ts';
import { storeError } from './failures.ts';
import { gatedFaults } from './fault-gate.ts';
import type { FromWorker, Job, ToWorker, WorkerSetup } from './messages.ts';
import { migrate } from './migrate.ts';
import { findOperation, READS, WRITES } from './operations.ts';

/** Jobs of one transaction at most; those that wait longer go into the next. */
const BATCH_JOBS = 1000;

parentPort?.once('message', (first: ToWorker) => {
  if (parentPort !== null && first.type === 'open') start(parentPort, first.setup);
});

function start(port: MessagePort, { file, dataDir = '', gate }: WorkerSetup): void {
  const say = (message: FromWorker) => port.postMessage(message);
  try {
    const opened = open(file, dataDir);
    const ports: BatchPorts = {
      connection: opened.connection,
      find: (name) => findOperation(WRITES, name) ?? findOperation(READS, name),
      dataDir,
      faults: gatedFaults(gate, port),
    };
    port.on('message', (first: ToWorker) => serve(first, port, ports, () => opened.close()));
    say({ type: 'opened' });
  } catch (error) {
    say({ type: 'failed', report: reportOf(error) });
    port.close();
  }
}

function open(file: string, dataDir: string): { readonly connection: Connection; close(): void } {
  const lock = lockDataDir(dataDir);
  try {
    const connection = openDatabase(file);
    const close = () => {
      connection.close();
      lock.close();
    };
    return { connection, close };
  } catch (error) {
    lock.close();
    throw error;
  }
}

function openDatabase(file: string): Connection {
  try {
    const connection = openWriter(file);
    migrate(connection);
    return connection;
  } catch (error) {
    throw storeError(error, `cannot open the database ${file}`);
  }
}

/** Takes everything that waits into one transaction. */
function serve(first: ToWorker, port: MessagePort, ports: BatchPorts, close: () => void): void {
  const jobs: Job[] = [];
  let next: ToWorker | undefined = first;
  while (next?.type === 'job') {
    jobs.push(next.job);
    next = jobs.length < BATCH_JOBS ? waiting(port) : undefined;
  }
  if (jobs.length > 0) port.postMessage({ type: 'results', results: commitBatch(jobs, ports) } satisfies FromWorker);
  if (next?.type !== 'close') return;
  close();
  port.close();
}

function waiting(port: MessagePort): ToWorker | undefined {
  return receiveMessageOnPort(port)?.message as ToWorker | undefined;
}
