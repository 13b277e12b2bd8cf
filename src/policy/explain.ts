// Owns the words in which a decision is told to a person. Decides nothing.
import type { Decision } from '../contracts/decisions.ts';
import type { Effect } from '../contracts/effects.ts';

const VERDICT_WORDS = { allow: 'Allowed', ask: 'A person is asked', deny: 'Denied' } as const;

/** A few lines: what, verdict, rule, why, what the model is told, what else matched. Control characters are shown as escapes. */
export function explainDecision(effect: Effect, decision: Decision): string {
  const { verdict, rule, reason, advice, lost, policy } = decision;
  const lines = [
    `${VERDICT_WORDS[verdict]}: ${effectWords(effect)}`,
    `  rule     ${rule.startsWith('default:') ? `${rule} (no rule matches)` : rule}`,
    `  why      ${reason}`,
    ...(advice === '' ? [] : [`  advice   ${advice}`]),
    ...(lost.length === 0 ? [] : [`  weaker   ${lost.map((loser) => `${loser.rule} (${loser.verdict})`).join(', ')}`]),
    `  policy   ${policy}`,
  ];
  return lines.map(printable).join('\n');
}

function effectWords(effect: Effect): string {
  switch (effect.type) {
    case 'exec':
      return `run ${effect.command}${effect.parsed ? '' : ' (could not be read wholly)'}`;
    case 'write':
      return `write ${effect.path}`;
    case 'egress':
      return `${effect.method} ${effect.scheme}://${effect.host === '' ? '(unknown host)' : effect.host}:${effect.port}${effect.path}`;
    case 'publish':
      return `make ${effect.ref} on ${effect.remote}${sensitiveWords(effect.sensitivePaths)}`;
    case 'secret':
      return `use the secret ${effect.name}`;
    case 'external':
      break;
  }
  return `call the external tool ${effect.tool}`;
}

function sensitiveWords(paths: readonly string[]): string {
  return paths.length === 0 ? '' : `, with changes to ${paths.join(', ')}`;
}

/** Nothing that a model or a repository wrote may move the cursor or turn the text around. */
function printable(line: string): string {
  return line.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
