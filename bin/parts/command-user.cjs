// Owns the unprivileged user that runs commands when Caisson itself runs as root. Knows no sandbox.
'use strict';
const fs = require('node:fs');
const { spawnSync } = require('node:child_process');
const { Stop } = require('./report.cjs');
const { findProgram } = require('./packages.cjs');

const NAME = 'caisson';
const HOME = '/home/caisson';
/** Not nologin: firejail runs every command through the user's own shell. */
const SHELL = '/bin/sh';

/** Step, for root only: the user exists and has a home of its own. It has no password and is never root. */
function ensureCommandUser() {
  const present = readUser();
  if (present === undefined) addUser();
  const user = present ?? readUser();
  if (user === undefined) throw new Stop(`user ${NAME} could not be found after it was made`, remedy());
  if (user.uid === 0)
    throw new Stop(`user ${NAME} has the id of root`, 'give it another id: commands must not run as root');
  if (/(nologin|false)$/.test(user.shell))
    throw new Stop(
      `user ${NAME} has no usable shell (${user.shell}): firejail starts commands through it`,
      `type: usermod --shell ${SHELL} ${NAME}`,
    );
  const madeHome = ensureHome(user);
  if (present !== undefined && !madeHome) return `${NAME} (uid ${user.uid}) runs the commands, because this is root`;
  return {
    said: `made ${NAME} (uid ${user.uid}, home ${user.home}) to run the commands, because this is root`,
    did: true,
  };
}

function addUser() {
  const argv = addCommand();
  const done = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8' });
  if (done.status === 0) return;
  process.stderr.write(done.stderr ?? '');
  throw new Stop(`user ${NAME} could not be made: ${argv.join(' ')} failed`, remedy());
}

function addCommand() {
  if (findProgram('useradd') !== undefined)
    return ['useradd', '--system', '--user-group', '--create-home', '--home-dir', HOME, '--shell', SHELL, NAME];
  if (findProgram('adduser') !== undefined) return ['adduser', '-S', '-D', '-h', HOME, '-s', SHELL, NAME];
  throw new Stop(`user ${NAME} is missing, and neither useradd nor adduser is here`, remedy());
}

function remedy() {
  return `make a user named ${NAME} with the home ${HOME}, or run Caisson as an ordinary user`;
}

/** The line of /etc/passwd, else what the name service says. */
function readUser() {
  const line =
    fs
      .readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${NAME}:`)) ?? askNameService();
  if (line === undefined) return undefined;
  const [, , uid, gid, , home, shell = ''] = line.trim().split(':');
  return { uid: Number(uid), gid: Number(gid), home, shell };
}

function askNameService() {
  const done = spawnSync('getent', ['passwd', NAME], { encoding: 'utf8' });
  return done.status === 0 ? done.stdout.split('\n')[0] : undefined;
}

function ensureHome(user) {
  const made = !fs.existsSync(user.home);
  if (made) fs.mkdirSync(user.home, { recursive: true });
  const found = fs.statSync(user.home);
  if (made || found.uid !== user.uid) fs.chownSync(user.home, user.uid, user.gid);
  if ((found.mode & 0o777) !== 0o700) fs.chmodSync(user.home, 0o700);
  return made;
}

module.exports = { ensureCommandUser };
