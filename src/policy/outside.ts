// Owns the law that nothing leaves the sandbox by an allow that rests on shell text. Knows no filter's meaning.
import { INSIDE_EFFECTS } from '../contracts/effects.ts';
import type { RuleText } from './schema.ts';

/**
 * Why this rule may not allow, undefined if it may. A publish, a secret and an external tool are named by the service itself, and an
 * allow must name them. Egress has laws of its own: the proxy of the sandbox judges what goes over the wire.
 */
export function unlawfulAllow(rule: RuleText): string | undefined {
  if (rule.verdict !== 'allow' || INSIDE_EFFECTS.includes(rule.effect)) return undefined;
  return unnamed(rule);
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
