// Owns the proof that a policy file with a mistake in a rule on the network is refused at its place. Knows no proxy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '../../../../src/base/errors.ts';
import { loadPolicy } from '../../../../src/policy/load.ts';

const BAD_HOST = 'expected a host name, or *.suffix for every name below it; no other wildcard, no scheme, no path';
const UNSEEN = 'with `tls: pass` only the host is seen, so that it cannot be judged; remove it, or `tls: pass`';

interface Words {
  readonly match?: string;
  readonly verdict?: string;
  readonly more?: string;
  readonly example?: string;
}

const ruleText = (
  { match = '{ host: h.org }', verdict = 'allow', more = '', example = 'https://h.org/' }: Words,
  id = 'r',
) =>
  `  - id: ${id}
    effect: egress
    match: ${match}
    verdict: ${verdict}
${more === '' ? '' : `    ${more}\n`}    reason: r
    advice: a
    examples: { match: ["${example}"] }
`;
const fileOf = (...rules: readonly string[]) => `version: 1\nrules:\n${rules.join('')}`;

/** The first mistake with its place; undefined: it loads. */
function mistake(text: string): string | undefined {
  try {
    loadPolicy(text, 'policy.yaml');
    return undefined;
  } catch (error) {
    assert.ok(error instanceof CaissonError && error.code === 'policy_invalid');
    const { file, line, column } = error.place ?? {};
    return `${file}:${line}:${column}: ${error.message.split('\n')[0]}`;
  }
}

function check(cases: readonly (readonly [words: Words, told: string | undefined])[]): void {
  for (const [words, told] of cases)
    assert.deepEqual(
      [words, mistake(fileOf(ruleText(words)))],
      [words, told === undefined ? undefined : `policy.yaml:${told}`],
    );
}

test('a host is a name, a name below, or an address in its usual notation', () => {
  const example = (host: string, url = `http://${host}/`) => ({ match: `{ host: "${host}" }`, example: url });
  check([
    [example('h.org'), undefined],
    [example('H.Org.', 'http://h.org/'), undefined],
    [example('*.h.org', 'http://a.h.org/'), undefined],
    [example('127.0.0.1'), undefined],
    [example('fd00::7', 'http://[fd00::7]/'), undefined],
    [example('*'), `5:20: ${BAD_HOST}`],
    [example('https://h.org'), `5:20: ${BAD_HOST}`],
    [example('h.org/x'), `5:20: ${BAD_HOST}`],
    [example('u@h.org'), `5:20: ${BAD_HOST}`],
    [example('a.*.org'), `5:20: ${BAD_HOST}`],
    [example('*h.org'), `5:20: ${BAD_HOST}`],
    [example('h..org'), `5:20: ${BAD_HOST}`],
    [example('h.org:443'), '5:20: expected a host alone: its port belongs into port'],
    [example('0x7f.1'), '5:20: expected an address in its usual notation, such as 10.2.0.7 or fd00::7'],
    [example('2130706433'), '5:20: expected an address in its usual notation, such as 10.2.0.7 or fd00::7'],
    [example('017700000001'), '5:20: expected an address in its usual notation, such as 10.2.0.7 or fd00::7'],
    [example('127.1'), '5:20: expected an address in its usual notation, such as 10.2.0.7 or fd00::7'],
  ]);
});

test('only a deny covers everything below a name that belongs to nobody', () => {
  const match = '{ host: "*.com" }';
  const example = 'https://a.com/';
  const told = '5:20: expected more than *.com: everybody can have a name below it';
  check([
    [{ match, example }, told],
    [{ match, example, verdict: 'ask' }, told],
    [{ match, example, verdict: 'deny' }, undefined],
  ]);
});

test('a path begins with a slash and is one that a canonical path can match; a method is in large letters', () => {
  const escape = '5:33: expected . and / as themselves: paths are compared without such escapes';
  check([
    [{ match: '{ host: h.org, path: "/a/*/**" }', example: 'https://h.org/a/b/c' }, undefined],
    [{ match: '{ host: h.org, path: "a" }' }, '5:33: expected a path that begins with /'],
    [
      { match: '{ host: h.org, path: "/a?b" }' },
      '5:33: expected a path that ends before ? and #, without blanks, backslashes and semicolons',
    ],
    [{ match: '{ host: h.org, path: "/a/../b" }' }, '5:33: expected a path without //, /./ and /../'],
    [{ match: '{ host: h.org, path: "/a%2fb" }' }, escape],
    [{ match: '{ host: h.org, path_prefix: a }' }, '5:40: expected a path that begins with /, without wildcards'],
    [{ match: '{ host: h.org, method: get }' }, '5:35: expected a method in large letters, such as GET'],
  ]);
});

