// Owns the talk with the bash of one launched sandbox: one command at a time, its end, its output. Knows no box and no policy.
import { randomBytes } from 'node:crypto';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
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
  /** False if the shell surely ended before the command began. */
  readonly began: boolean;
}

interface Running {
  readonly collector: Collector;
  readonly scanner: MarkScanner;
  readonly settle: (end: ShellEnd) => void;
  began: boolean;
  ended: Ending | undefined;
}

type Ending = Omit<ShellEnd, 'began'>;

/** Behind the end of a command its mark is on the way; a shell that never prints it was tampered with. */
const MARK_GRACE_MS = 500;
/** What an ended shell said and printed last is on the way. */
const LAST_WORDS_MS = 500;

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
    void lastWords(launched).then((exit) => {
      resolve('');
      finish(talk, endOfShell(exit, talk));
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
  if (launched.hasExited() || talk.saidExit !== undefined)
    return Promise.resolve({ ...killed('sandbox_gone'), began: false });
  return new Promise((resolve) => {
    const mark = `\u0001${randomBytes(16).toString('hex')}`;
    const timer = setTimeout(() => finish(talk, timedOut(command.timeoutMs)), command.timeoutMs);
    const settle = (end: ShellEnd) => {
      clearTimeout(timer);
      resolve(end);
    };
    talk.running = {
      collector: command.collector,
      scanner: createMarkScanner(mark),
      settle,
      began: false,
      ended: undefined,
    };
    send(launched, mark, command);
  });
}

function finish(talk: Talk, end: Ending): void {
  const { running } = talk;
  talk.running = undefined;
  running?.settle({ ...end, began: running.began });
}

function takeRecord(talk: Talk, record: string): void {
  const [kind, status = '', ...rest] = record.split(' ');
  if (kind === 'exit') talk.saidExit = exitCode(status);
  const { running } = talk;
  if (running === undefined) return;
  if (kind === 'begin') running.began = true;
  if (kind !== 'end') return;
  talk.directory = rest.join(' ') || talk.directory;
  const end: Ending = { end: { end: 'exited', exitCode: exitCode(status) }, usable: true };
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

function killed(by: KillReason): Ending {
  return { end: { end: 'killed', by }, usable: false };
}

function timedOut(afterMs: number): Ending {
  return { end: { end: 'timed_out', afterMs }, usable: false };
}

/** The command ended the shell itself (`exit`, `exec`, `set -e`): its status is the command's. Without a command, the sandbox is gone. */
function endOfShell(exit: Exit, { saidExit, running }: Talk): Ending {
  const code = saidExit ?? exit.code;
  const ended = running?.began === true && code !== undefined;
  return ended ? { end: { end: 'exited', exitCode: code }, usable: false } : killed('sandbox_gone');
}

/** Resolves when the sandbox has ended and all that it wrote before has been read. */
async function lastWords({ exited, control, output }: Launched): Promise<Exit> {
  const read = Promise.all([control, output].map((stream) => finished(stream, { writable: false }).catch(() => {})));
  const exit = await exited;
  await Promise.race([read, delay(LAST_WORDS_MS, undefined, { ref: false })]);
  return exit;
}
