// Owns the tool `edit`: one exact replacement, or a patch over several files. Knows no sandbox; nothing is written before all is computed.
import { type Late, late } from '../base/schema.ts';
import type { Effect } from '../contracts/effects.ts';
import type { Tool, ToolContext, ToolResult } from '../contracts/tools.ts';
import { EDIT } from './definitions.ts';
import { flag, optionalText, type Parsed, parseArguments, plainText } from './arguments.ts';
import { replaceExactly } from './exact-replace.ts';
import { applyPatchText } from './patch-files.ts';
import { type FilePatch, parsePatch, patchPaths } from './patch-text.ts';
import { showPath } from './quote.ts';
import { textResult } from './result-text.ts';
import { readTextFile, sizeProblem, writeTextFile } from './sandbox-files.ts';

export interface Replacement {
  readonly path: string;
  readonly old: string;
  readonly new: string;
  readonly all: boolean;
}
export type EditArguments =
  | { readonly form: 'replace'; readonly replacement: Replacement }
  | { readonly form: 'patch'; readonly files: readonly FilePatch[] };

const schema = late((z) =>
  z.strictObject({
    path: optionalText(),
    old: plainText().optional(),
    new: plainText().optional(),
    all: flag().optional(),
    patch: optionalText(),
  }),
);
const EXAMPLE = { path: 'src/price.js', old: 'return net', new: 'return net + tax' };

export const editTool: Tool<EditArguments> = {
  definition: EDIT,
  parse: parseEdit,
  effects: (value): readonly Effect[] => pathsOf(value).map((path) => ({ type: 'write', path })),
  execute: (value, context) =>
    value.form === 'patch' ? applyPatchText(value.files, context) : replaceText(value.replacement, context),
};

function parseEdit(value: unknown): Parsed<EditArguments> {
  const read = parseArguments(schema, value, EXAMPLE);
  if (!read.ok) return read;
  return read.value.patch === undefined ? readReplacement(read.value) : readPatch(read.value, read.value.patch);
}

type Given = Late<typeof schema>;

function readPatch(given: Given, patch: string): Parsed<EditArguments> {
  if ((given.path ?? given.old ?? given.new) !== undefined) return wrong('give either patch, or path, old and new');
  const parsed = parsePatch(patch);
  return parsed.ok ? { ok: true, value: { form: 'patch', files: parsed.value } } : parsed;
}

function readReplacement({ path, old, new: text, all = false }: Given): Parsed<EditArguments> {
  if (path === undefined) return wrong('"path" is missing (or give patch)');
  if (old === undefined) return wrong('"old" is missing: the exact text to replace');
  if (text === undefined) return wrong('"new" is missing: the text to put in its place');
  if (old === '') return wrong('"old" must not be empty: to make a file use write');
  if (old === text) return wrong('"old" and "new" are the same: nothing would change');
  return { ok: true, value: { form: 'replace', replacement: { path, old, new: text, all } } };
}

function wrong(words: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message: `${words}. Example: ${JSON.stringify(EXAMPLE)}` };
}

function pathsOf(value: EditArguments): readonly string[] {
  return value.form === 'replace' ? [value.replacement.path] : patchPaths(value.files);
}

async function replaceText(edit: Replacement, context: ToolContext): Promise<ToolResult> {
  const max = context.limits.toolResultBytes;
  const shown = showPath(context.workPath, edit.path);
  const failed = (words: string, body = '') => textResult({ status: 'failed' }, `failed: ${words}`, body, max);
  const read = await readTextFile(context, edit.path);
  if (!read.ok) return read.result;
  const file = read.value;
  if (file.kind === 'missing') return failed(`there is no ${shown}; to make it use write`);
  if (file.kind === 'refused') return failed(`${shown} cannot be edited: ${file.why}`);
  const replaced = replaceExactly(file.text, edit.old, edit.new, edit.all);
  if (!replaced.ok) return failed(`${shown}: ${replaced.problem}`, replaced.body);
  const tooLarge = sizeProblem(shown, replaced.text, context.limits.editFileBytes);
  if (tooLarge !== undefined) return failed(tooLarge);
  const written = await writeTextFile(context, edit.path, replaced.text);
  if (!written.ok) return written.result;
  const places = replaced.lines.length === 1 ? 'at line' : `${replaced.count} times, at lines`;
  return textResult({ status: 'ok' }, `ok\n${shown}: replaced ${places} ${replaced.lines.join(', ')}`, '', max);
}
