// Owns the tool `set_up`: another set-up is asked for, with its reason. Knows no sandbox, no cache and no decision.
import { type Late, late } from '../base/schema.ts';
import type { Tool } from '../contracts/tools.ts';
import { filledText, parseArguments } from './arguments.ts';
import { SET_UP } from './definitions.ts';
import { takeHead } from './result-text.ts';

const schema = late((z) => z.strictObject({ command: filledText(), why: filledText() }));
export type SetUpArguments = Late<typeof schema>;

export const setUpTool: Tool<SetUpArguments> = {
  definition: SET_UP,
  setsUp: true,
  parse: (value) => parseArguments(schema, value, { command: 'npm ci', why: 'package.json names a new package' }),
  effects: () => [{ type: 'external', tool: 'set_up' }],
  execute: async ({ command }, { setUp, limits }) => {
    if (setUp === undefined) return { status: 'failed', output: 'failed: there are no set-ups here' };
    const { ok, text } = await setUp(command);
    const status = ok ? 'ok' : 'failed';
    return { status, output: takeHead(`${status}\n${text}`, limits.toolResultBytes) };
  },
};
