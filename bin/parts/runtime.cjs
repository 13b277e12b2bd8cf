// Owns which Node runs Caisson and where it keeps compiled code. Knows no dependency but the two that bring a Node.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { Stop } = require('./report.cjs');

const NEEDED = [24, 7];

/** True when the Node that runs this file can run Caisson. */
function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** Absolute path of a Node ≥ 24.7: the running one, else the one that the pinned platform package brought. */
function pickNode(root) {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const brought = path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (fs.existsSync(brought)) return brought;
  throw new Stop(
    `Caisson needs Node ${NEEDED.join('.')} or newer; this is ${process.version}, and no newer one came as a dependency`,
    'install Node 24 (from your distribution or nodejs.org) and run the command with it',
  );
}

/** Step: the same, with a word about which it is. `node` of the answer is its path. */
function ensureNode(root) {
  const node = pickNode(root);
  if (node === process.execPath) return { said: `${process.version}, the running one`, did: false, node };
  const answer = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (answer.status === 0) return { said: `${answer.stdout.trim()}, brought as a dependency`, did: false, node };
  throw new Stop(
    `the Node that was brought as a dependency does not run here (${node})`,
    'install Node 24 (from your distribution or nodejs.org) and run the command with it',
  );
}

/** Our environment with the compile cache in it, unless one was chosen from outside. */
function environment(root) {
  const chosen = process.env.NODE_COMPILE_CACHE || compileCache(root);
  return chosen === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: chosen };
}

/**
 * A directory for compiled code that only this user can write: beside the dependencies when those are ours, else in the user's cache.
 * Undefined where there is none; then nothing is cached.
 */
function compileCache(root) {
  const uid = process.getuid();
  const beside = path.join(root, 'node_modules', '.cache', `caisson-${uid}`);
  const own = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'caisson', 'compiled');
  return [beside, own].find((folder) => isOurs(folder, uid));
}

function isOurs(folder, uid) {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = fs.lstatSync(folder);
    return found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

module.exports = { ensureNode, environment, isNewEnough, pickNode };
