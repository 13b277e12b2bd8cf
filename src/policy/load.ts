// Owns the way from the text of a policy file to a policy, or to every mistake in it by line and column. Decides nothing.
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { LIMITS } from '../base/limits.ts';
import { examplesOf } from './example.ts';
import { compileMatch } from './match.ts';
import { unlawfulAllow } from './outside.ts';
import type { Policy, Rule } from './policy.ts';
import { describeIssue, policySchema, type PolicyText, type RuleText } from './schema.ts';
import { type Mistake, readYaml, type YamlSource } from './yaml-source.ts';

const WRONG = {
  match: 'does not match this example, which it must',
  no_match: 'matches this example, which it must not',
} as const;

/** `file` is named in errors only. Throws `policy_invalid` at the first mistake of the file; its message tells the others as well. */
export function loadPolicy(text: string, file: string): Policy {
  checkSize(text, file);
  const source = parse(text, file);
  const { rules } = check(source, file);
  const compiled = rules.map((rule, index) => compile(rule, source.place(['rules', index]).line));
  const mistakes = rules.flatMap((rule, index) => [
    ...duplicateId(rules, index, source),
    ...unlawful(rule, index, source),
    ...wrongExamples(rule, index, compiled[index], source),
  ]);
  if (mistakes.length > 0) refuse(mistakes, file);
  return { file, hash: sha256(text), rules: compiled };
}

function checkSize(text: string, file: string): void {
  const bytes = Buffer.byteLength(text);
  const problem = `the policy has ${bytes} bytes; at most ${LIMITS.configBytes} are accepted`;
  if (bytes > LIMITS.configBytes) refuse([{ line: 1, column: 1, problem }], file);
}

function parse(text: string, file: string): YamlSource {
  const yaml = readYaml(text);
  if (yaml.ok) return yaml.source;
  return refuse(yaml.mistakes, file);
}

function check(source: YamlSource, file: string): PolicyText {
  const parsed = policySchema.safeParse(source.value, { error: describeIssue });
  if (parsed.success) return parsed.data;
  return refuse(
    parsed.error.issues.map((issue) => {
      const key = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
      const name = issue.path.at(-1);
      const what = typeof name === 'string' && key === undefined ? `${name}: ` : '';
      return { ...source.place(issue.path, key), problem: what + issue.message };
    }),
    file,
  );
}

function compile(rule: RuleText, line: number): Rule {
  const { id, effect, verdict, reason, advice } = rule;
  return { id, effect, verdict, reason, advice, line, matches: compileMatch(rule) };
}

function duplicateId(rules: readonly RuleText[], index: number, source: YamlSource): readonly Mistake[] {
  const id = rules[index]?.id;
  const first = rules.findIndex((rule) => rule.id === id);
  if (first === index) return [];
  const { line } = source.place(['rules', first, 'id']);
  return [
    { ...source.place(['rules', index, 'id']), problem: `id: expected an id of its own; line ${line} has "${id}" too` },
  ];
}

function unlawful(rule: RuleText, index: number, source: YamlSource): readonly Mistake[] {
  const problem = unlawfulAllow(rule);
  return problem === undefined
    ? []
    : [{ ...source.place(['rules', index, 'verdict']), problem: `verdict: ${problem}` }];
}

function wrongExamples(
  rule: RuleText,
  index: number,
  compiled: Rule | undefined,
  source: YamlSource,
): readonly Mistake[] {
  return examplesOf(rule)
    .filter(({ expected, effect }) => compiled?.matches(effect) !== (expected === 'match'))
    .map(({ expected, index: at }) => ({
      ...source.place(['rules', index, 'examples', expected, at]),
      problem: `rule "${rule.id}" ${WRONG[expected]}`,
    }));
}

/** The first mistake in the order of the file makes the error; the others follow in its message. */
function refuse(mistakes: readonly Mistake[], file: string): never {
  const sorted = mistakes.toSorted((left, right) => left.line - right.line || left.column - right.column);
  const [first, ...others] = sorted;
  const more = others.map(({ line, column, problem }) => `\n${file}:${line}:${column}: ${problem}`);
  const message = [first?.problem ?? '', ...more].join('');
  const place = first === undefined ? { file } : { file, line: first.line, column: first.column };
  throw new CaissonError('policy_invalid', message, { place });
}
