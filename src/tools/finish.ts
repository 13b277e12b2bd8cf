// Owns the tool `finish`: the claim to be done. Knows no check: whether the claim holds is found out elsewhere.
import { late } from '../base/schema.ts';
import type { FinishClaim, Tool } from '../contracts/tools.ts';
import { FINISH } from './definitions.ts';
import { filledText, parseArguments, plainText } from './arguments.ts';

const schema = late((z) => z.strictObject({ summary: filledText(), checked: plainText() }));

export const finishTool: Tool<FinishClaim> = {
  definition: FINISH,
  parse: (value) =>
    parseArguments(schema, value, { summary: 'Fixed the rounding in price.js', checked: 'npm test: 12 passed' }),
  effects: () => [],
  execute: async () => ({
    status: 'ok',
    output: 'ok\nthe claim is taken; the declared checks decide on a fresh checkout',
  }),
};
