// Owns that node_modules holds exactly what the lock file says. Knows no Node version and no sandbox.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { createHash } = require('node:crypto');
const { spawnSync } = require('node:child_process');
const { Stop } = require('./report.cjs');
const { withLock } = require('./lock.cjs');

const STAMP = path.join('node_modules', '.caisson-installed');
const FIELDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides', 'allowScripts'];

/** True when what is installed was installed from this lock file on this platform. */
function isInstalled(root) {
  try {
    return fs.readFileSync(path.join(root, STAMP), 'utf8') === fingerprint(root);
  } catch {
    return false;
  }
}

/**
 * Step: installs the locked dependencies unless they are there. No install script runs. `bare`: without what only tests and checks need,
 * for images.
 */
function ensureDependencies(root, report, bare = false) {
  if (isInstalled(root)) return 'installed';
  refuseReadOnly(root);
  const waiting = (pid) => report.announce(`dependencies: waiting for process ${pid}, which is installing them`);
  return withLock(path.join(root, '.caisson'), waiting, () => {
    if (isInstalled(root)) return 'installed by another process meanwhile';
    report.announce('dependencies: npm ci --ignore-scripts …');
    install(root, bare);
    fs.writeFileSync(path.join(root, STAMP), fingerprint(root));
    return { said: 'installed with npm ci --ignore-scripts', did: true };
  });
}

function refuseReadOnly(root) {
  try {
    fs.accessSync(root, fs.constants.W_OK);
  } catch {
    throw new Stop(
      `the dependencies in ${root} are missing or older than the lock file, and this user may not write there`,
      `as the owner of ${root}: node ${path.join(root, 'bin', 'bootstrap.cjs')} install`,
    );
  }
}

function install(root, bare) {
  const { command, before } = npmCommand();
  const tools = bare ? '--omit=dev' : '--include=dev';
  const wanted = ['ci', '--ignore-scripts', tools, '--include=optional', '--loglevel=error'];
  const done = spawnSync(command, [...before, ...wanted], { cwd: root, stdio: ['ignore', 2, 2], env: cleanEnv() });
  if (done.error !== undefined && done.error.code === 'ENOENT')
    throw new Stop('npm is missing', 'install npm (it comes with Node.js), then run the command again');
  if (done.status !== 0)
    throw new Stop(
      `npm ci failed (${done.signal ?? `exit status ${done.status}`}); its own words are above`,
      "the first start needs a package registry: check the network, or npm's registry and proxy settings, and run it again",
    );
}

/** The npm that started us, else the one on PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  if (running !== undefined && path.basename(running) === 'npm-cli.js')
    return { command: process.execPath, before: [running] };
  return { command: 'npm', before: [] };
}

/** `npm run` hands its own settings down as environment; production settings would leave the development tools out. */
function cleanEnv() {
  const env = { ...process.env };
  delete env.NODE_ENV;
  delete env.npm_config_omit;
  return env;
}

/** Changes with everything an installation depends on, and with nothing else (scripts and version may change freely). */
function fingerprint(root) {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const hash = createHash('sha256');
  hash.update(fs.readFileSync(path.join(root, 'package-lock.json')));
  hash.update(JSON.stringify(FIELDS.map((field) => manifest[field] ?? null)));
  hash.update(`${process.platform} ${process.arch}`);
  return `sha256:${hash.digest('hex')}\n`;
}

module.exports = { ensureDependencies, fingerprint, isInstalled };
