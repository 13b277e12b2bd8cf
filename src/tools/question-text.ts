// Owns the words a person is asked with. Knows no answer; holds nothing that changes when the same call is asked again.
import { canonicalJson } from '../base/json.ts';
import type { Effect } from '../contracts/effects.ts';
import type { ToolCall } from '../contracts/messages.ts';
import type { Decided } from './decide-effects.ts';

/** One line: what would happen. */
export function questionSummary(call: ToolCall, effect: Effect): string {
  return `${call.name}: ${printable(effectWords(effect)).slice(0, 300)}`;
}

/** Everything the person decides on. Control characters are escaped, so that nothing in it can rewrite what stands on a terminal. */
export function questionShown(call: ToolCall, { effect, decision }: Decided): string {
  const lines = [
    `what: ${effectWords(effect)}`,
    `why it is asked: ${decision.reason}`,
    `rule: ${decision.rule}`,
    `effect: ${canonicalJson(effect)}`,
    `tool: ${call.name}`,
    `arguments: ${call.arguments}`,
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
      return `make ${effect.ref} on ${effect.remote}`;
    case 'secret':
      return `use the secret ${effect.name}`;
    case 'external':
      break;
  }
  return `call ${effect.tool}`;
}

function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, escaped);
}

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`;
}
