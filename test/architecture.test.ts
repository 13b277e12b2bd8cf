// Owns the verdict on the house as it stands: the laws of test/architecture/ on every file of ours. Knows no rule.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkOwnCode, checkSource } from './architecture/checks.ts';
import { checkTop, checkTraces } from './architecture/repository.ts';
import { formatProblem, type Problem, readFiles } from './architecture/source.ts';

const ROOT = join(import.meta.dirname, '..');
const STORED_REPOSITORIES = 'test/fixtures/';

test('src/ keeps every law: imports, cycles, sizes, words, names', () => {
  const files = readFiles(ROOT, 'src', (path) => path.endsWith('.ts'));
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
  assert.ok(files.length > 50, `only ${files.length} files were found: the check looks in the wrong place`);
  assertNone(checkSource(files, Object.keys(manifest.dependencies)));
});

test('tests and the bootstrap keep the laws on sizes, words and names', () => {
  const isOurs = (path: string) => /\.(?:ts|cjs)$/.test(path) && !path.startsWith(STORED_REPOSITORIES);
  const files = [...readFiles(ROOT, 'test', isOurs), ...readFiles(ROOT, 'bin', isOurs)];
  assert.ok(files.some((file) => file.path === 'test/architecture.test.ts'));
  assertNone(checkOwnCode(files));
});

test('everything at the top of the repository is expected, and nothing that is expected is missing', () => {
  assertNone(checkTop(everyFile()));
});

test('no file names a path of this machine, a person’s home or a package registry', () => {
  assertNone(checkTraces(everyFile(), [ROOT]));
});

function everyFile() {
  return readFiles(ROOT, '', (path) => !path.endsWith('.log'));
}

function assertNone(problems: readonly Problem[]): void {
  if (problems.length > 0) assert.fail(`${problems.length} broken laws\n${problems.map(formatProblem).join('\n')}`);
}
