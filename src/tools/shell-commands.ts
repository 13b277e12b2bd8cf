// Owns reading shell text into the simple commands it holds, wrappers seen through. Knows no policy; what it cannot read it says it cannot.
import type { Command, CommandArgument, SyntaxNode, Word, WordPart } from 'unbash';
import { lateLibrary } from '../base/late-library.ts';
import { innerCommands, type ShellWord } from './shell-wrappers.ts';

export interface ShellText {
  /** Program and arguments of each simple command; a wrapper's own first, then what it runs. What is not literal stands as written. */
  readonly argvs: readonly (readonly string[])[];
  /** False if anything could not be read: a syntax error, a program that is only known when it runs, a script from a pipe. */
  readonly parsed: boolean;
}

const unbash = lateLibrary('unbash');

const NESTING = 6;
const COMMANDS = 500;
// Reading costs the square of the nesting, on the thread that serves everyone.
const TEXT_CHARACTERS = 64 * 1024;
const SUBSTITUTIONS = 500;

interface Reading {
  readonly argvs: string[][];
  parsed: boolean;
}

/** Never throws. */
export function readShell(text: string): ShellText {
  const reading: Reading = { argvs: [], parsed: true };
  try {
    readText(text, reading, 0);
  } catch {
    reading.parsed = false;
  }
  return reading;
}

function readText(text: string, reading: Reading, depth: number): void {
  if (depth > NESTING || isTooMuch(text)) reading.parsed = false;
  else visit(unbash().parse(text), reading, depth);
}

function isTooMuch(text: string): boolean {
  return text.length > TEXT_CHARACTERS || (text.match(/[$<>]\(|`|\$\{/g)?.length ?? 0) > SUBSTITUTIONS;
}

function visit(node: SyntaxNode, reading: Reading, depth: number): void {
  if (node.type === 'Script' && (node.errors?.length ?? 0) > 0) reading.parsed = false;
  if (node.type === 'HereDoc' && node.closing === undefined) reading.parsed = false;
  if (node.type === 'Command') readCommand(node, reading, depth);
  unbash().forEachChild(node, (child) => visit(child, reading, depth));
}

function readCommand(command: Command, reading: Reading, depth: number): void {
  if (command.name === undefined) return;
  takeArgv([wordOf(command.name), ...command.args.map(argumentOf)], reading, depth);
}

function takeArgv(argv: readonly ShellWord[], reading: Reading, depth: number): void {
  const [program] = argv;
  if (program === undefined) return;
  if (!program.literal || depth > NESTING || reading.argvs.length >= COMMANDS) reading.parsed = false;
  if (depth > NESTING || reading.argvs.length >= COMMANDS) return;
  reading.argvs.push(argv.map((word) => word.text));
  for (const inner of program.literal ? innerCommands(argv) : []) {
    if (inner.kind === 'opaque') reading.parsed = false;
    else if (inner.kind === 'argv') takeArgv(inner.argv, reading, depth + 1);
    else readText(inner.text, reading, depth + 1);
  }
}

function argumentOf(argument: CommandArgument): ShellWord {
  if (argument.type === 'Word') return wordOf(argument);
  return { text: argument.text, literal: !/[$`]/.test(argument.text) };
}

function wordOf(word: Word): ShellWord {
  const literal = word.parts === undefined || word.parts.every(isLiteral);
  return { text: word.value, literal };
}

function isLiteral(part: WordPart): boolean {
  if (part.type === 'DoubleQuoted' || part.type === 'LocaleString')
    return part.parts.every((inner) => inner.type === 'Literal');
  return part.type === 'Literal' || part.type === 'SingleQuoted' || part.type === 'AnsiCQuoted';
}
