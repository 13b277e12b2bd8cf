// Owns reading and writing whole text files of the sandbox through its shell. Knows no tool and never touches a file of the host.
import { hash } from 'node:crypto';
import type { ToolContext, ToolResult } from '../contracts/tools.ts';
import { type CleanScript, runClean } from './clean-script.ts';
import { showPath, placePath } from './quote.ts';
import { textResult } from './result-text.ts';

export type FileState =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  /** It is there and cannot be edited; `why` is a sentence for the model. */
  | { readonly kind: 'refused'; readonly why: string };

export type Did<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly result: ToolResult };

// Base64 carries any bytes; the size in the header tells a file that changed while it was read.
const READ = `
if [ -d "$1" ]; then echo directory; elif [ ! -e "$1" ]; then echo missing; elif [ ! -f "$1" ]; then echo special
elif [ ! -r "$1" ]; then echo unreadable
else size=$(wc -c < "$1"); echo "file $size"; if [ "$size" -le "$2" ]; then base64 -w0 < "$1"; echo; fi; fi`;

// The new text is complete beside the old before it takes its place; a link keeps being a link.
// $2 is a file to take the mode from, or empty; $3 the sha256 of the new text, for the live shell feeds it and may be poisoned.
const WRITE = `
sum="$3  -"
arrived() { [ "$(sha256sum < "$1")" = "$sum" ] || { echo "another text arrived than was sent"; return 1; }; }
p=$(readlink -m -- "$1" && echo x) || { echo "cannot find the directory"; exit 1; }; p=\${p%?x}; d=\${p%/*}
if [ -d "$p" ]; then echo "it is a directory"; exit 1; fi
if [ -e "$p" ] && [ ! -f "$p" ]; then echo "it is not a regular file"; exit 1; fi
mkdir -p -- "\${d:-/}" || exit 1
t=$(mktemp "$d/.caisson.XXXXXXXX") || exit 1
m=$p; if [ -n "$2" ]; then m=$2; fi
if cat > "$t" && arrived "$t" && if [ -e "$m" ]; then chmod --reference="$m" -- "$t"; else chmod =rw -- "$t"; fi && mv -fT -- "$t" "$p"
then echo written; else rm -f -- "$t"; exit 1; fi`;

const REMOVE = `
if [ -d "$1" ] && [ ! -L "$1" ]; then echo "it is a directory"; exit 1; fi
rm -f -- "$1" && echo removed`;

/** Why a text is too large to be written, in words; undefined if it is not. */
export function sizeProblem(shown: string, text: string, maxBytes: number): string | undefined {
  const bytes = Buffer.byteLength(text);
  return bytes <= maxBytes ? undefined : `${shown} would become too large: ${bytes} bytes, at most ${maxBytes}`;
}

/** The text of a file of at most `limits.editFileBytes`, exactly as it is; `ok: false` if the sandbox did not answer. */
export async function readTextFile(context: ToolContext, path: string): Promise<Did<FileState>> {
  const max = context.limits.editFileBytes;
  const run = await runClean(context, {
    script: READ,
    arguments: [placePath(context.workPath, path), String(max)],
    outputBytes: Math.ceil((max * 4) / 3) + 4096,
  });
  if (!run.ok) return run;
  return { ok: true, value: fileState(run.output.head, max) };
}

/** Puts `text` in the place of the file, making directories; keeps its mode, or takes that of `modeFrom`. */
export async function writeTextFile(
  context: ToolContext,
  path: string,
  text: string,
  modeFrom = '',
): Promise<Did<'written'>> {
  const from = modeFrom === '' ? '' : placePath(context.workPath, modeFrom);
  const done = await change(context, path, {
    script: WRITE,
    arguments: [placePath(context.workPath, path), from, hash('sha256', text, 'hex')],
    stdin: text,
    outputBytes: 4096,
  });
  if (!done.ok) return done;
  return done.value.trim() === 'written' ? { ok: true, value: 'written' } : refuse(context, path, done.value);
}

export async function removeFile(context: ToolContext, path: string): Promise<Did<'removed'>> {
  const done = await change(context, path, {
    script: REMOVE,
    arguments: [placePath(context.workPath, path)],
    outputBytes: 4096,
  });
  if (!done.ok) return done;
  return done.value.trim() === 'removed' ? { ok: true, value: 'removed' } : refuse(context, path, done.value);
}

async function change(context: ToolContext, path: string, script: CleanScript): Promise<Did<string>> {
  const run = await runClean(context, script);
  if (!run.ok) return run;
  return run.exitCode === 0 ? { ok: true, value: run.output.head } : refuse(context, path, run.output.head);
}

function refuse(context: ToolContext, path: string, said: string): { readonly ok: false; readonly result: ToolResult } {
  const words = said.trim().slice(0, 500);
  const status = `failed: ${showPath(context.workPath, path)} could not be changed: ${words === '' ? 'the shell said nothing' : words}`;
  return { ok: false, result: textResult({ status: 'failed' }, status, '', context.limits.toolResultBytes) };
}

function fileState(printed: string, max: number): FileState {
  const [header = '', body = ''] = printed.split('\n', 2);
  if (header === 'missing') return { kind: 'missing' };
  if (header === 'directory') return { kind: 'refused', why: 'it is a directory' };
  if (header === 'special') return { kind: 'refused', why: 'it is not a regular file' };
  if (header === 'unreadable') return { kind: 'refused', why: 'it may not be read' };
  const size = /^file (\d+)$/.exec(header)?.[1];
  if (size === undefined) return { kind: 'refused', why: 'the shell did not answer as expected' };
  if (Number(size) > max)
    return { kind: 'refused', why: `it has ${size} bytes, more than the ${max} that can be edited; use bash` };
  return decode(Buffer.from(body, 'base64'), Number(size));
}

function decode(bytes: Buffer, size: number): FileState {
  if (bytes.length !== size) return { kind: 'refused', why: 'it changed while it was read; try again' };
  if (bytes.includes(0)) return { kind: 'refused', why: 'it is binary, not text' };
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { kind: 'refused', why: 'it is not UTF-8 text; use bash' };
  }
}
