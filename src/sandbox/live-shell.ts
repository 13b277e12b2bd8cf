// Owns the talk with the bash of one launched sandbox: one command at a time, its end, its output. Knows no box and no policy.
import { randomBytes } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../base/limits.ts';
import type { ExecEnd, KillReason } from '../contracts/executor.ts';
import type { Collector } from './collector.ts';
import type { Launched } from './launch.ts';
import { createMarkScanner, type MarkScanner } from './mark.ts';
import { readRecords } from './records.ts';

export interface LiveShell {
  /** The first record: what the sandbox says of itself. Rejects never; '' if the sandbox ended before. */
  readonly facts: Promise<string>;
  /** The host is content: commands may come. */
  go(): void;
  /** Runs one command; must not be called again before it has resolved. Kills nothing: it says whether the sandbox must be killed. */
  run(command: ShellCommand): Promise<ShellEnd>;
  /** Ends the running command with that reason and these words about it; the caller kills the sandbox. */
  stop(by: KillReason, said?: string): void;
  /** False once the shell is gone or has said something it should not have: then it must be killed, not used. */
  usable(): boolean;
  /** Directory of the shell as it last said. */
  directory(): string;
  /** After the death of the sandbox: the last output of the command has reached its collector. */
  drained(): Promise<void>;
}

