// Owns the meaning of `match`: which effects each kind of filter covers. Pure; knows no file format.
import { posix } from 'node:path';
import type { Verdict } from '../contracts/decisions.ts';
import type { Effect, ExecEffect, PublishEffect } from '../contracts/effects.ts';
import { compileGlob, compilePathGlob } from './glob.ts';
import { compileEgress } from './network/match.ts';
import { egressMatchOf } from './network/rules.ts';
import type { RuleText } from './schema.ts';

type Texts = (text: string) => boolean;
type FilterOf<Type extends RuleText['effect']> = NonNullable<Extract<RuleText, { effect: Type }>['match']>;

/**
 * The test of one rule. A rule that asks or denies matches when any part of the effect does (one command of several, one path of
 * several); a rule that allows only when all parts do. A rule without `match` covers every effect of its type.
 */
export function compileMatch(rule: RuleText): (effect: Effect) => boolean {
  const matches = compileFilter(rule);
  return (effect) => effect.type === rule.effect && matches(effect);
}

function compileFilter(rule: RuleText): (effect: Effect) => boolean {
  if (rule.match === undefined) return () => true;
  switch (rule.effect) {
    case 'exec':
      return compileExec(rule.match, rule.verdict);
    case 'write':
      return compileWrite(rule.match);
    case 'egress':
      return compileEgressText(rule.match, rule.verdict);
    case 'publish':
      return compilePublish(rule.match, rule.verdict);
    case 'secret':
      return compileSecret(rule.match);
    case 'external':
      break;
  }
  return compileExternal(rule.match);
}

/** Text that could not be read wholly may hide anything: a rule that asks matches it, one that allows does not. */
function compileExec(filter: FilterOf<'exec'>, verdict: Verdict): (effect: Effect) => boolean {
  const program = anyOf(filter.program);
  const words = (filter.argv ?? []).map((word) => compileGlob(word));
  const command = (argv: readonly string[]) =>
    isProgram(program, argv[0] ?? '') &&
    words.every((word, at) => (at === 0 ? isProgram(word, argv[0] ?? '') : word(argv[at] ?? '')) && at < argv.length);
  const covers = ({ argvs, parsed }: ExecEffect) => {
    if (verdict === 'allow') return parsed && argvs.every(command);
    return (verdict === 'ask' && !parsed) || argvs.some(command);
  };
  return (effect) => effect.type === 'exec' && covers(effect);
}

/** `/usr/bin/git` is `git`; a pattern with a folder in it is compared with the whole word. */
function isProgram(matches: Texts, word: string): boolean {
  return matches(word) || matches(posix.basename(word));
}

function compileWrite({ path }: FilterOf<'write'>): (effect: Effect) => boolean {
  const matches = anyOf(path, compilePathGlob);
  return (effect) => effect.type === 'write' && matches(plainPath(effect.path));
}

/** However it was spelled: no `.`, no `..` that can be resolved, no doubled slash. */
function plainPath(path: string): string {
  return posix.normalize(path);
}

function compileEgressText(filter: FilterOf<'egress'>, verdict: Verdict): (effect: Effect) => boolean {
  const covers = compileEgress(egressMatchOf(filter), verdict === 'allow');
  return (effect) => effect.type === 'egress' && covers(effect);
}

function compilePublish(filter: FilterOf<'publish'>, verdict: Verdict): (effect: Effect) => boolean {
  const ref = anyOf(filter.ref, compilePathGlob);
  const remote = anyOf(filter.remote);
  const sensitive = compileSensitive(filter.sensitive_paths, verdict);
  const covers = (effect: PublishEffect) =>
    ref(effect.ref) && remote(effect.remote) && sensitive(effect.sensitivePaths);
  return (effect) => effect.type === 'publish' && covers(effect);
}

/** An allow covers no sensitive path that it does not name; without the filter, a rule that asks or denies does not look at them. */
function compileSensitive(
  patterns: readonly string[] | undefined,
  verdict: Verdict,
): (paths: readonly string[]) => boolean {
  const matches = anyOf(patterns ?? [], compilePathGlob);
  if (verdict === 'allow') return (paths) => paths.every((path) => matches(plainPath(path)));
  return patterns === undefined ? () => true : (paths) => paths.some((path) => matches(plainPath(path)));
}

function compileSecret({ name }: FilterOf<'secret'>): (effect: Effect) => boolean {
  const matches = anyOf(name);
  return (effect) => effect.type === 'secret' && matches(effect.name);
}

function compileExternal({ tool }: FilterOf<'external'>): (effect: Effect) => boolean {
  const matches = anyOf(tool);
  return (effect) => effect.type === 'external' && matches(effect.tool);
}

function anyOf(patterns: readonly string[] | undefined, compile: (pattern: string) => Texts = compileGlob): Texts {
  if (patterns === undefined) return () => true;
  const globs = patterns.map(compile);
  return (text) => globs.some((glob) => glob(text));
}
