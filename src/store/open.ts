// Owns the port of the store: asynchronous reads and writes by name. Knows no SQL; the connections live in workers.
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { type FaultPoint, noFaults } from '../base/faults.ts';
import type { SideFile } from './messages.ts';
import type { ReadArgs, ReadName, ReadResult, WriteArgs, WriteName, WriteResult } from './operations.ts';
import { startThread, type WorkerPort, type WorkerThread } from './worker-port.ts';

export interface Store {
  /** Path of the database. */
  readonly file: string;
  /**
   * Runs the named write inside the writer's next transaction; resolves when it is durable, in the order of the calls.
   * `side` is put in place after the commit and before the acknowledgement; of several in one transaction, the last one.
   * Rejects with a coded error: what the operation threw, `disk_full`, or `internal` once the store is closed.
   */
  write<Name extends WriteName>(name: Name, args: WriteArgs<Name>, side?: SideFile): Promise<WriteResult<Name>>;
  /** Runs the named read on the read-only worker, which sees every write that was acknowledged. */
  read<Name extends ReadName>(name: Name, args: ReadArgs<Name>): Promise<ReadResult<Name>>;
  /** Lets what was called finish, then closes the database and drops the lock. Safe to call twice. */
  close(): Promise<void>;
}

const DATABASE = 'caisson.db';
const WRITER = new URL('./writer.ts', import.meta.url);
const READER = new URL('./reader.ts', import.meta.url);

/**
 * Locks the data directory, opens its database and brings its tables up to date.
 * Throws `data_dir_locked`, `data_dir_unusable`, `disk_full`, `migration_mismatch` or `journal_broken`.
 * Fault points, called on this thread while the writer stands still: `before:store.commit`, `after:store.commit`, `after:store.head`.
 */
export async function openStore(options: {
  readonly dataDir: string;
  readonly faults: FaultPoint;
  /** `writer`: no second thread is started, and reads wait for the writes before them. Right for the few of one command. */
  readonly reads?: 'writer' | 'worker';
  /** One that was started before; it belongs to the store from now on. */
  readonly thread?: WorkerThread;
}): Promise<Store> {
  const { dataDir, faults, reads = 'worker', thread = startWriterThread() } = options;
  const file = join(dataDir, DATABASE);
  const writer = await thread.open({ file, dataDir }, faults);
  return createStore(file, writer, reads === 'writer' ? Promise.resolve(readOnlyPart(writer)) : undefined);
}

/** For `openStore`, where a store will most likely be opened soon. One that is not used ends with the process. */
export function startWriterThread(): WorkerThread {
  return startThread(WRITER);
}

/** Closing it leaves the writer to the store. */
function readOnlyPart(writer: WorkerPort): WorkerPort {
  return { call: (name, args) => writer.call(name, args), close: async () => {} };
}

/** Opens a database, or a copy of one, only to read it. Takes no lock and changes nothing; every write rejects. */
export async function openStoreReadOnly(file: string): Promise<Store> {
  const reader = await startThread(READER).open({ file }, noFaults);
  return createStore(file, undefined, Promise.resolve(reader));
}

/** The reader is started by the first read: a short run may need none. */
function createStore(file: string, writer: WorkerPort | undefined, opened?: Promise<WorkerPort>): Store {
  let reader = opened;
  let closed = false;
  const startReader = () => {
    if (closed) throw new CaissonError('internal', 'the store is closed');
    return (reader ??= startThread(READER).open({ file }, noFaults));
  };
  return {
    file,
    write: async (name, args, side) => {
      if (writer === undefined) throw new CaissonError('internal', `${file} is open only to be read`);
      return (await writer.call(name, args, side)) as WriteResult<typeof name>;
    },
    read: async (name, args) => (await (await startReader()).call(name, args)) as ReadResult<typeof name>,
    close: async () => {
      closed = true;
      // One that could not be started has nothing to close, and whoever read was told.
      await reader?.then((port) => port.close()).catch(() => {});
      await writer?.close();
    },
  };
}
