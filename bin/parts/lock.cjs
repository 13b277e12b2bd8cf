// Owns the guard that two bootstraps of one checkout do not install at once. Knows not what is installed.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Stop } = require('./report.cjs');

const WAIT_MS = 15 * 60 * 1000;
const POLL_MS = 200;

/**
 * Runs `work` while holding the lock directory `<folder>/bootstrap.lock`. Waits for another live holder; takes over from a dead one.
 * `onWait` is called once, with the holder's process id, before waiting.
 */
function withLock(folder, onWait, work) {
  const lock = path.join(folder, 'bootstrap.lock');
  acquire(lock, onWait);
  try {
    return work();
  } finally {
    fs.rmSync(lock, { recursive: true, force: true });
    removeIfEmpty(folder);
  }
}

function removeIfEmpty(folder) {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Something else lies in it, or another bootstrap waits.
  }
}

function acquire(lock, onWait) {
  const deadline = Date.now() + WAIT_MS;
  let told = false;
  while (!claim(lock)) {
    const holder = readHolder(lock);
    if (holder !== undefined && !isAlive(holder)) {
      release(lock, holder);
      continue;
    }
    if (Date.now() > deadline) throw new Stop(`another bootstrap holds ${lock}`, `end it, or remove it: rm -r ${lock}`);
    if (!told && holder !== undefined) {
      told = true;
      onWait(holder.pid);
    }
    sleep(POLL_MS);
  }
}

/** The directory is made with its holder and moved into place, so that a lock never lies there without a holder. */
function claim(lock) {
  const own = `${lock}.${process.pid}`;
  fs.rmSync(own, { recursive: true, force: true });
  fs.mkdirSync(own, { recursive: true });
  fs.writeFileSync(path.join(own, 'holder'), JSON.stringify({ pid: process.pid, start: startOf(process.pid) }));
  try {
    fs.renameSync(own, lock);
    return true;
  } catch (error) {
    fs.rmSync(own, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a dead holder's lock; a second directory keeps two waiters from removing each other's. */
function release(lock, dead) {
  const gate = `${lock}.takeover`;
  try {
    fs.mkdirSync(gate);
  } catch {
    sleep(POLL_MS);
    if (Date.now() - modified(gate) > 10_000) fs.rmSync(gate, { recursive: true, force: true });
    return;
  }
  const now = readHolder(lock);
  if (now !== undefined && now.pid === dead.pid && now.start === dead.start)
    fs.rmSync(lock, { recursive: true, force: true });
  fs.rmSync(gate, { recursive: true, force: true });
}

function readHolder(lock) {
  try {
    return JSON.parse(fs.readFileSync(path.join(lock, 'holder'), 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(holder) {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  return startOf(holder.pid) === holder.start;
}

/**
 * Clock ticks after boot at which the process began: tells it from a later one with the same id.
 * `ended` for one that only waits to be reaped, '' where /proc does not say.
 */
function startOf(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19];
  } catch {
    return '';
  }
}

function modified(file) {
  try {
    return fs.statSync(file).mtimeMs;
  } catch {
    return Date.now();
  }
}

function sleep(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

module.exports = { withLock };
