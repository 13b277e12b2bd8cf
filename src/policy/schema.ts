// Owns the form of a policy file, with the words that say what was expected. Knows no meaning of a rule.
import type { z as Schema } from 'zod';
import { type Late, late, type Zod } from '../base/schema.ts';
import { closestWord } from '../base/closest.ts';
import { PATTERN_CHARACTERS } from './glob.ts';
import { hostProblem, pathProblem, rangeProblem } from './network/forms.ts';

const EFFECTS = ['exec', 'write', 'egress', 'publish', 'secret', 'external'];

const MOST_A_MINUTE = 1_000_000;

const KINDS: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['array', 'a list'],
  ['object', 'a map'],
  ['number', 'a whole number'],
  ['int', 'a whole number'],
]);

export const policySchema = late((z) => {
  const pattern = z
    .string()
    .min(1, 'expected a pattern, found nothing')
    .max(PATTERN_CHARACTERS, `expected a pattern of at most ${PATTERN_CHARACTERS} characters`);
  const host = telling(pattern, hostProblem);
  const path = telling(pattern, pathProblem);
  const prefix = telling(pattern, prefixProblem);
  const method = pattern.regex(/^[A-Z][A-Z-]{0,19}$/, 'expected a method in large letters, such as GET');
  const patterns = oneOrMore(z, pattern);

  const { exampleCommand, examplePublish, exampleUrl } = examplesOf(z, pattern);
  const egressMatch = strict(z, {
    host: oneOrMore(z, host).optional(),
    port: oneOrMore(z, z.int().min(1).max(65_535)).optional(),
    scheme: oneOrMore(z, choice(z, ['http', 'https'])).optional(),
    method: oneOrMore(z, method).optional(),
    path_prefix: oneOrMore(z, prefix).optional(),
    path: oneOrMore(z, path).optional(),
  });
  const rules = [
    rule(
      z,
      'exec',
      strict(z, { program: patterns.optional(), argv: z.array(pattern).min(1).optional() }),
      exampleCommand,
    ),
    rule(z, 'write', strict(z, { path: patterns }), pattern),
    strict(z, { ...ruleShape(z, 'egress', egressMatch, exampleUrl), ...networkShape(z, pattern) }),
    rule(
      z,
      'publish',
      strict(z, { ref: patterns.optional(), remote: patterns.optional(), sensitive_paths: patterns.optional() }),
      examplePublish,
    ),
    rule(z, 'secret', strict(z, { name: patterns }), pattern),
    rule(z, 'external', strict(z, { tool: patterns }), pattern),
  ] as const;

  return strict(z, {
    version: z.literal(1, 'expected 1, the only version there is'),
    presets: z.array(presetWish(z, pattern)).optional(),
    rules: z.array(z.discriminatedUnion('effect', rules, { error: unknownEffect })),
  });
});
export type PolicyText = Late<typeof policySchema>;
export type RuleText = PolicyText['rules'][number];

/** What was expected, for the mistakes that no schema has words of its own for. */
export function describeIssue(issue: Schema.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type')
    return issue.input === undefined
      ? `this is missing: expected ${kindWord(issue.expected)}`
      : `expected ${kindWord(issue.expected)}, found ${found(issue.input)}`;
  if (issue.code === 'too_small')
    return `expected at least ${issue.minimum}${issue.origin === 'array' ? ' entry' : ''}`;
  return issue.code === 'too_big' ? `expected at most ${issue.maximum}` : undefined;
}

