// Every mistake in a policy file is told by line and column, with what was expected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { FILE, policyOf, policyText } from './scene.ts';

/** `line:column: words` of each mistake. */
function mistakes(text: string): readonly string[] {
  try {
    loadPolicy(text, FILE);
  } catch (error) {
    assert.ok(error instanceof CaissonError);
    assert.equal(error.code, 'policy_invalid');
    assert.equal(error.place?.file, FILE);
    const [first = '', ...others] = error.message.split(`\n  ${FILE}:`);
    return [`${error.place.line}:${error.place.column}: ${first}`, ...others];
  }
  return [];
}

/** A file with one good rule, some lines of which are replaced; undefined takes the line away. */
function ruleWith(lines: Readonly<Record<string, string | undefined>>): string {
  const rule: Readonly<Record<string, string | undefined>> = {
    id: 'no-rm',
    effect: 'exec',
    match: '{ program: rm }',
    verdict: 'ask',
    reason: 'It is gone for good.',
    advice: 'Move it.',
    examples: '{ match: [rm x], no_match: [ls] }',
    ...lines,
  };
  const written = Object.entries(rule).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]));
  return `version: 1\nrules:\n  - ${written.join('\n    ')}\n`;
}

test('a good file has its rules in order, each with its line', () => {
  const second = [
    '- id: second',
    'effect: write',
    'verdict: allow',
    'reason: r',
    'advice: a',
    'examples: { match: [x] }',
  ];
  const text = `${ruleWith({})}\n  ${second.join('\n    ')}\n`;
  const policy = loadPolicy(text, FILE);
  assert.deepEqual(
    { file: policy.file, rules: policy.rules.map(({ matches, ...rule }) => ({ ...rule, matches: typeof matches })) },
    {
      file: FILE,
      rules: [
        {
          id: 'no-rm',
          effect: 'exec',
          verdict: 'ask',
          reason: 'It is gone for good.',
          advice: 'Move it.',
          line: 3,
          matches: 'function',
        },
        { id: 'second', effect: 'write', verdict: 'allow', reason: 'r', advice: 'a', line: 11, matches: 'function' },
      ],
    },
  );
});

test('a file without rules is a policy of defaults', () => {
  assert.deepEqual(policyOf().rules, []);
});

const effects = 'exec, write, egress, publish, secret, external';
const ruleKeys = 'id, effect, match, verdict, reason, advice, examples';

