// Owns how a text becomes one word of shell, and where a path of the model lies. Knows no command and touches no file.
import { posix } from 'node:path';

/** One shell word that stands for exactly `text`, whatever it holds (NUL excepted: no argument can hold that). */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_/.,:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The absolute path inside the sandbox; a relative one starts at the work tree. No link is followed: the sandbox is the boundary. */
export function placePath(workPath: string, path: string): string {
  const placed = posix.resolve('/', workPath, path);
  return placed;
}

/** The path as the model and the policy read it: relative to the work tree when it lies in it, else absolute. */
export function showPath(workPath: string, path: string): string {
  const placed = placePath(workPath, path);
  const relative = posix.relative(posix.resolve('/', workPath), placed);
  if (relative === '') return '.';
  return relative === '..' || relative.startsWith('../') ? placed : relative;
}
