// Owns the form of a recorded conversation: what it replies and what it expects to receive. Knows no backend.
import { type Late, late, type Zod } from '../../base/schema.ts';
import { parseYaml } from '../../base/yaml.ts';

const LONGEST_DELAY_MS = 600_000;

const namesSomething = (value: object) => Object.keys(value).length > 0;

function expectationsOf(z: Zod) {
  const pattern = z.string().superRefine((source, context) => {
    const problem = problemOf(source);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });
  const filled = z.string().min(1, 'must not be empty');
  const expectationShape = {
    /** Name of the tool whose result this is. */
    tool: filled.optional(),
    /** The first words of the first line of the result: `exit status: 1`, `denied`, `ok`. */
    status: filled.optional(),
    /** The result, or the message, holds it. */
    text: filled.optional(),
    /** A regular expression (`^` and `$` at lines) that matches in it. */
    pattern: pattern.optional(),
    /** A message that is no tool result (the task, or a word to the model) holds it. */
    task: filled.optional(),
  };
  const fields = Object.keys(expectationShape).join(', ');

  const expectation = z
    .strictObject(expectationShape)
    .refine(namesSomething, `an expectation must name at least one of ${fields}`);
  const expectations = z
    .strictObject({ ...expectationShape, all: z.array(expectation).min(1).optional() })
    .refine(namesSomething, `an expectation must name at least one of ${fields}, or all: with a list of them`)
    .refine((value) => value.all === undefined || Object.keys(value).length === 1, 'nothing may stand beside all:');
  return { filled, expectations };
}

const scriptSchema = late((z) => {
  const { filled, expectations } = expectationsOf(z);
  const call = z
    .strictObject({
      name: filled,
      arguments: z.record(z.string(), z.unknown()).optional(),
      /** Argument text as a model would write it, whole or broken. */
      raw: z.string().optional(),
    })
    .refine(
      (value) => (value.arguments === undefined) !== (value.raw === undefined),
      'a call has either arguments: (an object) or raw: (text)',
    );
  const reply = z.strictObject({
    text: z.string().optional(),
    reasoning: z.string().optional(),
    calls: z.array(call).optional(),
    /** Absent: tool_calls where there are calls, else stop. */
    finish: z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'abort']).optional(),
    usage: z.strictObject({ promptTokens: z.int().min(0), completionTokens: z.int().min(0) }).optional(),
    /** Milliseconds before the reply begins. */
    delay_ms: z.int().min(0).max(LONGEST_DELAY_MS).optional(),
  });
  const turns = z
    .array(z.strictObject({ expect: expectations.optional(), reply }))
    .min(1)
    .superRefine((list, context) => {
      for (const [index, turn] of list.entries()) {
        if (index === 0 || turn.expect !== undefined) continue;
        const message = `turn ${index + 1} expects nothing: each turn after the first says with expect: what it receives`;
        context.addIssue({ code: 'custom', path: [index], message });
      }
    });
  return z.strictObject({ name: filled, model: filled, turns });
});

export type RehearsalScript = Late<typeof scriptSchema>;
export type RehearsalTurn = RehearsalScript['turns'][number];
export type RehearsalReply = RehearsalTurn['reply'];
export type RehearsedCall = NonNullable<RehearsalReply['calls']>[number];
export type Expectation = NonNullable<NonNullable<RehearsalTurn['expect']>['all']>[number];

/** Throws `config_invalid` with file:line:column of the first mistake; the message tells the others. */
export function parseRehearsal(text: string, file: string): RehearsalScript {
  return parseYaml(text, file, scriptSchema, 'config_invalid').value;
}

function problemOf(source: string): string | undefined {
  try {
    return new RegExp(source, 'm').source === '' ? 'an empty pattern matches everything' : undefined;
  } catch (cause) {
    return `no regular expression: ${(cause as Error).message}`;
  }
}
