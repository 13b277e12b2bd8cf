// Owns the verdict of the tests: every file, every failure, and that nothing was skipped. Knows no test. Runs on Node 24.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { run } = require('node:test');
const { inspect } = require('node:util');
const { duration } = require('./parts/report.cjs');

const ROOT = path.dirname(__dirname);
const FILE_TIMEOUT_MS = 20 * 60 * 1000;
const CONCURRENCY = 2;
/** Not tests: benches are judged by `npm run bench`, fixtures hold the failing tests of the repositories in them. */
const APART = ['test/bench', 'test/fixtures'];
const FAST = ['test/unit', 'test/gateway'];

/** `all`, `fast`, or the paths of files and folders. */
async function main(words) {
  const files = chooseFiles(words);
  if (files.length === 0) return fail(`no test file matches ${words.join(' ')}`);
  const verdict = await runFiles(files);
  process.exitCode = tell(verdict, files) ? 0 : 1;
}

function chooseFiles(words) {
  if (words.length === 0 || words[0] === 'all') return testFiles('test');
  const places = words[0] === 'fast' ? FAST : words.map((word) => path.relative(ROOT, path.resolve(word)));
  return places.flatMap((place) => testFiles(place));
}

function testFiles(place) {
  const full = path.join(ROOT, place);
  if (APART.includes(place) || !fs.existsSync(full)) return [];
  if (!fs.statSync(full).isDirectory()) return place.endsWith('.test.ts') ? [full] : [];
  return fs
    .readdirSync(full)
    .sort()
    .flatMap((name) => testFiles(path.join(place, name)));
}

async function runFiles(files) {
  const verdict = { passed: 0, failures: [], skipped: [], reported: new Set(), words: new Map(), start: Date.now() };
  const stream = run({
    files,
    concurrency: CONCURRENCY,
    timeout: FILE_TIMEOUT_MS,
    cwd: ROOT,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  for await (const event of stream) take(verdict, event);
  return verdict;
}

function take(verdict, { type, data }) {
  if (type === 'test:pass' || type === 'test:fail') return takeTest(verdict, type, data);
  if (type === 'test:stdout' || type === 'test:stderr')
    verdict.words.set(data.file, `${verdict.words.get(data.file) ?? ''}${data.message}`.slice(-100_000));
  if (type === 'test:summary' && data.file !== undefined) tellFile(verdict, data);
}

function takeTest(verdict, type, data) {
  const isFile = data.nesting === 0 && path.resolve(ROOT, data.name) === data.file;
  const name = isFile ? `${relative(data.file)} as a whole` : `${relative(data.file)}: ${data.name}`;
  if (data.skip !== undefined) verdict.skipped.push(`${name} (skipped)`);
  if (data.todo !== undefined) verdict.skipped.push(`${name} (to do)`);
  if (!isFile) verdict.reported.add(data.file);
  if (type === 'test:fail') verdict.failures.push({ name, data });
  else if (isTest(data) && !isFile) verdict.passed += 1;
}

function isTest(data) {
  return data.details.type !== 'suite' && data.skip === undefined && data.todo === undefined;
}

function tellFile(verdict, { file, success, counts, duration_ms }) {
  const mark = success ? 'ok  ' : 'FAIL';
  process.stdout.write(`${mark} ${relative(file)}  ${counts.tests} tests, ${duration(Math.round(duration_ms))}\n`);
  if (!success) tellWords(verdict, file);
}

/** What the file itself printed, once. */
function tellWords(verdict, file) {
  const words = (verdict.words.get(file) ?? '').trimEnd();
  verdict.words.delete(file);
  if (words !== '') process.stdout.write(`${words.replace(/^/gm, '     | ')}\n`);
}

/** True when all is well. */
function tell(verdict, files) {
  const silent = files.filter((file) => !verdict.reported.has(file)).map((file) => `${relative(file)} holds no test`);
  const complaints = [...verdict.skipped, ...silent];
  const failures = verdict.failures.filter(({ data }) => !isOnlyParent(data));
  for (const { name, data } of failures) {
    process.stdout.write(`\n✖ ${name}\n${describe(data)}\n`);
    tellWords(verdict, data.file);
  }
  for (const complaint of complaints) process.stdout.write(`\n✖ ${complaint}: nothing may be left out silently\n`);
  const counts = `${verdict.passed} passed, ${failures.length} failed, ${complaints.length} left out`;
  process.stdout.write(`\n${files.length} files, ${counts}, ${duration(Date.now() - verdict.start)}\n`);
  return verdict.failures.length === 0 && complaints.length === 0;
}

function isOnlyParent(data) {
  return data.details.error?.failureType === 'subtestsFailed';
}

function describe(data) {
  const error = data.details.error?.cause ?? data.details.error;
  const place = data.line === undefined ? '' : `    at ${relative(data.file)}:${data.line}:${data.column}\n`;
  return place + inspect(error, { depth: 6 }).replace(/^/gm, '    ');
}

function relative(file) {
  return file === undefined ? '(unknown file)' : path.relative(ROOT, file);
}

function fail(message) {
  process.stderr.write(`caisson: ${message}\n`);
  process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${inspect(error)}\n`);
  process.exitCode = 1;
});
