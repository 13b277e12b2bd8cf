// Owns the talk with the bash of one launched sandbox: one command at a time, its end, its output. Knows no box and no policy.
import { randomBytes } from 'node:crypto';
import { LIMITS } from '../base/limits.ts';
import type { ExecEnd, KillReason } from '../contracts/executor.ts';
import type { Collector } from './collector.ts';
import type { Exit, Launched } from './launch.ts';
import { createMarkScanner, type MarkScanner } from './mark.ts';

export interface LiveShell {
  /** The first record: what the sandbox says of itself. Rejects never; '' if the sandbox ended before. */
  readonly facts: Promise<string>;
  /** The host is content: commands may come. */
  go(): void;
  /** Runs one command; must not be called again before it has resolved. Kills nothing: it says why the sandbox must be killed. */
  run(command: ShellCommand): Promise<ShellEnd>;
  /** Ends the running command with that reason; the caller kills the sandbox. */
  stop(by: KillReason): void;
  /** Directory of the shell as it last said. */
  directory(): string;
}

export interface ShellCommand {
  readonly command: string;
  readonly stdin: string | undefined;
  readonly timeoutMs: number;
  readonly collector: Collector;
}

export interface ShellEnd {
  readonly end: ExecEnd;
  /** False if the shell is gone or must not be used again. */
  readonly usable: boolean;
}

interface Running {
  readonly collector: Collector;
  readonly scanner: MarkScanner;
  readonly settle: (end: ShellEnd) => void;
  ended: ShellEnd | undefined;
}

/** Behind the end of a command its mark is on the way; a shell that never prints it was tampered with. */
const MARK_GRACE_MS = 500;

/** What is known of the talk so far. */
interface Talk {
  directory: string;
  running: Running | undefined;
  /** Status the live shell ended with. */
  saidExit: number | undefined;
}

export function createLiveShell(launched: Launched, start: string): LiveShell {
  const talk: Talk = { directory: start, running: undefined, saidExit: undefined };
  const facts = new Promise<string>((resolve) => {
    readRecords(launched, (record) => {
      resolve(record);
      takeRecord(talk, record);
    });
    void launched.exited.then((exit) => {
      resolve('');
      finish(talk, endOfShell(exit, talk.saidExit));
    });
  });
  launched.output.on('data', (chunk: Buffer) => takeOutput(talk, chunk));
  return {
    facts,
    go: () => launched.control.write('go\0'),
    run: (command) => runCommand(talk, launched, command),
    stop: (by) => finish(talk, killed(by)),
    directory: () => talk.directory,
  };
}

function runCommand(talk: Talk, launched: Launched, command: ShellCommand): Promise<ShellEnd> {
  if (launched.hasExited()) return Promise.resolve(killed('sandbox_gone'));
  return new Promise((resolve) => {
    const mark = `\u0001${randomBytes(16).toString('hex')}`;
    const timer = setTimeout(() => finish(talk, timedOut(command.timeoutMs)), command.timeoutMs);
    const settle = (end: ShellEnd) => {
      clearTimeout(timer);
      resolve(end);
    };
    talk.running = { collector: command.collector, scanner: createMarkScanner(mark), settle, ended: undefined };
    send(launched, mark, command);
  });
}

function finish(talk: Talk, end: ShellEnd): void {
  const { settle } = talk.running ?? {};
  talk.running = undefined;
  settle?.(end);
}

function takeRecord(talk: Talk, record: string): void {
  const [kind, status = '', ...rest] = record.split(' ');
  if (kind === 'exit') talk.saidExit = exitCode(status);
  const { running } = talk;
  if (kind !== 'end' || running === undefined) return;
  talk.directory = rest.join(' ') || talk.directory;
  const end: ShellEnd = { end: { end: 'exited', exitCode: exitCode(status) }, usable: true };
  if (running.scanner.found()) {
    finish(talk, end);
    return;
  }
  running.ended = end;
  setTimeout(() => {
    if (talk.running === running) finish(talk, { ...end, usable: false });
  }, MARK_GRACE_MS).unref();
}

/** What comes while no command runs is of a process in the background, and nobody asked for it. */
function takeOutput(talk: Talk, chunk: Buffer): void {
  const { running } = talk;
  if (running === undefined) return;
  const { collector, scanner, ended } = running;
  collector.add(scanner.feed(chunk));
  if (collector.bytes() > LIMITS.commandOutputBytes) finish(talk, killed('output'));
  else if (scanner.found() && ended !== undefined) finish(talk, ended);
}

function readRecords(launched: Launched, onRecord: (record: string) => void): void {
  let rest = '';
  launched.control.setEncoding('utf8');
  launched.control.on('data', (text: string) => {
    const records = (rest + text).split('\0');
    rest = (records.pop() ?? '').slice(-LIMITS.toolArgumentBytes);
    for (const record of records) onRecord(record);
  });
}

function send(launched: Launched, mark: string, { command, stdin }: ShellCommand): void {
  const bytes = stdin === undefined ? '-' : String(Buffer.byteLength(stdin));
  launched.control.write(`${mark}\0${bytes}\0${command}\0`);
  if (stdin !== undefined && stdin !== '') launched.stdin.write(stdin);
}

function exitCode(text: string): number {
  const code = Number(text);
  return Number.isInteger(code) && code >= 0 && code <= 255 ? code : 255;
}

function killed(by: KillReason): ShellEnd {
  return { end: { end: 'killed', by }, usable: false };
}

function timedOut(afterMs: number): ShellEnd {
  return { end: { end: 'timed_out', afterMs }, usable: false };
}

/** The command ended the shell itself (`exit`, `exec`, `set -e`): its status is the command's. Without one, the sandbox is gone. */
function endOfShell(exit: Exit, said: number | undefined): ShellEnd {
  const code = said ?? exit.code;
  return code === undefined ? killed('sandbox_gone') : { end: { end: 'exited', exitCode: code }, usable: false };
}