test('ranges of addresses are ranges, narrow, and none that the floor keeps closed', () => {
  const with_ = (range: string) => ({ more: `addresses: ["${range}"]` });
  const form = '7:17: expected a range of addresses, such as 10.2.0.0/16 or fd00::/8';
  check([
    [with_('10.2.0.0/16'), undefined],
    [with_('127.0.0.0/8'), undefined],
    [with_('fd00::/8'), undefined],
    [with_('10.2.0.1/32'), undefined],
    [with_('10.2.0.1'), form],
    [with_('10.2/16'), form],
    [with_('10.0.0.0/33'), form],
    [with_('10.2.3.0/16'), '7:17: expected the first address of the range before /16'],
    [with_('fd00::1/8'), '7:17: expected the first address of the range before /8'],
    [with_('0.0.0.0/0'), '7:17: expected a narrower range: at least /8'],
    [with_('169.254.169.254/32'), '7:17: no policy opens link-local, metadata or multicast addresses'],
    [with_('fe80::/64'), '7:17: no policy opens link-local, metadata or multicast addresses'],
    [{ ...with_('10.2.0.0/16'), verdict: 'deny' }, '7:16: addresses: is for a rule that allows or asks'],
    [
      { ...with_('10.2.0.0/16'), verdict: 'ask', match: '{ method: GET }' },
      '7:16: addresses: a rule with addresses needs a match.host',
    ],
  ]);
});

test('where TLS passes, nothing is asked of what cannot be seen, and no host of git is named', () => {
  const more = 'tls: pass';
  check([
    [{ more }, undefined],
    [{ more, match: '{ host: h.org, method: GET }' }, `5:35: method: ${UNSEEN}`],
    [{ more, match: '{ host: h.org, path: /a }', example: 'https://h.org/a' }, `5:33: path: ${UNSEEN}`],
    [{ more, match: '{ host: h.org, path_prefix: /a }', example: 'https://h.org/a' }, `5:40: path_prefix: ${UNSEEN}`],
    [
      { more, match: '{ host: github.com }', example: 'https://github.com/' },
      '5:20: github.com serves git: with `tls: pass` a push could not be seen',
    ],
    [
      { more, match: '{ host: git.h.org }', example: 'https://git.h.org/' },
      '5:20: git.h.org serves git: with `tls: pass` a push could not be seen',
    ],
    [
      { more, match: '{ host: "*.h.org" }', example: 'https://a.h.org/' },
      '5:20: expected each host by its name: one below h.org may serve git, and with `tls: pass` a push could not be seen',
    ],
    [{ more, verdict: 'ask', match: '{ port: 443 }' }, '7:10: tls: pass needs a match.host'],
  ]);
});

test('two rules that say different things of the very same requests are refused, in whatever order they name them', () => {
  const first = ruleText({ match: '{ host: [h.org, g.org], method: GET }' }, 'one');
  const contrary = ruleText({ match: '{ method: [GET], host: [G.org, h.org] }', verdict: 'deny' }, 'two');
  const said = 'verdict: the rule "one" says allow of the very same requests; one of the two can never hold';
  assert.equal(mistake(fileOf(first, contrary)), `policy.yaml:13:14: ${said}`);
  const narrower = ruleText({ match: '{ host: [g.org, h.org], method: GET, path: / }', verdict: 'deny' }, 'two');
  assert.equal(mistake(fileOf(first, narrower)), undefined);
});

test('an unknown key of a rule or of a match is refused with the one that was meant', () => {
  const keys = 'known are host, port, scheme, method, path_prefix, path';
  assert.equal(
    mistake(fileOf(ruleText({ match: '{ host: h.org, paths: /a }' }))),
    `policy.yaml:5:27: unknown key "paths" (did you mean "path"?); ${keys}`,
  );
  assert.match(
    mistake(fileOf(ruleText({ more: 'adresses: [10.0.0.0/8]' }))) ?? '',
    /^policy\.yaml:7:5: unknown key "adresses" \(did you mean "addresses"\?\)/,
  );
});
