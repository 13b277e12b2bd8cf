// Owns the verdict of the tests: every file, every failure, and that nothing was left out. Knows no test. Runs on Node 24.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { duration } = require('./parts/report.cjs');
const { killGroup, runTestFile } = require('./parts/test-file.cjs');

const ROOT = path.dirname(__dirname);
const AT_ONCE = 2;
/** A file that takes longer is killed and counts as failed. */
const DEADLINE_MS = 20 * 60 * 1000;
const FAST_DEADLINE_MS = 90 * 1000;
/** Not tests: benches are judged by `npm run bench`, fixtures hold the failing tests of the repositories in them. */
const APART = ['test/bench', 'test/fixtures'];
/** Only where they are named: they install much and take minutes. */
const NAMED_ONLY = ['test/engines/vllm', 'test/container'];
const FAST = ['test/unit', 'test/gateway'];
/** Of the gateway the answers known word for word: its faults, lines and silences take minutes. Nothing that kills, builds or attacks. */
const SLOW_PLACES = /^test\/gateway\/(?!.*golden\.test\.ts$)|^test\/unit\/fixtures\//;
const SLOW_NAMES =
  /\/(?:crash|watching|plan|take|tamper|verify|opening|journal|answer|pack-kinds|[a-z]+-attacks|run-tests)\.test\.ts$/;

/** `all`, `fast`, or the paths of files and folders. */
async function main(words) {
  const files = chooseFiles(words);
  if (files.length === 0) {
    process.stderr.write(`caisson: no test file matches ${words.join(' ')}\n`);
    process.exit(1);
  }
  const start = Date.now();
  const results = await runAll(files, words[0] === 'fast' ? FAST_DEADLINE_MS : DEADLINE_MS);
  process.exit(tell(results, Date.now() - start) ? 0 : 1);
}

function chooseFiles(words) {
  if (words.length === 0 || words[0] === 'all') return testFiles('test');
  const places = words[0] === 'fast' ? FAST : words.map((word) => path.relative(ROOT, path.resolve(word)));
  const files = places.flatMap((place) => testFiles(place));
  return words[0] === 'fast' ? files.filter((file) => !SLOW_PLACES.test(file) && !SLOW_NAMES.test(file)) : files;
}

function testFiles(place) {
  const full = path.join(ROOT, place);
  if (APART.includes(place) || !fs.existsSync(full)) return [];
  if (!fs.statSync(full).isDirectory()) return place.endsWith('.test.ts') ? [place] : [];
  return fs
    .readdirSync(full)
    .sort()
    .map((name) => path.join(place, name))
    .filter((inner) => !NAMED_ONLY.includes(inner))
    .flatMap(testFiles);
}

/** A few files at once; when this process is told to end, so is every test. */
async function runAll(files, deadlineMs) {
  const groups = new Set();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      groups.forEach(killGroup);
      process.exit(130);
    });
  }
  const waiting = [...files];
  const results = [];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = judge(file, await runTestFile(file, ROOT, deadlineMs, groups));
      results.push(result);
      tellFile(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** How a test says that this machine lacks a real engine, and what to type. Where all must run, that is no excuse. */
const NOT_RUN = /^not run: /;
const mayLack = process.env.CI !== 'true';

/** `failures` and `leftOut` are what makes a file red. */
function judge(file, { tests, words, ended, ms }) {
  const failures = tests.filter((test) => test.failed !== undefined && !test.onlyChildren);
  const isExcused = ({ why }) => mayLack && why !== undefined && NOT_RUN.test(why);
  const notRun = tests.filter(isExcused).map(({ name, why }) => `${name}: ${why}`);
  const leftOut = tests
    .filter((test) => test.leftOut !== undefined && !isExcused(test))
    .map((test) => `${test.name} (${test.leftOut})`);
  if (tests.length === 0 && ended === 0) leftOut.push('it holds no test that had its turn');
  if (ended !== 0 && failures.length === 0)
    failures.push({ name: 'the file as a whole', failed: `it ended: ${ended}` });
  const passed = tests.filter((test) => !test.suite && test.failed === undefined && test.leftOut === undefined).length;
  return { file, passed, failures, leftOut, notRun, words, ms };
}

function tellFile({ file, passed, failures, leftOut, notRun, words, ms }) {
  const red = failures.length + leftOut.length > 0;
  process.stdout.write(`${red ? 'FAIL' : 'ok  '} ${file}  ${passed} passed, ${duration(ms)}\n`);
  for (const what of notRun) process.stdout.write(`     | ${what}\n`);
  if (red && words !== '') process.stdout.write(`${words.replace(/^/gm, '     | ')}\n`);
}

/** Failures come last, so that they need no search. True when all is well. */
function tell(results, ms) {
  const total = (count) => results.reduce((sum, result) => sum + count(result), 0);
  for (const { file, failures, leftOut } of results) {
    for (const { name, place, failed } of failures)
      process.stdout.write(`\n✖ ${file}${place === undefined ? '' : `:${place.line}`}: ${name}\n${indent(failed)}\n`);
    for (const what of leftOut) process.stdout.write(`\n✖ ${file}: ${what}: nothing may be left out silently\n`);
  }
  const [failed, leftOut] = [total(({ failures }) => failures.length), total((result) => result.leftOut.length)];
  const notRun = total((result) => result.notRun.length);
  const lacking = notRun === 0 ? '' : `, ${notRun} not run`;
  const counts = `${total(({ passed }) => passed)} passed, ${failed} failed, ${leftOut} left out${lacking}`;
  process.stdout.write(`\n${results.length} files, ${counts}, ${duration(ms)}\n`);
  return failed + leftOut === 0;
}

function indent(text) {
  return text.replace(/^/gm, '    ');
}

void main(process.argv.slice(2));
