// Owns the proof that the verdict on tests is red for every way a test can be left out. Knows no test of the product.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Checkout, loadPart, makeCheckout, run } from './checkout.ts';

const IMPORT = "import { describe, test } from 'node:test';\n";
const GOOD = `${IMPORT}describe('all', () => { test('is well', () => {}); });\n`;

let checkout: Checkout;
before(async () => {
  checkout = await makeCheckout();
});
afterEach(() => rm(join(checkout.root, 'test'), { recursive: true, force: true }));
after(() => checkout.remove());

type Files = Readonly<Record<string, string>>;

const verdict = (files: Files, ...words: readonly string[]) => verdictUnder({ CI: '' }, files, ...words);

async function verdictUnder(env: Readonly<Record<string, string>>, files: Files, ...words: readonly string[]) {
  for (const [path, text] of Object.entries(files)) await checkout.write(path, text);
  const argv = [process.execPath, join(checkout.root, 'bin', 'run-tests.cjs'), ...words];
  const { code, stdout, stderr } = await run(argv, env);
  return { code, stdout, stderr, counts: /^(\d+ files?, .*), [\d.]+ m?s$/m.exec(stdout)?.[1] };
}

test('it is green when every test of every file passed', async () => {
  const { code, counts } = await verdict({ 'test/a.test.ts': GOOD, 'test/deep/b.test.ts': GOOD }, 'all');
  assert.deepEqual([code, counts], [0, '2 files, 2 passed, 0 failed, 0 left out']);
});

test('a test of an engine that this machine lacks is told as not run; where all must run it is left out', async () => {
  const lacking = "test('talks', { skip: 'not run: type: sudo apt-get install x' }, () => {});";
  const files = { 'test/a.test.ts': GOOD + lacking };
  const here = await verdict(files, 'all');
  assert.deepEqual([here.code, here.counts], [0, '1 files, 1 passed, 0 failed, 0 left out, 1 not run'], here.stdout);
  assert.match(here.stdout, /talks: not run: type: sudo apt-get install x/);
  const there = await verdictUnder({ CI: 'true' }, files, 'all');
  assert.deepEqual([there.code, there.counts], [1, '1 files, 1 passed, 0 failed, 1 left out'], there.stdout);
});

test('benches and fixtures are not tests', async () => {
  const { code, counts } = await verdict(
    { 'test/a.test.ts': GOOD, 'test/bench/b.test.ts': 'x', 'test/fixtures/c/d.test.ts': 'x' },
    'all',
  );
  assert.deepEqual([code, counts], [0, '1 files, 1 passed, 0 failed, 0 left out']);
});

test('what runs on an engine that takes minutes to start is left to whoever names it', async () => {
  const files = { 'test/a.test.ts': GOOD, 'test/engines/vllm/b.test.ts': GOOD, 'test/engines/small/c.test.ts': GOOD };
  const all = await verdict(files, 'all');
  const named = await verdict(files, join(checkout.root, 'test', 'engines', 'vllm'));
  assert.deepEqual([all.code, all.counts], [0, '2 files, 2 passed, 0 failed, 0 left out']);
  assert.deepEqual([named.code, named.counts], [0, '1 files, 1 passed, 0 failed, 0 left out']);
});

test('the fast ones are those of test/unit that kill and build nothing, and the golden answers of test/gateway', async () => {
  const files = [
    'test/a',
    'test/unit/x/b',
    'test/unit/x/crash',
    'test/unit/fixtures/e',
    'test/gateway/x/golden',
    'test/gateway/c',
    'test/sandbox/d',
  ];
  const { counts, stdout } = await verdict(Object.fromEntries(files.map((name) => [`${name}.test.ts`, GOOD])), 'fast');
  assert.equal(counts, '2 files, 2 passed, 0 failed, 0 left out');
  assert.match(stdout, /unit\/x\/b[^]*gateway\/x\/golden|gateway\/x\/golden[^]*unit\/x\/b/);
});

describe('it is red', () => {
  const cases: readonly (readonly [name: string, text: string, said: RegExp, counts: string])[] = [
    [
      'for a test that failed',
      "test('bad', () => { throw new Error('why'); });",
      /✖ .*: bad\n[^]*why/,
      '0 passed, 1 failed, 0',
    ],
    [
      'for a test that is skipped',
      "test('later', { skip: true }, () => {});",
      /later \(skipped\)/,
      '0 passed, 0 failed, 1',
    ],
    [
      'for one that skips itself',
      "test('later', (t) => { t.skip('no'); });",
      /later \(skipped\)/,
      '0 passed, 0 failed, 1',
    ],
    ['for one that is to do', "test('later', { todo: true }, () => {});", /later \(to do\)/, '0 passed, 0 failed, 1'],
    ['for a suite that is skipped', "describe.skip('later', () => {});", /later \(skipped\)/, '0 passed, 0 failed, 1'],
    ['for a file without a test', '', /holds no test/, '0 passed, 0 failed, 1'],
    ['for a file that does not load', "throw new Error('broken');", /Error: broken/, '0 passed, 1 failed, 0'],
  ];
  for (const [name, text, said, counts] of cases) {
    test(name, async () => {
      const seen = await verdict({ 'test/a.test.ts': IMPORT + text }, 'all');
      assert.equal(seen.code, 1, seen.stdout);
      assert.match(seen.stdout, said);
      assert.equal(seen.counts, `1 files, ${counts} left out`, seen.stdout);
    });
  }

  test('when nothing was found to run', async () => {
    const { code, stderr } = await verdict({}, 'test/nowhere');
    assert.deepEqual([code, stderr], [1, 'caisson: no test file matches test/nowhere\n']);
  });
});

type RunTestFile = (
  file: string,
  root: string,
  deadlineMs: number,
  groups: Set<number>,
) => Promise<{ tests: readonly { name: string }[]; words: string; ended: number | string }>;

test('a file that never ends is killed at its deadline together with what it started', async () => {
  const { runTestFile } = loadPart('test-file') as { runTestFile: RunTestFile };
  const hanging = `import { spawn } from 'node:child_process';
    test('is well', () => {});
    test('hangs', async () => {
      const child = spawn('sleep', ['1000'], { stdio: 'inherit' });
      console.log('child ' + child.pid);
      await new Promise((resolve) => setTimeout(resolve, 1_000_000));
    });`;
  await checkout.write('test/hang.test.ts', IMPORT + hanging);
  const groups = new Set<number>();
  const { tests, words, ended } = await runTestFile('test/hang.test.ts', checkout.root, 2000, groups);
  assert.deepEqual([tests.map(({ name }) => name), ended, groups.size], [['is well'], 'ran past 2 s', 0]);
  const child = Number(/^child (\d+)$/.exec(words)?.[1]);
  assert.ok(
    !existsSync(`/proc/${child}`) || readFileSync(`/proc/${child}/stat`, 'utf8').includes(') Z '),
    'the child lives',
  );
});

test('a file that exits in the middle is red, however well its tests went until then', async () => {
  const { code, stdout } = await verdict({ 'test/a.test.ts': `${GOOD}test('exits', () => process.exit(0));` }, 'all');
  assert.equal(code, 1);
  // How much of its report was written when it exited is chance.
  assert.match(stdout, /exited before all its tests had their turn|holds no test that had its turn/);
});
