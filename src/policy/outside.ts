// Owns the law that nothing leaves the sandbox by an allow that rests on shell text. Knows no filter's meaning.
import { INSIDE_EFFECTS } from '../contracts/effects.ts';
import type { RuleText } from './schema.ts';

const NO_EGRESS =
  'expected ask or deny: egress is read from shell text, on which no allow may rest; ' +
  'the sandbox has no network and no egress proxy exists yet that could enforce one';

/**
 * Why this rule may not allow, undefined if it may. Egress is known from shell text only, and no proxy enforces it yet: nobody may
 * allow it. A publish, a secret and an external tool are named by the service itself, and an allow must name them.
 */
export function unlawfulAllow(rule: RuleText): string | undefined {
  if (rule.verdict !== 'allow' || INSIDE_EFFECTS.includes(rule.effect)) return undefined;
  return rule.effect === 'egress' ? NO_EGRESS : unnamed(rule);
}

function unnamed(rule: RuleText): string | undefined {
  if (rule.effect === 'publish' && rule.match?.ref?.every(isBranch) !== true)
    return named('ref of which every pattern begins with refs/heads/');
  if (rule.effect === 'secret' && rule.match?.name.every(isExact) !== true) return named('name without wildcards');
  if (rule.effect === 'external' && rule.match?.tool.every(isExact) !== true) return named('tool without wildcards');
  return undefined;
}

function named(filter: string): string {
  return `expected ask or deny, or else a match.${filter}: what leaves the sandbox is allowed only by name`;
}

function isBranch(pattern: string): boolean {
  return /^refs\/heads\/./.test(pattern);
}

function isExact(pattern: string): boolean {
  return !/[*?]/.test(pattern);
}
