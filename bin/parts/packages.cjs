// Owns the two programs that come from the distribution: git and a setuid firejail. Knows package managers, no sandbox.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { Stop } = require('./report.cjs');

/** In the order they are looked for; `refresh` runs only when the first attempt to install failed. */
const MANAGERS = [
  { name: 'apt-get', install: ['install', '-y', '--no-install-recommends'], refresh: ['update'] },
  { name: 'dnf', install: ['install', '-y'], refresh: ['makecache'] },
  { name: 'apk', install: ['add'], refresh: ['update'] },
  { name: 'pacman', install: ['-S', '--noconfirm', '--needed'], refresh: ['-Sy'] },
  { name: 'zypper', install: ['--non-interactive', 'install'], refresh: ['--non-interactive', 'refresh'] },
];

/** Step: git is there. */
function ensureGit(report) {
  return ensureProgram('git', report);
}

/** Step: firejail is there and setuid root; installs the distribution's package where that needs no question. */
function ensureFirejail(report) {
  const result = ensureProgram('firejail', report);
  const found = findProgram('firejail');
  const { mode, uid } = fs.statSync(found);
  if (uid === 0 && (mode & 0o4000) !== 0) return result;
  throw new Stop(
    `${found} is not setuid root, so it cannot build a sandbox`,
    `type: ${asRoot()}chown root:root ${found} && ${asRoot()}chmod 4755 ${found}`,
  );
}

function ensureProgram(name, report) {
  const found = findProgram(name);
  if (found !== undefined) return found;
  install(name, report);
  const installed = findProgram(name);
  if (installed === undefined)
    throw new Stop(`${name} was installed but is not on the path`, `put ${name} on the path`);
  return { said: `installed as ${installed}`, did: true };
}

function install(name, report) {
  const manager = MANAGERS.find((candidate) => findProgram(candidate.name) !== undefined);
  if (manager === undefined)
    throw new Stop(`${name} is missing, and no known package manager is here`, `install ${name}, then run it again`);
  const line = `${asRoot()}${manager.name} ${manager.install.join(' ')} ${name}`;
  const prefix = privilege();
  if (prefix === undefined) throw new Stop(`${name} is missing`, `type: ${line}`);
  report.announce(`${name}: ${[...prefix, manager.name, ...manager.install, name].join(' ')} …`);
  const attempt = (words) => runQuietly([...prefix, manager.name, ...words]);
  const first = attempt([...manager.install, name]);
  if (first.ok) return;
  attempt(manager.refresh);
  const second = attempt([...manager.install, name]);
  if (second.ok) return;
  process.stderr.write(second.output);
  throw new Stop(`${name} could not be installed; the package manager's words are above`, `type: ${line}`);
}

/** [] as root, ['sudo', '-n'] where that asks no password, undefined otherwise. */
function privilege() {
  if (process.getuid() === 0) return [];
  if (findProgram('sudo') === undefined) return undefined;
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

function asRoot() {
  return process.getuid() === 0 ? '' : 'sudo ';
}

/** `env` carries the setting through sudo, which drops the environment. */
function runQuietly(argv) {
  const at = argv[0] === 'sudo' ? 2 : 0;
  const [command, ...rest] = [...argv.slice(0, at), 'env', 'DEBIAN_FRONTEND=noninteractive', ...argv.slice(at)];
  const done = spawnSync(command, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
  return { ok: done.status === 0, output: `${done.stdout ?? ''}${done.stderr ?? ''}` };
}

/** Absolute path of an executable on the path or in the usual system directories. */
function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

module.exports = { ensureFirejail, ensureGit, findProgram };
