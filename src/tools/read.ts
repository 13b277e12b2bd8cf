// Owns the tool `read`: numbered lines of a text file, or the names in a directory. Knows no sandbox.
import { type Late, late } from '../base/schema.ts';
import type { Tool, ToolContext, ToolResult } from '../contracts/tools.ts';
import { READ } from './definitions.ts';
import { countNumber, filledText, parseArguments } from './arguments.ts';
import { runClean } from './clean-script.ts';
import { listDirectory } from './directory-list.ts';
import { numberLines } from './numbered-lines.ts';
import { placePath, showPath } from './quote.ts';
import { textResult } from './result-text.ts';

const schema = late((z) =>
  z.strictObject({
    path: filledText(),
    from_line: countNumber().optional(),
    lines: countNumber().optional(),
  }),
);
export type ReadArguments = Late<typeof schema>;

const ALL_LINES = 1_000_000_000;
const SCRIPT = `
if [ -d "$1" ]; then echo directory; find "$1" -mindepth 1 -maxdepth 1 -printf "%y %s %f\\0" | head -c 262144 | base64 -w0; echo
elif [ ! -e "$1" ]; then echo missing; elif [ ! -f "$1" ]; then echo special; elif [ ! -r "$1" ]; then echo unreadable
else echo "file $(wc -c < "$1") $(wc -l < "$1") $(tail -c 1 < "$1" | wc -l)"
tail -n "+$2" < "$1" | head -n "$3" | head -c "$4" | base64 -w0; echo; fi`;

export const readTool: Tool<ReadArguments> = {
  definition: READ,
  parse: (value) => parseArguments(schema, value, { path: 'src/price.js', from_line: 120, lines: 40 }),
  effects: () => [],
  execute: readFile,
};

async function readFile(value: ReadArguments, context: ToolContext): Promise<ToolResult> {
  const max = context.limits.toolResultBytes;
  const from = value.from_line ?? 1;
  const count = Math.min(value.lines ?? ALL_LINES, ALL_LINES);
  const run = await runClean(context, {
    script: SCRIPT,
    arguments: [placePath(context.workPath, value.path), String(from), String(count), String(max)],
    outputBytes: 512 * 1024,
  });
  if (!run.ok) return run.result;
  const [header = '', body = ''] = run.output.head.split('\n', 2);
  const shown = showPath(context.workPath, value.path);
  const bytes = Buffer.from(body, 'base64');
  if (header === 'directory') return listDirectory(shown, bytes, max);
  const file = /^file (\d+) (\d+) (\d+)$/.exec(header);
  if (file === null) return textResult({ status: 'failed' }, whyNot(header, shown), '', max);
  const size = Number(file[1]);
  const total = Number(file[2]) + (size > 0 && file[3] === '0' ? 1 : 0);
  return numberLines({ shown, bytes, size, total, from, count }, max);
}

function whyNot(header: string, shown: string): string {
  if (header === 'missing') return `failed: there is no ${shown}`;
  if (header === 'special') return `failed: ${shown} is neither a regular file nor a directory`;
  if (header === 'unreadable') return `failed: ${shown} may not be read`;
  return `failed: the shell did not answer as expected: ${header.slice(0, 200)}`;
}