const MISTAKES: readonly (readonly [what: string, text: string, told: readonly string[]])[] = [
  ['an empty file', '', ['1:1: expected a map, found nothing']],
  ['a list', '- 1', ['1:1: expected a map, found a list']],
  ['no version', 'rules: []', ['1:1: version: expected 1, the only version there is']],
  ['another version', 'version: 2\nrules: []', ['1:10: version: expected 1, the only version there is']],
  ['no rules', 'version: 1', ['1:1: rules: this is missing: expected a list']],
  ['rules that are a map', 'version: 1\nrules: {}', ['2:8: rules: expected a list, found a map']],
  ['a rule that is text', 'version: 1\nrules: [no]', ['2:9: expected a map, found the string "no"']],
  [
    'an unknown key of the file',
    'version: 1\nruels: []\nrules: []',
    ['2:1: unknown key "ruels" (did you mean "rules"?); known are version, presets, rules'],
  ],
  [
    'an unknown key of a rule',
    ruleWith({ verdcit: 'deny' }),
    [`10:5: unknown key "verdcit" (did you mean "verdict"?); known are ${ruleKeys}`],
  ],
  ['an unknown key that resembles nothing', ruleWith({ zzz: '1' }), [`10:5: unknown key "zzz"; known are ${ruleKeys}`]],
  [
    'an unknown key of a filter',
    ruleWith({ match: '{ progam: rm }' }),
    ['5:14: unknown key "progam" (did you mean "program"?); known are program, argv'],
  ],
  [
    'a filter of another effect',
    ruleWith({ match: '{ host: example.com }' }),
    ['5:14: unknown key "host"; known are program, argv'],
  ],
  [
    'an unknown key of the examples',
    ruleWith({ examples: '{ match: [rm x], nomatch: [] }' }),
    ['9:32: unknown key "nomatch" (did you mean "no_match"?); known are match, no_match'],
  ],
  [
    'an unknown effect',
    ruleWith({ effect: 'exce' }),
    [`4:13: effect: expected one of ${effects}, found "exce" (did you mean "exec"?)`],
  ],
  [
    'an effect that resembles none',
    ruleWith({ effect: 'network' }),
    [`4:13: effect: expected one of ${effects}, found "network"`],
  ],
  ['no effect', ruleWith({ effect: undefined }), [`3:5: effect: this is missing: expected one of ${effects}`]],
  [
    'a misspelt key in the place of the effect',
    ruleWith({ effect: undefined, efect: 'exec' }),
    [`3:5: effect: this is missing: expected one of ${effects} (there is an unknown key "efect")`],
  ],
  [
    'an effect that is a number',
    ruleWith({ effect: '3' }),
    [`4:13: effect: expected one of ${effects}, found the number 3`],
  ],
  [
    'an unknown verdict',
    ruleWith({ verdict: 'alow' }),
    ['6:14: verdict: expected one of allow, ask, deny, found "alow" (did you mean "allow"?)'],
  ],
  ['no verdict', ruleWith({ verdict: undefined }), ['3:5: verdict: this is missing: expected one of allow, ask, deny']],
  ['no reason', ruleWith({ reason: undefined }), ['3:5: reason: this is missing: expected text']],
  ['an empty reason', ruleWith({ reason: '""' }), ['7:13: reason: expected a sentence, found nothing']],
  ['a reason that is a number', ruleWith({ reason: '3' }), ['7:13: reason: expected text, found the number 3']],
  ['an advice without a value', ruleWith({ advice: '' }), ['8:13: advice: expected text, found nothing']],
  [
    'an id with a space',
    ruleWith({ id: 'No RM' }),
    ['3:9: id: expected an id of at most 64 small letters, digits, ".", "_" and "-"'],
  ],
  ['an empty pattern', ruleWith({ match: '{ program: "" }' }), ['5:23: expected a pattern, found nothing']],
  ['an empty list', ruleWith({ match: '{ program: [] }' }), ['5:23: program: expected at least 1 entry']],
  [
    'a pattern that is too long',
    ruleWith({ match: `{ program: ${'x'.repeat(201)} }` }),
    ['5:23: expected a pattern of at most 200 characters'],
  ],
  ['a pattern that is a map', ruleWith({ match: '{ program: [rm, {}] }' }), ['5:28: expected text, found a map']],
  ['no examples', ruleWith({ examples: undefined }), ['3:5: examples: this is missing: expected a map']],
  ['no example that matches', ruleWith({ examples: '{ match: [] }' }), ['9:24: match: expected at least 1 entry']],
  ['a key twice', 'version: 1\nrules: []\nversion: 1', ['3:1: the key "version" is given twice']],
  ['an anchor that is used', 'version: 1\nrules: &r []\nmore: *r', ['3:7: expected a value, found an alias']],
  ['an unknown tag', 'version: !!js/function 1\nrules: []', ['1:10: a tag is used that is not known here']],
  [
    'a bracket that is never closed',
    'version: 1\nrules: [',
    ['2:9: a bracket that was opened is not closed before this'],
  ],
];

test('each mistake of form is told at its place', () => {
  for (const [what, text, told] of MISTAKES) assert.deepEqual([what, mistakes(text)], [what, told]);
});

const egressWith = (match: string, example = 'https://h/') =>
  ruleWith({ effect: 'egress', match, examples: `{ match: ["${example}"] }` });
const badHost = 'expected a host name, or *.suffix for every name below it; no other wildcard, no scheme, no path';
const badUrl = '9:25: expected "METHOD http(s)://host[:port]/path"; without a method it is GET';

