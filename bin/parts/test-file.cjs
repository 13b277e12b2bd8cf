// Owns the run of one test file: a process group of its own, a deadline, and its death with everything in it. Knows no verdict.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');

const REPORTER = path.join(__dirname, 'test-events.cjs');
const FINISHED = 'finished';
const WORDS_KEPT = 100_000;

/**
 * Resolves, never rejects, with `{ tests, words, ended, ms }`: what each test said, what the file printed,
 * and how the process ended: an exit status, a signal, or that it ran past `deadlineMs`. `groups` holds the group while it lives.
 */
function runTestFile(file, root, deadlineMs, groups) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'caisson-tests-'));
  const events = path.join(folder, 'events');
  const start = Date.now();
  const child = spawn(process.execPath, argvOf(file, events), {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  groups.add(child.pid);
  let words = '';
  let late = false;
  const hear = (chunk) => (words = (words + chunk).slice(-WORDS_KEPT));
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const timer = setTimeout(() => {
    late = true;
    killGroup(child.pid);
  }, deadlineMs);
  return new Promise((resolve) => {
    // What the file left running would hold its output open: the group dies with its leader.
    child.on('exit', () => killGroup(child.pid));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      groups.delete(child.pid);
      const lines = readEvents(events);
      const early = code === 0 && lines.length > 0 && lines.at(-1) !== FINISHED;
      const how = early ? 'exited before all its tests had their turn' : (signal ?? code);
      const ended = late ? `ran past ${deadlineMs / 1000} s` : how;
      resolve({
        tests: lines.filter((line) => line !== FINISHED),
        words: words.trimEnd(),
        ended,
        ms: Date.now() - start,
      });
      fs.rmSync(folder, { recursive: true, force: true });
    });
  });
}

function argvOf(file, events) {
  return [
    '--disable-warning=ExperimentalWarning',
    '--test-reporter',
    REPORTER,
    '--test-reporter-destination',
    events,
    file,
  ];
}

function readEvents(events) {
  try {
    const lines = fs.readFileSync(events, 'utf8').split('\n');
    return lines.filter((line) => /[}"]$/.test(line)).map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group lives any more.
  }
}

module.exports = { killGroup, runTestFile };
