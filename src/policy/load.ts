// Owns the way from the text of a policy file to a policy, or to every mistake in it by line and column. Decides nothing.
import type { ErrorPlace } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { LIMITS } from '../base/limits.ts';
import { byPlace, type FieldPath, type Problem, problemsError } from '../base/problems.ts';
import { readYaml } from '../base/yaml.ts';
import { examplesOf } from './example.ts';
import { compileMatch } from './match.ts';
import { contradictions, unlawfulEgress } from './network/lawful.ts';
import { egressRuleOf } from './network/rules.ts';
import { type PresetWish, presetRules } from './network/presets.ts';
import { unlawfulAllow } from './outside.ts';
import type { Policy, Rule } from './policy.ts';
import { describeIssue, policySchema, type PolicyText, type RuleText } from './schema.ts';

const WRONG = {
  match: 'does not match this example, which it must',
  no_match: 'matches this example, which it must not',
} as const;

export interface Presets {
  readonly names: readonly string[];
  /** Text of the one with that name. */
  readonly read: (name: string) => string;
}

const NO_PRESETS: Presets = { names: [], read: () => '' };

/** The value of the file, and where things stand in it. Problems say the name of the field in their words. */
interface Source {
  readonly value: unknown;
  readonly placeOf: (path: FieldPath, isKey?: boolean) => ErrorPlace;
}

/** `file` is named in errors only. Throws `policy_invalid` at the first mistake of the file; its message tells the others as well. */
export function loadPolicy(text: string, file: string, presets: Presets = NO_PRESETS): Policy {
  checkSize(text, file);
  const source = parse(text, file);
  const { rules, presets: wishes = [] } = check(source);
  const compiled = rules.map((rule, index) => compile(rule, source.placeOf(['rules', index]).line ?? 1));
  const mistakes = rules.flatMap((rule, index) => [
    ...duplicateId(rules, index, source),
    ...unlawful(rule, index, source),
    ...unlawfulNetwork(rule, index, source),
    ...wrongExamples(rule, index, compiled[index], source),
  ]);
  const all = [...mistakes, ...contradicting(rules, source), ...unknownPresets(wishes, presets, source)];
  if (all.length > 0) refuse(all);
  const taken = wishes.flatMap((wish, index) =>
    takePreset(wish, presets, source.placeOf(['presets', index]).line ?? 1),
  );
  const whole = withPresets(text, wishes, presets);
  return { file, text: whole, hash: sha256(whole), rules: [...compiled, ...taken] };
}

/** Who changes a preset changes the policy. */
function withPresets(text: string, wishes: readonly PresetWish[], { read }: Presets): string {
  return [text, ...wishes.map(({ preset }) => `# preset ${preset}\n${read(preset)}`)].join('\n');
}

function unknownPresets(wishes: readonly PresetWish[], { names }: Presets, source: Source): readonly Problem[] {
  return wishes.flatMap(({ preset }, index) =>
    names.includes(preset)
      ? []
      : [
          {
            place: source.placeOf(['presets', index]),
            text: `presets: there is no "${preset}"; known are ${names.join(', ')}`,
          },
        ],
  );
}

function takePreset(wish: PresetWish, { read }: Presets, line: number): readonly Rule[] {
  const source = parse(read(wish.preset), `preset ${wish.preset}`);
  return presetRules(check(source).rules, wish).map((rule) => compile(rule, line));
}

function checkSize(text: string, file: string): void {
  const bytes = Buffer.byteLength(text);
  const problem = `the policy has ${bytes} bytes; at most ${LIMITS.configBytes} are accepted`;
  if (bytes > LIMITS.configBytes) refuse([{ place: { file, line: 1, column: 1 }, text: problem }]);
}

/** Aliases are refused: a rule says all it means where it stands. */
function parse(text: string, file: string): Source {
  const { value, problems, placeOf } = readYaml(text, file, 'refused');
  if (problems.length > 0)
    refuse(problems.map(({ place, text: said }) => ({ place: withoutField(place), text: said })));
  return { value: value ?? null, placeOf: (path, isKey) => withoutField(placeOf(path, isKey)) };
}

function withoutField({ file, line, column }: ErrorPlace): ErrorPlace {
  return { ...(file === undefined ? {} : { file }), line: line ?? 1, column: column ?? 1 };
}

function check(source: Source): PolicyText {
  const parsed = policySchema().safeParse(source.value, { error: describeIssue });
  if (parsed.success) return parsed.data;
  return refuse(
    parsed.error.issues.map((issue) => {
      const path = issue.path.filter((part) => typeof part !== 'symbol');
      const [key] = issue.code === 'unrecognized_keys' ? issue.keys : [];
      if (key !== undefined) return { place: source.placeOf([...path, key], true), text: issue.message };
      const name = path.at(-1);
      return { place: source.placeOf(path), text: `${typeof name === 'string' ? `${name}: ` : ''}${issue.message}` };
    }),
  );
}

function compile(rule: RuleText, line: number): Rule {
  const { id, effect, verdict, reason, advice } = rule;
  const network = rule.effect === 'egress' ? { network: egressRuleOf(rule) } : {};
  return { id, effect, verdict, reason, advice, line, matches: compileMatch(rule), ...network };
}

function duplicateId(rules: readonly RuleText[], index: number, source: Source): readonly Problem[] {
  const id = rules[index]?.id;
  const first = rules.findIndex((rule) => rule.id === id);
  if (first === index) return [];
  const { line } = source.placeOf(['rules', first, 'id']);
  const text = `id: expected an id of its own; line ${line} has "${id}" too`;
  return [{ place: source.placeOf(['rules', index, 'id']), text }];
}

function unlawful(rule: RuleText, index: number, source: Source): readonly Problem[] {
  const problem = unlawfulAllow(rule);
  if (problem === undefined) return [];
  return [{ place: source.placeOf(['rules', index, 'verdict']), text: `verdict: ${problem}` }];
}

function unlawfulNetwork(rule: RuleText, index: number, source: Source): readonly Problem[] {
  if (rule.effect !== 'egress') return [];
  return unlawfulEgress(rule).map(({ path, text }) => ({ place: source.placeOf(['rules', index, ...path]), text }));
}

function contradicting(rules: readonly RuleText[], source: Source): readonly Problem[] {
  const egress = rules.flatMap((rule, index) => (rule.effect === 'egress' ? [{ index, rule }] : []));
  return contradictions(egress).map(({ index, text }) => ({
    place: source.placeOf(['rules', index, 'verdict']),
    text,
  }));
}

function wrongExamples(rule: RuleText, index: number, compiled: Rule | undefined, source: Source): readonly Problem[] {
  return examplesOf(rule)
    .filter(({ expected, effect }) => compiled?.matches(effect) !== (expected === 'match'))
    .map(({ expected, index: at }) => ({
      place: source.placeOf(['rules', index, 'examples', expected, at]),
      text: `rule "${rule.id}" ${WRONG[expected]}`,
    }));
}

function refuse(mistakes: readonly Problem[]): never {
  throw problemsError('policy_invalid', mistakes.toSorted(byPlace));
}
