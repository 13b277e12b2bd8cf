// What each filter covers, effect by effect, and what an evasion would try.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect, EffectType } from '../../../src/contracts/effects.ts';
import { covers, decideWith, egress, exec, policyOf, publish, type RuleWords, unparsed } from './scene.ts';

interface Case {
  readonly match: Readonly<Record<string, unknown>>;
  readonly example: unknown;
  readonly covered: readonly Effect[];
  readonly other: readonly Effect[];
}

function check(effect: EffectType, cases: readonly Case[]): void {
  for (const { match, example, covered, other } of cases) {
    const rule: RuleWords = { id: 'r', effect, match, verdict: 'ask', example };
    const wrong = [
      ...covered.filter((one) => !covers(rule, one)).map((one) => ({ match, missed: one })),
      ...other.filter((one) => covers(rule, one)).map((one) => ({ match, caught: one })),
    ];
    assert.deepEqual(wrong, []);
  }
}

test('exec: a program is known by its name, wherever it lies; words are compared from the first on', () => {
  check('exec', [
    {
      match: { program: 'git' },
      example: 'git status',
      covered: [exec(['git']), exec(['/usr/bin/git', 'push']), exec(['./git']), exec(['ls'], ['git', 'log'])],
      other: [exec(['gitk']), exec(['ls', 'git']), exec(['Git']), exec()],
    },
    {
      match: { program: ['rm', 'shred'] },
      example: 'shred x',
      covered: [exec(['rm', 'x']), exec(['shred', 'x'])],
      other: [exec(['rmdir', 'x'])],
    },
    {
      match: { program: '/opt/*' },
      example: '/opt/tool',
      covered: [exec(['/opt/tool']), exec(['/opt/a/b'])],
      other: [exec(['tool']), exec(['/usr/opt/tool'])],
    },
    {
      match: { argv: ['git', 'push', '--force*'] },
      example: 'git push --force',
      covered: [exec(['git', 'push', '--force-with-lease=a/b', 'origin']), exec(['/bin/git', 'push', '--force'])],
      other: [exec(['git', 'push']), exec(['git', 'push', 'origin', '--force']), exec(['git'])],
    },
    {
      match: { argv: ['curl', '*'] },
      example: 'curl x',
      covered: [exec(['curl', 'https://example.com/a/b']), exec(['curl', ''])],
      other: [exec(['curl'])],
    },
    {
      match: { program: 'npm', argv: ['*', 'publish'] },
      example: 'npm publish',
      covered: [exec(['npm', 'publish', '--dry-run'])],
      other: [exec(['yarn', 'publish']), exec(['npm', 'test'])],
    },
  ]);
});

test('exec: a rule that asks or denies sees one command among many; one that allows must cover them all', () => {
  const match = { program: 'git' };
  const both = exec(['git', 'log'], ['rm', 'x']);
  const rule = (verdict: string): RuleWords => ({ id: 'r', effect: 'exec', match, verdict, example: 'git log' });
  assert.deepEqual(
    ['ask', 'deny', 'allow'].map((verdict) => covers(rule(verdict), both)),
    [true, true, false],
  );
  assert.equal(covers(rule('allow'), exec(['git', 'log'], ['git', 'diff'])), true);
  assert.equal(covers(rule('allow'), unparsed('git log; $x', ['git', 'log'])), false);
  assert.equal(covers(rule('deny'), unparsed('$x')), false);
});

test('write: a path is compared as it lies in the tree, not as it was spelled', () => {
  check('write', [
    {
      match: { path: '.github/**' },
      example: '.github/workflows/ci.yml',
      covered: [
        { type: 'write', path: '.github/workflows/ci.yml' },
        { type: 'write', path: './.github/x' },
        { type: 'write', path: 'src/../.github/x' },
        { type: 'write', path: './/.github//x' },
      ],
      other: [
        { type: 'write', path: 'src/.github/x' },
        { type: 'write', path: '.github/../src/x' },
        { type: 'write', path: '.github' },
      ],
    },
    {
      match: { path: ['**/*.pem', '/etc/**'] },
      example: 'keys/a.pem',
      covered: [
        { type: 'write', path: 'a.pem' },
        { type: 'write', path: 'x/y/a.pem' },
        { type: 'write', path: '/etc/passwd' },
        { type: 'write', path: '/tmp/../etc/passwd' },
      ],
      other: [
        { type: 'write', path: 'etc/passwd' },
        { type: 'write', path: 'a.pem.txt' },
      ],
    },
  ]);
});