export interface ShellCommand {
  readonly command: string;
  /** Path inside of what the command reads. */
  readonly stdin: string;
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

type Ending = Omit<ShellEnd, 'began'>;

interface Running {
  readonly mark: string;
  readonly collector: Collector;
  readonly scanner: MarkScanner;
  readonly settle: (end: ShellEnd) => void;
  /** What the shell said, while the mark is still on its way. */
  said: Ending | undefined;
  began: boolean;
  settled: boolean;
}

/** What is known of the talk so far. */
interface Talk {
  readonly launched: Launched;
  /** Known to the guard alone: it says with it how the live shell ended. */
  readonly nonce: string;
  directory: string;
  /** The last command; the next takes its place. */
  running: Running | undefined;
  /** Bytes that came while no command ran. */
  idleBytes: number;
  broken: boolean;
}

/** Behind the end of a command its mark is on the way; a shell that never prints it was tampered with. */
const MARK_GRACE_MS = 500;
/** Of processes in the background this much is dropped between two commands; then they wait until the next one reads on. */
const IDLE_BYTES = 1024 * 1024;
/** Firejail takes no longer argument. */
const DIRECTORY_BYTES = 4000;

export function createLiveShell(launched: Launched, start: string): LiveShell {
  const nonce = secret();
  const talk: Talk = { launched, nonce, directory: start, running: undefined, idleBytes: 0, broken: false };
  const facts = new Promise<string>((resolve) => {
    let greeted = false;
    readRecords(launched.control, {
      onRecord: (record) => {
        if (greeted) takeRecord(talk, record);
        greeted = true;
        resolve(record);
      },
      onGarbage: () => breakOff(talk, killed('sandbox_gone')),
    });
    void launched.exited.then(() => {
      resolve('');
      breakOff(talk, killed('sandbox_gone'));
    });
  });
  launched.output.on('data', (chunk: Buffer) => takeOutput(talk, chunk));
  return {
    facts,
    go: () => launched.control.write(`${nonce}\0`),
    run: (command) => runCommand(talk, command),
    stop: (by, said) => finish(talk, killed(by, said)),
    usable: () => !talk.broken,
    directory: () => talk.directory,
    drained: () => drain(talk),
  };
}

function runCommand(talk: Talk, command: ShellCommand): Promise<ShellEnd> {
  if (talk.broken) return Promise.resolve({ ...killed('sandbox_gone'), began: false });
  return new Promise((resolve) => {
    const mark = `\u0001${secret()}`;
    const timer = setTimeout(() => finish(talk, timedOut(command.timeoutMs)), command.timeoutMs);
    const settle = (end: ShellEnd) => {
      clearTimeout(timer);
      resolve(end);
    };
    const { collector } = command;
    talk.running = {
      mark,
      collector,
      scanner: createMarkScanner(mark),
      settle,
      said: undefined,
      began: false,
      settled: false,
    };
    talk.idleBytes = 0;
    talk.launched.output.resume();
    send(talk.launched, mark, command);
  });
}

/** The newline lets a command end in a here-document, and an empty one have a byte. */
function send({ control }: Launched, mark: string, { command, stdin }: ShellCommand): void {
  const text = Buffer.from(`${command}\n`);
  control.write(`${mark}\0${stdin}\0${text.length}\0`);
  control.write(text);
}

/** The first end of a command counts. */
function finish({ running }: Talk, end: Ending): void {
  if (running === undefined || running.settled) return;
  running.settled = true;
  running.settle({ ...end, began: running.began });
}

/** From here on nothing that the inside says is heard. */
function breakOff(talk: Talk, end: Ending): void {
  talk.broken = true;
  talk.launched.control.destroy();
  finish(talk, end);
}

/** What is said out of turn is not of our shell: whoever says it must not decide what is told of a command. */
function takeRecord(talk: Talk, record: string): void {
  const { running } = talk;
  if (running === undefined || running.settled) return breakOff(talk, killed('sandbox_gone'));
  if (running.said !== undefined) return breakOff(talk, { ...running.said, usable: false });
  const [kind, word, status, ...rest] = record.split(' ');
  switch (`${kind} ${word}`) {
    case `begin ${running.mark}`:
      running.began = true;
      return;
    case `end ${running.mark}`:
      return takeEnd(talk, running, exited(exitCode(status), true), rest.join(' '));
    case `exit ${talk.nonce}`:
      return breakOff(talk, running.began ? exited(exitCode(status), false) : killed('sandbox_gone'));
    default:
      return breakOff(talk, killed('sandbox_gone'));
  }
}

function takeEnd(talk: Talk, running: Running, said: Ending, directory: string): void {
  if (isAbsolute(directory) && Buffer.byteLength(directory) <= DIRECTORY_BYTES) talk.directory = directory;
  running.said = said;
  if (running.scanner.found()) finish(talk, said);
  else void awaitMark(talk, running, said);
}

/** As long as output comes, the mark may be behind it. */
async function awaitMark(talk: Talk, running: Running, said: Ending): Promise<void> {
  let bytes = -1;
  while (!running.settled && running.collector.bytes() !== bytes) {
    bytes = running.collector.bytes();
    await delay(MARK_GRACE_MS, undefined, { ref: false });
  }
  if (!running.settled) breakOff(talk, { ...said, usable: false });
}

function takeOutput(talk: Talk, chunk: Buffer): void {
  const { running } = talk;
  if (running === undefined || (running.settled && running.scanner.found())) {
    talk.idleBytes += chunk.length;
    if (talk.idleBytes > IDLE_BYTES) talk.launched.output.pause();
    return;
  }
  const { collector, scanner, said } = running;
  if (collector.bytes() <= LIMITS.commandOutputBytes) collector.add(scanner.feed(chunk));
  if (collector.bytes() > LIMITS.commandOutputBytes) finish(talk, killed('output'));
  else if (scanner.found() && said !== undefined) finish(talk, said);
}

/** The pipe ends with its last writer. */
async function drain(talk: Talk): Promise<void> {
  const { running } = talk;
  const { output } = talk.launched;
  talk.idleBytes = Number.NEGATIVE_INFINITY;
  output.resume();
  const closed = new Promise((resolve) => output.once('close', resolve));
  if (!output.destroyed) await Promise.race([closed, delay(LIMITS.deathMs, undefined, { ref: false })]);
  output.destroy();
  running?.collector.add(running.scanner.rest());
}

function secret(): string {
  return randomBytes(16).toString('hex');
}

function exitCode(text = ''): number {
  const code = Number(text);
  return /^\d+$/.test(text) && code <= 255 ? code : 255;
}

function exited(code: number, usable: boolean): Ending {
  return { end: { end: 'exited', exitCode: code }, usable };
}

function killed(by: KillReason, said?: string): Ending {
  return { end: { end: 'killed', by, ...(said === undefined ? {} : { said }) }, usable: false };
}

function timedOut(afterMs: number): Ending {
  return { end: { end: 'timed_out', afterMs }, usable: false };
}
