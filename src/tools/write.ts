// Owns the tool `write`: a whole file with the given content. Knows no sandbox.
import { type Late, late } from '../base/schema.ts';
import type { Tool, ToolContext, ToolResult } from '../contracts/tools.ts';
import { WRITE } from './definitions.ts';
import { filledText, parseArguments, plainText } from './arguments.ts';
import { showPath } from './quote.ts';
import { textResult } from './result-text.ts';
import { sizeProblem, writeTextFile } from './sandbox-files.ts';

const schema = late((z) => z.strictObject({ path: filledText(), content: plainText() }));
export type WriteArguments = Late<typeof schema>;

export const writeTool: Tool<WriteArguments> = {
  definition: WRITE,
  parse: (value) => parseArguments(schema, value, { path: 'src/price.js', content: 'export const price = 1;\n' }),
  effects: (value) => [{ type: 'write', path: value.path }],
  execute: writeFile,
};

async function writeFile(value: WriteArguments, context: ToolContext): Promise<ToolResult> {
  const { limits } = context;
  const shown = showPath(context.workPath, value.path);
  const tooLarge = sizeProblem(shown, value.content, limits.editFileBytes);
  if (tooLarge !== undefined)
    return textResult({ status: 'failed' }, `failed: ${tooLarge}`, '', limits.toolResultBytes);
  const written = await writeTextFile(context, value.path, value.content);
  if (!written.ok) return written.result;
  return textResult(
    { status: 'ok' },
    `ok\nwrote ${Buffer.byteLength(value.content)} bytes to ${shown}`,
    '',
    limits.toolResultBytes,
  );
}