test('egress: a host is exact or below a suffix, in any case and with or without its last dot', () => {
  check('egress', [
    {
      match: { host: 'example.com' },
      example: 'https://example.com/',
      covered: [egress('https://EXAMPLE.com/'), { ...egress('https://h/'), host: 'Example.Com.' }],
      other: [
        egress('https://www.example.com/'),
        egress('https://example.com.evil.org/'),
        egress('https://notexample.com/'),
        { ...egress('https://h/'), host: '' },
      ],
    },
    {
      match: { host: ['*.example.com', '10.0.0.1'] },
      example: 'https://a.example.com/',
      covered: [egress('https://a.b.example.com/'), egress('http://10.0.0.1/')],
      other: [
        egress('https://example.com/'),
        egress('https://evilexample.com/'),
        { ...egress('https://h/'), host: '.example.com' },
      ],
    },
  ]);
});

test('egress: port, scheme, method and the beginning of the path all have to fit', () => {
  check('egress', [
    {
      match: { port: [8080, 443] },
      example: 'https://h/',
      covered: [egress('http://h:8080/'), egress('https://h/')],
      other: [egress('http://h/')],
    },
    {
      match: { scheme: 'http', method: ['GET', 'HEAD'] },
      example: 'GET http://h/',
      covered: [egress('http://h/'), egress('http://h/', 'head')],
      other: [egress('https://h/'), egress('http://h/', 'POST')],
    },
    {
      match: { path_prefix: '/api' },
      example: 'https://h/api',
      covered: [egress('https://h/api/x?y'), egress('https://h/api?y'), { ...egress('https://h/'), path: 'api/x' }],
      other: [
        egress('https://h/apis'),
        egress('https://h/x/api'),
        { ...egress('https://h/'), path: '/api/../admin' },
        { ...egress('https://h/'), path: '/api/%2e%2e/admin' },
        { ...egress('https://h/'), path: '//evil/api' },
      ],
    },
    {
      match: { path_prefix: '/' },
      example: 'https://h/',
      covered: [egress('https://h/anything')],
      other: [],
    },
    {
      match: { host: 'h', port: 443, method: 'PUT', path_prefix: ['/a/', '/b'] },
      example: 'PUT https://h/a/x',
      covered: [egress('https://h/b', 'PUT')],
      other: [egress('https://h/a', 'PUT'), egress('https://h/a/x'), egress('https://g/a/x', 'PUT')],
    },
  ]);
});

test('publish: ref, remote and any one of the sensitive paths', () => {
  check('publish', [
    {
      match: { ref: 'refs/heads/main' },
      example: 'refs/heads/main',
      covered: [publish('refs/heads/main')],
      other: [publish('refs/heads/main2'), publish('main')],
    },
    {
      match: { remote: 'https://*' },
      example: { ref: 'refs/heads/x', remote: 'https://h/r.git' },
      covered: [publish('refs/heads/x', [], 'https://h/a/b.git')],
      other: [publish('refs/heads/x', [], 'origin')],
    },
    {
      match: { sensitive_paths: ['.github/**', '**/.npmrc'] },
      example: { ref: 'refs/heads/x', sensitive_paths: ['.npmrc'] },
      covered: [publish('refs/heads/x', ['.vscode/a', 'web/.npmrc']), publish('refs/heads/x', ['./.github/a'])],
      other: [publish('refs/heads/x'), publish('refs/heads/x', ['.vscode/a'])],
    },
  ]);
});

test('publish: an allow covers no sensitive path that it does not name', () => {
  const allow = (match: Readonly<Record<string, unknown>>): RuleWords => ({
    id: 'r',
    effect: 'publish',
    match: { ref: 'refs/heads/caisson/*', ...match },
    verdict: 'allow',
    example: 'refs/heads/caisson/fix',
  });
  const decided = (rule: RuleWords, paths: readonly string[]) =>
    decideWith(policyOf(rule), publish('refs/heads/caisson/fix', paths)).verdict;
  assert.equal(decided(allow({}), []), 'allow');
  assert.equal(decided(allow({}), ['.npmrc']), 'deny');
  assert.equal(decided(allow({ sensitive_paths: '.vscode/**' }), ['.vscode/a']), 'allow');
  assert.equal(decided(allow({ sensitive_paths: '.vscode/**' }), ['.vscode/a', '.npmrc']), 'deny');
  assert.equal(decideWith(policyOf(allow({})), publish('refs/heads/main')).verdict, 'deny');
});

test('secret and external: names with wildcards', () => {
  check('secret', [
    {
      match: { name: ['NPM_*', 'TOKEN'] },
      example: 'TOKEN',
      covered: [
        { type: 'secret', name: 'NPM_TOKEN' },
        { type: 'secret', name: 'TOKEN' },
      ],
      other: [
        { type: 'secret', name: 'npm_token' },
        { type: 'external', tool: 'TOKEN' },
      ],
    },
  ]);
  check('external', [
    {
      match: { tool: 'browser.*' },
      example: 'browser.open',
      covered: [{ type: 'external', tool: 'browser.click' }],
      other: [
        { type: 'external', tool: 'browser' },
        { type: 'secret', name: 'browser.open' },
      ],
    },
  ]);
});
