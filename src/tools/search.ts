// Owns the tool `search`: ripgrep over the work tree, inside the sandbox. Knows no pattern language of its own.
import { type Late, late } from '../base/schema.ts';
import type { ExecOutput } from '../contracts/executor.ts';
import type { Tool, ToolContext, ToolResult } from '../contracts/tools.ts';
import { SEARCH } from './definitions.ts';
import { filledText, flag, optionalText, parseArguments } from './arguments.ts';
import { runClean } from './clean-script.ts';
import { placePath, showPath } from './quote.ts';
import { outputResult, RESULT_FRAME_BYTES, textResult } from './result-text.ts';

const schema = late((z) =>
  z.strictObject({
    pattern: filledText(),
    path: optionalText(),
    glob: optionalText(),
    ignore_case: flag().optional(),
  }),
);
export type SearchArguments = Late<typeof schema>;

const OPTIONS = ['--line-number', '--no-heading', '--with-filename', '--color=never', '--no-messages', '--no-config'];
const SHAPE = ['--max-columns=240', '--max-columns-preview', '--sort=path', '--hidden'];

export const searchTool: Tool<SearchArguments> = {
  definition: SEARCH,
  parse: (value) => parseArguments(schema, value, { pattern: 'function \\w+Price', glob: '*.js' }),
  effects: () => [],
  execute: searchFiles,
};

async function searchFiles(value: SearchArguments, context: ToolContext): Promise<ToolResult> {
  const { limits, workPath } = context;
  const where = showPath(workPath, value.path ?? '.');
  const run = await runClean(context, {
    script: 'exec rg "$@"',
    arguments: ripgrepArguments(value, where),
    directory: placePath(workPath, '.'),
    shellPath: true,
    outputBytes: limits.toolResultBytes - RESULT_FRAME_BYTES,
    keep: true,
  });
  if (!run.ok) return run.result;
  const output = withoutDot(run.output);
  if (run.exitCode !== 0 && !hasMatches(run.exitCode, output)) {
    return textResult({ status: 'failed' }, whyNot(run.exitCode, value, where), output.head, limits.toolResultBytes);
  }
  const lines = `${output.lines} ${output.lines === 1 ? 'line matches' : 'lines match'}`;
  return outputResult({ status: 'ok' }, `ok\n${lines}`, output, limits.toolResultBytes);
}

function ripgrepArguments(value: SearchArguments, where: string): readonly string[] {
  const glob = value.glob === undefined ? [] : [`--glob=${value.glob}`];
  const folding = value.ignore_case === true ? ['--ignore-case'] : [];
  return [...OPTIONS, ...SHAPE, ...folding, ...glob, '--glob=!.git', `--regexp=${value.pattern}`, '--', where];
}

/** Status 2 also means that a part could not be read: what was found is shown all the same. */
function hasMatches(exitCode: number, output: ExecOutput): boolean {
  return exitCode === 2 && output.bytes > 0 && !/^(?:rg|regex parse error): ?/m.test(output.head.slice(0, 200));
}

function whyNot(exitCode: number, value: SearchArguments, where: string): string {
  const scope = `${where === '.' ? '' : ` in ${where}`}${value.glob === undefined ? '' : `, files ${value.glob}`}`;
  if (exitCode === 1) return `failed: no line matches ${JSON.stringify(value.pattern.slice(0, 200))}${scope}`;
  if (exitCode === 127) return 'failed: ripgrep is not there; search with bash, grep -rn';
  return `failed: the search could not be made${scope}; is the pattern a regular expression and the path there?`;
}

function withoutDot(output: ExecOutput): ExecOutput {
  const head = output.head.replaceAll(/^\.\//gm, '');
  const tail = output.tail.replaceAll(/(?<=\n)\.\//g, '');
  const dropped = output.head.length + output.tail.length - head.length - tail.length;
  return { ...output, head, tail, bytes: output.bytes - dropped };
}
