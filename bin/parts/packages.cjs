// Owns the programs that come from the distribution: git, a setuid firejail, an engine for containers. Knows package managers, no sandbox.
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

/** Where programs are looked for, and as whom packages are installed; tests give their own. */
const HOST = {
  folders: [...(process.env.PATH ?? '').split(':'), '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'],
  uid: process.getuid(),
};

/** Step: git is there. */
function ensureGit(report, host = HOST) {
  return ensureProgram('git', report, host);
}

/** Step: firejail is there and setuid root; installs the distribution's package where that needs no question. */
function ensureFirejail(report, host = HOST) {
  const result = ensureProgram('firejail', report, host);
  const found = findProgram('firejail', host);
  const { mode, uid } = fs.statSync(found);
  if (uid === 0 && (mode & 0o4000) !== 0) return result;
  throw new Stop(
    `${found} is not setuid root, so it cannot build a sandbox`,
    `type: ${asRoot(host)}chown root:root ${found} && ${asRoot(host)}chmod 4755 ${found}`,
  );
}

/** Step, for the tests in containers: an engine and what makes a base for it where nothing can be pulled. */
function ensureContainers(report, host = HOST) {
  const made = [ensureProgram('dockerd', report, host, 'docker.io'), ensureProgram('debootstrap', report, host)];
  const did = made.some((one) => typeof one !== 'string');
  return { said: made.map((one) => one.said ?? one).join(', '), did };
}

function ensureProgram(name, report, host, packageName = name) {
  const found = findProgram(name, host);
  if (found !== undefined) return found;
  install(packageName, report, host);
  const installed = findProgram(name, host);
  if (installed === undefined)
    throw new Stop(`${name} was installed but is not on the path`, `put ${name} on the path`);
  return { said: `installed as ${installed}`, did: true };
}

function install(name, report, host) {
  const manager = MANAGERS.find((candidate) => findProgram(candidate.name, host) !== undefined);
  if (manager === undefined)
    throw new Stop(`${name} is missing, and no known package manager is here`, `install ${name}, then run it again`);
  const remedy = `type: ${asRoot(host)}${[manager.name, ...manager.install, name].join(' ')}`;
  const sudo = privilege(host);
  if (sudo === undefined) throw new Stop(`${name} is missing`, remedy);
  const attempt = (words) =>
    runQuietly([...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', findProgram(manager.name, host), ...words]);
  report.announce(`${name}: ${[...sudo, manager.name, ...manager.install, name].join(' ')} …`);
  if (attempt([...manager.install, name]).ok) return;
  attempt(manager.refresh);
  const second = attempt([...manager.install, name]);
  if (second.ok) return;
  process.stderr.write(second.output);
  throw new Stop(`${name} could not be installed; the package manager's words are above`, remedy);
}

/** [] as root, ['sudo', '-n'] where that asks no password, undefined otherwise. */
function privilege(host) {
  if (host.uid === 0) return [];
  const sudo = findProgram('sudo', host);
  if (sudo === undefined) return undefined;
  return spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? [sudo, '-n'] : undefined;
}

function asRoot(host) {
  return host.uid === 0 ? '' : 'sudo ';
}

/** The setting goes through `env`, because sudo drops the environment. */
function runQuietly([command, ...argv]) {
  const done = spawnSync(command, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
  return { ok: done.status === 0, output: `${done.stdout ?? ''}${done.stderr ?? ''}` };
}

/** Absolute path of an executable on the path or in the usual system directories. */
function findProgram(name, host = HOST) {
  return host.folders
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

module.exports = { ensureContainers, ensureFirejail, ensureGit, findProgram };
