// Owns the form of a recorded conversation. Knows no backend.
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import { parseYaml } from '../../base/yaml.ts';

const one = z
  .strictObject({
    /** Name of the tool whose result this is. */
    tool: z.string().optional(),
    /** The first line of the result begins with it. */
    status: z.string().optional(),
    /** The result holds it. */
    text: z.string().optional(),
    /** A regular expression that matches in the result. */
    pattern: z.string().optional(),
  })
  .refine(
    (value) => Object.keys(value).length > 0,
    'an expectation must name at least one of tool, status, text, pattern',
  );
const expectation = z.union([z.strictObject({ all: z.array(one).min(1) }), one]);
const reply = z.strictObject({
  text: z.string().optional(),
  reasoning: z.string().optional(),
  calls: z
    .array(
      z.union([
        z.strictObject({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }),
        z.strictObject({ name: z.string(), raw: z.string() }),
      ]),
    )
    .optional(),
  finish: z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'abort']).optional(),
  usage: z.strictObject({ promptTokens: z.int(), completionTokens: z.int() }).optional(),
  /** Milliseconds before the reply begins. */
  delay_ms: z.int().min(0).max(600_000).optional(),
});
const scriptSchema = z.strictObject({
  name: z.string().min(1),
  model: z.string().min(1),
  turns: z.array(z.strictObject({ expect: expectation.optional(), reply })).min(1),
});

export type RehearsalScript = z.infer<typeof scriptSchema>;
export type Expectation = z.infer<typeof one>;
export type RehearsalReply = z.infer<typeof reply>;

/** Throws `config_invalid` with file:line:column. Every turn but the first must say what it expects. */
export function parseRehearsal(text: string, file: string): RehearsalScript {
  const { value, placeOf } = parseYaml(text, file, scriptSchema, 'config_invalid');
  for (const [index, turn] of value.turns.entries()) {
    const place = placeOf(['turns', index]);
    if (index > 0 && turn.expect === undefined)
      throw new CaissonError(
        'config_invalid',
        `turn ${index + 1} expects nothing: each turn after the first asserts what it receives`,
        { place },
      );
    for (const { pattern } of expectationsOf(turn.expect)) requirePattern(pattern, place);
  }
  return value;
}

export function expectationsOf(expect: RehearsalScript['turns'][number]['expect']): readonly Expectation[] {
  if (expect === undefined) return [];
  return 'all' in expect ? expect.all : [expect];
}

function requirePattern(pattern: string | undefined, place: ReturnType<ReturnType<typeof parseYaml>['placeOf']>): void {
  if (pattern === undefined) return;
  try {
    new RegExp(pattern, 'm');
  } catch (cause) {
    throw new CaissonError('config_invalid', `pattern is no regular expression: ${(cause as Error).message}`, {
      place,
      cause,
    });
  }
}
