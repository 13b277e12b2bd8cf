// Owns how a SQLite connection of Caisson is opened and set. Knows no table and no thread.
import { closeSync, existsSync, openSync } from 'node:fs';
import Database, { type Statement } from 'better-sqlite3';
import { makePrivateView } from './private-view.ts';

/** What an operation gets: a connection whose statements are prepared once. The transaction around it is not its business. */
export interface Db {
  /** Throws what SQLite says. `Row` is trusted: name the columns, never `select *`. */
  prepare<Row = unknown>(sql: string): Statement<unknown[], Row>;
}

export interface Connection extends Db {
  exec(sql: string): void;
  /** Value of the pragma, or what setting it gave. */
  pragma(source: string): unknown;
  inTransaction(): boolean;
  close(): void;
}

const BUSY_MS = 5000;
/** The write-ahead log is cut to this after a checkpoint, so that one large transaction does not keep the space. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

/** Opens the database for the one writer; makes it, readable by the owner alone. FULL: what was committed survives a power loss. */
export function openWriter(file: string): Connection {
  createPrivate(file);
  const connection = connect(new Database(file, { timeout: BUSY_MS }));
  connection.pragma('journal_mode = WAL');
  connection.pragma('synchronous = FULL');
  connection.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
  setCommon(connection);
  return connection;
}

/**
 * Opens a database only to read, beside a writer or as a lone copy. Changes no byte of it and leaves nothing beside it.
 * SQLite would make a log beside a lone database in WAL mode, so that one is opened under another name in a private directory.
 */
export function openReader(file: string): Connection {
  const inUse = existsSync(`${file}-shm`);
  const view = inUse ? undefined : makePrivateView(file);
  try {
    return startReading(new Database(view?.file ?? file, { readonly: true, fileMustExist: true, timeout: BUSY_MS }));
  } finally {
    // All its files are open now, and a process that is killed later leaves no names behind.
    view?.remove();
  }
}

/** A connection that holds the exclusive lock of a small database until it is closed or its process ends, however it ends. */
export function holdLock(file: string): Connection {
  createPrivate(file);
  const connection = connect(new Database(file, { timeout: 0 }));
  try {
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

function startReading(database: Database.Database): Connection {
  const connection = connect(database);
  try {
    connection.pragma('query_only = ON');
    setCommon(connection);
    // SQLite takes any file until it reads from it.
    connection.pragma('schema_version');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function setCommon(connection: Connection): void {
  connection.pragma('foreign_keys = ON');
  connection.pragma('trusted_schema = OFF');
}

function connect(database: Database.Database): Connection {
  const statements = new Map<string, Statement>();
  const prepare = (sql: string) => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    prepare: <Row>(sql: string) => prepare(sql) as Statement<unknown[], Row>,
    exec: (sql) => void database.exec(sql),
    pragma: (source) => database.pragma(source, { simple: true }),
    inTransaction: () => database.inTransaction,
    close: () => void database.close(),
  };
}

/**
 * SQLite would make it readable for everyone. Never opens a file that is there: closing a second descriptor of a file
 * drops the locks that this process holds on it.
 */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
