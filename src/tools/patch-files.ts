// Owns applying a patch to the files of the sandbox: everything is read and computed first, then written. Knows no syntax of patches.
import type { ToolContext, ToolResult } from '../contracts/tools.ts';
import { applyHunks } from './patch-hunks.ts';
import { type FilePatch, patchPaths } from './patch-text.ts';
import { placePath, showPath } from './quote.ts';
import { textResult } from './result-text.ts';
import { type FileState, readTextFile, removeFile, sizeProblem, writeTextFile } from './sandbox-files.ts';

/** One thing to do to a file. `modeFrom`: the file whose mode the new one takes. */
export type FileChange =
  | { readonly kind: 'write'; readonly path: string; readonly text: string; readonly modeFrom?: string }
  | { readonly kind: 'remove'; readonly path: string };

export type PatchPlan =
  | { readonly ok: true; readonly changes: readonly FileChange[]; readonly lines: readonly string[] }
  | { readonly ok: false; readonly problem: string; readonly body: string };

export async function applyPatchText(files: readonly FilePatch[], context: ToolContext): Promise<ToolResult> {
  const max = context.limits.toolResultBytes;
  const placed = files.map((file) => place(file, context));
  const states = new Map<string, FileState>();
  for (const path of patchPaths(placed)) {
    const read = await readTextFile(context, path);
    if (!read.ok) return read.result;
    states.set(path, read.value);
  }
  const plan = planPatch(placed, states, context.limits.editFileBytes);
  if (!plan.ok) return textResult({ status: 'failed' }, `failed: nothing was changed: ${plan.problem}`, plan.body, max);
  return writeAll(plan.changes, plan.lines, context);
}

/**
 * What the patch does to these files, in order; pure. The same file may be named several times: each part sees what the ones before made
 * of it.
 */
export function planPatch(
  files: readonly FilePatch[],
  states: ReadonlyMap<string, FileState>,
  maxBytes: number,
): PatchPlan {
  const draft: Draft = { now: new Map(states), changes: [], lines: [], maxBytes };
  for (const file of files) {
    const problem = draftFile(file, draft);
    if (problem !== undefined) return { ok: false, ...problem };
  }
  return { ok: true, changes: draft.changes, lines: draft.lines };
}

interface Draft {
  readonly now: Map<string, FileState>;
  readonly changes: FileChange[];
  readonly lines: string[];
  readonly maxBytes: number;
}

interface Problem {
  readonly problem: string;
  readonly body: string;
}

function draftFile(file: FilePatch, draft: Draft): Problem | undefined {
  if (file.kind === 'update') return draftUpdate(file, draft);
  if (file.kind === 'add') {
    draft.lines.push(`added ${file.path}`);
    return mustBeMissing(file.path, draft) ?? put(file.path, file.text, undefined, draft);
  }
  draft.lines.push(`deleted ${file.path}`);
  return mustBeText(file.path, draft) ?? take(file.path, draft);
}

function draftUpdate(file: Extract<FilePatch, { kind: 'update' }>, draft: Draft): Problem | undefined {
  const { path, moveTo } = file;
  const state = draft.now.get(path);
  if (state?.kind !== 'text') return mustBeText(path, draft);
  const patched = applyHunks(state.text, file.hunks);
  if (!patched.ok) return { problem: `${path}: ${patched.problem}`, body: patched.body };
  if (moveTo === undefined || moveTo === path) {
    draft.lines.push(`updated ${path}`);
    return put(path, patched.text, undefined, draft);
  }
  draft.lines.push(`moved ${path} to ${moveTo}`);
  return mustBeMissing(moveTo, draft) ?? put(moveTo, patched.text, path, draft) ?? take(path, draft);
}

function put(path: string, text: string, modeFrom: string | undefined, draft: Draft): Problem | undefined {
  const problem = sizeProblem(path, text, draft.maxBytes);
  if (problem !== undefined) return { problem, body: '' };
  draft.now.set(path, { kind: 'text', text });
  draft.changes.push(modeFrom === undefined ? { kind: 'write', path, text } : { kind: 'write', path, text, modeFrom });
  return undefined;
}

function take(path: string, draft: Draft): undefined {
  draft.now.set(path, { kind: 'missing' });
  draft.changes.push({ kind: 'remove', path });
}

function mustBeMissing(path: string, draft: Draft): Problem | undefined {
  if ((draft.now.get(path)?.kind ?? 'missing') === 'missing') return undefined;
  return { problem: `${path} is there already: use *** Update File, or delete it first`, body: '' };
}

function mustBeText(path: string, draft: Draft): Problem | undefined {
  const state = draft.now.get(path) ?? { kind: 'missing' };
  if (state.kind === 'text') return undefined;
  if (state.kind === 'missing') return { problem: `there is no ${path}`, body: '' };
  return { problem: `${path} cannot be edited: ${state.why}`, body: '' };
}

/** Two spellings of one path are one file. */
function place(file: FilePatch, context: ToolContext): FilePatch {
  const show = (path: string) => showPath(context.workPath, placePath(context.workPath, path));
  if (file.kind !== 'update') return { ...file, path: show(file.path) };
  return { ...file, path: show(file.path), moveTo: file.moveTo === undefined ? undefined : show(file.moveTo) };
}

async function writeAll(
  changes: readonly FileChange[],
  lines: readonly string[],
  context: ToolContext,
): Promise<ToolResult> {
  const max = context.limits.toolResultBytes;
  const done: string[] = [];
  for (const change of changes) {
    const did =
      change.kind === 'remove'
        ? await removeFile(context, change.path)
        : await writeTextFile(context, change.path, change.text, change.modeFrom);
    if (!did.ok) return halfDone(did.result, done, max);
    done.push(change.path);
  }
  return textResult({ status: 'ok' }, 'ok', lines.map((line) => `${line}\n`).join(''), max);
}

function halfDone(result: ToolResult, done: readonly string[], max: number): ToolResult {
  if (done.length === 0) return result;
  const { output, cut: _, ...outcome } = result;
  const [status = '', ...rest] = output.split('\n');
  return textResult(outcome, status, `already changed: ${done.join(', ')}\n${rest.join('\n')}`, max);
}