/** The name of a preset, or with a mirror: an address, or one with the ranges that it lies in. */
function presetWish(z: Zod, pattern: Schema.ZodString) {
  const url = z
    .string()
    .refine(
      (text) => /^https?:\/\/[^?#@\s]+$/.test(text) && URL.canParse(text),
      'expected an address such as https://index.corp/npm, without user, ? and #',
    );
  const addresses = oneOrMore(z, telling(pattern, rangeProblem)).optional();
  const mirror = z.preprocess(
    (value) => (typeof value === 'string' ? { url: value } : value),
    strict(z, { url, addresses }),
  );
  return z.preprocess(
    (value) => (typeof value === 'string' ? { preset: value } : value),
    strict(z, { preset: idOf(z), mirror: mirror.optional() }),
  );
}

/** What a rule on egress says beside its match. */
function networkShape(z: Zod, pattern: Schema.ZodString) {
  const bytes = z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional();
  return {
    addresses: oneOrMore(z, telling(pattern, rangeProblem)).optional(),
    tls: choice(z, ['end', 'pass']).optional(),
    websocket: z.boolean().optional(),
    max_request_bytes: bytes,
    max_response_bytes: bytes,
    requests_per_minute: z.int().min(1).max(MOST_A_MINUTE).optional(),
  };
}

function telling(text: Schema.ZodString, problem: (text: string) => string | undefined): Schema.ZodString {
  return text.superRefine((value, context) => {
    const message = value === '' ? undefined : problem(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

function prefixProblem(path: string): string | undefined {
  return /^\/[^*?#]*$/.test(path) ? pathProblem(path) : 'expected a path that begins with /, without wildcards';
}

function rule<Type extends string, Match extends Schema.ZodType, Example extends Schema.ZodType>(
  z: Zod,
  effect: Type,
  match: Match,
  example: Example,
) {
  return strict(z, ruleShape(z, effect, match, example));
}

function ruleShape<Type extends string, Match extends Schema.ZodType, Example extends Schema.ZodType>(
  z: Zod,
  effect: Type,
  match: Match,
  example: Example,
) {
  return {
    id: idOf(z),
    effect: z.literal(effect),
    match: match.optional(),
    verdict: choice(z, ['allow', 'ask', 'deny']),
    reason: textOf(z),
    advice: textOf(z),
    examples: strict(z, { match: z.array(example).min(1), no_match: z.array(example).default([]) }),
  };
}

function strict<Shape extends Schema.ZodRawShape>(z: Zod, shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .map((key) => `unknown key "${key}"${didYouMean(key, known)}; known are ${known.join(', ')}`)
            .join('; ')
        : undefined,
  });
}

function oneOrMore<Item extends Schema.ZodType>(z: Zod, item: Item) {
  return z.preprocess((value) => (Array.isArray(value) || value === undefined ? value : [value]), z.array(item).min(1));
}

function choice<const Words extends readonly string[]>(z: Zod, words: Words) {
  return z.enum(words, { error: ({ input }) => expectedWord(input, words) });
}

function unknownEffect({ code, input }: Schema.core.$ZodRawIssue): string | undefined {
  if (code !== 'invalid_union') return undefined;
  const given = input as { effect?: unknown };
  const misspelt = Object.keys(given).find((key) => key !== 'effect' && closestWord(key, ['effect']) !== undefined);
  const meant = given.effect === undefined && misspelt !== undefined ? ` (there is an unknown key "${misspelt}")` : '';
  return expectedWord(given.effect, EFFECTS) + meant;
}

function expectedWord(given: unknown, words: readonly string[]): string {
  const expected = `expected one of ${words.join(', ')}`;
  if (given === undefined) return `this is missing: ${expected}`;
  return typeof given === 'string'
    ? `${expected}, found "${given}"${didYouMean(given, words)}`
    : `${expected}, found ${found(given)}`;
}

function didYouMean(given: string, words: readonly string[]): string {
  const meant = closestWord(given, words);
  return meant === undefined ? '' : ` (did you mean "${meant}"?)`;
}

function kindWord(kind: string): string {
  return KINDS.get(kind) ?? kind;
}

function found(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `the ${typeof value} ${JSON.stringify(value)}`;
}

function textOf(z: Zod) {
  return z.string().trim().min(1, 'expected a sentence, found nothing').max(2000, 'expected at most 2000 characters');
}

function idOf(z: Zod) {
  return z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected an id of at most 64 small letters, digits, ".", "_" and "-"');
}

function examplesOf(z: Zod, pattern: Schema.ZodString) {
  const exampleCommand = z.preprocess(
    (value) => (typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : value),
    z.array(z.string()).min(1),
  );
  const examplePublish = z.preprocess(
    (value) => (typeof value === 'string' ? { ref: value } : value),
    strict(z, { ref: pattern, remote: z.string().default(''), sensitive_paths: z.array(z.string()).default([]) }),
  );
  const exampleUrl = z
    .string()
    .refine(
      (url) => /^([A-Za-z]+ )?https?:\/\/\S+$/.test(url) && URL.canParse(url.split(' ').at(-1) ?? ''),
      'expected "METHOD http(s)://host[:port]/path"; without a method it is GET',
    );
  return { exampleCommand, examplePublish, exampleUrl };
}
