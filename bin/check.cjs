// Owns the order of the checks before a commit: format, lint, types, architecture, fast tests. Knows no rule. Runs on Node 24.
'use strict';
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { duration } = require('./parts/report.cjs');

const ROOT = path.dirname(__dirname);
const OWN = ['src', 'test', 'bin'];
const STEPS = [
  { name: 'format', remedy: 'npm run format', argv: ['node_modules/oxfmt/bin/oxfmt', '--check', ...OWN] },
  { name: 'lint', argv: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', ...OWN] },
  { name: 'types', argv: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'] },
  { name: 'architecture', argv: ['bin/run-tests.cjs', 'test/architecture.test.ts', 'test/architecture'] },
  { name: 'fast tests', argv: ['bin/run-tests.cjs', 'fast'] },
];

/** Runs every step, also after a failure, and prints one line each; the words of a step that failed follow its line. */
function main() {
  const start = Date.now();
  const failed = STEPS.filter((step) => !passes(step));
  const verdict = failed.length === 0 ? 'green' : `red: ${failed.map((step) => step.name).join(', ')}`;
  process.stdout.write(`check is ${verdict} (${duration(Date.now() - start)})\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function passes({ name, remedy, argv }) {
  const start = Date.now();
  const done = spawnSync(process.execPath, argv, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 });
  const ok = done.status === 0;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name} (${duration(Date.now() - start)})\n`);
  if (!ok) process.stdout.write(`${done.stdout}${done.stderr}${remedy === undefined ? '' : `  → ${remedy}\n`}`);
  return ok;
}

main();
