// Owns how the names in a directory are shown. Knows no file system.
import type { ToolResult } from '../contracts/tools.ts';
import { textResult } from './result-text.ts';

/** `entries`: `type size name` ended by NUL each, in any order; the type is a letter of `find -printf %y`. */
export function listDirectory(shown: string, entries: Buffer, maxBytes: number): ToolResult {
  const lines = entries
    .toString()
    .split('\0')
    .filter((entry) => entry !== '')
    .map(entryLine)
    .sort((left, right) => (left < right ? -1 : 1));
  const status = `ok\n${shown} is a directory with ${lines.length} ${lines.length === 1 ? 'entry' : 'entries'}`;
  return textResult({ status: 'ok' }, status, lines.map((line) => `${line}\n`).join(''), maxBytes);
}

function entryLine(entry: string): string {
  const [, type = '', size = '', name = ''] = /^(\S) (\d+) (.*)$/s.exec(entry) ?? [];
  const shown = hasControl(name) ? JSON.stringify(name) : name;
  if (type === 'd') return `${shown}/`;
  if (type === 'l') return `${shown} (link)`;
  return type === 'f' ? `${shown} (${size} bytes)` : `${shown} (special)`;
}

function hasControl(name: string): boolean {
  return /\p{Cc}/u.test(name);
}