test('each mistake in a filter on the network is told at its place', () => {
  const cases: readonly (readonly [match: string, told: readonly string[]])[] = [
    ['{ host: "*" }', [`5:20: ${badHost}`]],
    ['{ host: [h, "a.*.com"] }', [`5:24: ${badHost}`]],
    ['{ host: "https://h" }', [`5:20: ${badHost}`]],
    ['{ host: h/path }', [`5:20: ${badHost}`]],
    ['{ port: x }', ['5:20: expected a whole number, found the string "x"']],
    ['{ port: 0 }', ['5:20: expected at least 1']],
    ['{ port: 65536 }', ['5:20: expected at most 65535']],
    ['{ scheme: htpp }', ['5:22: expected one of http, https, found "htpp" (did you mean "http"?)']],
    ['{ path_prefix: api }', ['5:27: expected a path that begins with /, without wildcards']],
    ['{ path_prefix: "/a/*" }', ['5:27: expected a path that begins with /, without wildcards']],
  ];
  for (const [match, told] of cases) assert.deepEqual([match, mistakes(egressWith(match))], [match, told]);
  for (const url of ['h', 'ftp://h/', 'GET POST https://h/', 'https://[::1/', 'https://h:99999/'])
    assert.deepEqual([url, mistakes(egressWith('{ host: h }', url))], [url, [badUrl]]);
});

test('all mistakes are told at once, in the order of the file', () => {
  const text = ruleWith({ id: 'A', verdict: 'maybe', reason: undefined, examples: '{ match: [] }' });
  assert.deepEqual(mistakes(text), [
    '3:5: reason: this is missing: expected text',
    '3:9: id: expected an id of at most 64 small letters, digits, ".", "_" and "-"',
    '6:14: verdict: expected one of allow, ask, deny, found "maybe"',
    '8:24: match: expected at least 1 entry',
  ]);
});

test('an example that must match and does not, and one that must not and does, are mistakes at their own lines', () => {
  const examples = [
    '',
    '  match:',
    '    - rm x',
    '    - ls',
    '    - [sudo, rm]',
    '  no_match:',
    '    - ls',
    '    - rm -r y',
  ];
  assert.deepEqual(mistakes(ruleWith({ examples: examples.join('\n    ') })), [
    '12:11: rule "no-rm" does not match this example, which it must',
    '13:11: rule "no-rm" does not match this example, which it must',
    '16:11: rule "no-rm" matches this example, which it must not',
  ]);
});

test('the examples of every effect are checked by the rule that has them', () => {
  const cases: readonly (readonly [effect: string, match: string, wrong: string])[] = [
    ['exec', '{ argv: [git, push] }', 'git pull'],
    ['write', '{ path: "src/**" }', 'lib/a'],
    ['egress', '{ method: POST }', 'https://h/'],
    ['egress', '{ port: 443 }', 'http://h/'],
    ['egress', '{ path_prefix: /a }', 'https://h/b?/a'],
    ['publish', '{ ref: refs/heads/main }', 'refs/heads/next'],
    ['publish', '{ sensitive_paths: "**" }', 'refs/heads/main'],
    ['publish', '{ remote: up }', 'refs/heads/main'],
    ['secret', '{ name: A }', 'B'],
    ['external', '{ tool: A }', 'B'],
  ];
  for (const [effect, match, wrong] of cases) {
    const text = ruleWith({ effect, match, examples: `{ match: ["${wrong}"] }` });
    assert.deepEqual(mistakes(text), ['9:25: rule "no-rm" does not match this example, which it must']);
  }
});

test('two rules with one id are a mistake of the second', () => {
  const rule = { id: 'same', effect: 'exec', verdict: 'ask', example: 'ls' } as const;
  assert.throws(() => policyOf(rule, rule), {
    code: 'policy_invalid',
    message: 'id: expected an id of its own; line 1 has "same" too',
  });
});

test('a file over the limit is refused before it is read', () => {
  const text = `${policyText([])}\n#${'x'.repeat(LIMITS.configBytes)}`;
  assert.deepEqual(mistakes(text), [
    `1:1: the policy has ${Buffer.byteLength(text)} bytes; at most ${LIMITS.configBytes} are accepted`,
  ]);
});

test('a key that is named as what every object has is unknown like any other', () => {
  for (const key of ['__proto__', 'constructor', 'toString'])
    assert.deepEqual(mistakes(`version: 1\nrules: []\n${key}: {}`), [
      `3:1: unknown key "${key}"; known are version, presets, rules`,
    ]);
});
