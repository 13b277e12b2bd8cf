// Owns the effects that the examples of a rule stand for. Knows no filter.
import type { Effect } from '../contracts/effects.ts';
import type { RuleText } from './schema.ts';

export interface Example {
  readonly expected: 'match' | 'no_match';
  readonly index: number;
  readonly effect: Effect;
}

/** The examples of one rule in the order of the file. */
export function examplesOf(rule: RuleText): readonly Example[] {
  return [...effectsOf(rule, 'match'), ...effectsOf(rule, 'no_match')];
}

function effectsOf(rule: RuleText, expected: Example['expected']): readonly Example[] {
  return effects(rule, expected).map((effect, index) => ({ expected, index, effect }));
}

function effects(rule: RuleText, expected: Example['expected']): readonly Effect[] {
  switch (rule.effect) {
    case 'exec':
      return rule.examples[expected].map((argv) => ({
        type: 'exec',
        command: argv.join(' '),
        argvs: [argv],
        parsed: true,
      }));
    case 'write':
      return rule.examples[expected].map((path) => ({ type: 'write', path }));
    case 'egress':
      return rule.examples[expected].map(egressOf);
    case 'publish':
      return rule.examples[expected].map(({ ref, remote, sensitive_paths: sensitivePaths }) => ({
        type: 'publish',
        ref,
        remote,
        patch: '',
        base: '',
        sensitivePaths,
      }));
    case 'secret':
      return rule.examples[expected].map((name) => ({ type: 'secret', name }));
    case 'external':
      break;
  }
  return rule.examples[expected].map((tool) => ({ type: 'external', tool }));
}

/** `METHOD url`, or a url alone for GET. The schema has seen that it is one. */
function egressOf(text: string): Effect {
  const [first = '', second] = text.split(' ');
  const [method, url] = second === undefined ? ['GET', new URL(first)] : [first, new URL(second)];
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  const port = url.port === '' ? (scheme === 'http' ? 80 : 443) : Number(url.port);
  return { type: 'egress', host: url.hostname, port, scheme, method, path: url.pathname + url.search };
}
