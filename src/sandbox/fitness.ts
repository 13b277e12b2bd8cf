// Owns why firejail cannot make a sandbox here: each cause that is known, with what to do about it. Starts no sandbox.
import { execFile } from 'node:child_process';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CaissonError } from '../base/errors.ts';
import type { CommandUser } from './command-user.ts';
import type { Exit, FitnessSetup } from './exit.ts';
import { commandUser } from './setup.ts';

/** Where it is looked for, in this order. */
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const OLDEST = [0, 9, 72];
const SETUID = 0o4000;
const ASK_MS = 5000;
const SAID_LETTERS = 200;

/** What firejail says, what that means, and what to do. */
const COMPLAINTS: readonly (readonly [RegExp, string, string])[] = [
  [
    /existing sandbox was detected/i,
    'firejail takes this machine for a sandbox, and starts programs without one',
    'Set the variable container=docker for the container.',
  ],
  [
    /net_if_up|SIOCSIFFLAGS/i,
    'firejail may not set up the network of a sandbox: this container lacks NET_ADMIN',
    'Give the container of the runner the capabilities that deploy/README.md lists.',
  ],
  [
    /clone.*Operation not permitted/i,
    'firejail may make no namespaces: this container lacks SYS_ADMIN, or the host forbids them',
    'Give the container of the runner the capabilities that deploy/README.md lists.',
  ],
  [
    /(?:fork|clone|vfork|execv).*Resource temporarily unavailable/i,
    'the user of the commands has as many processes as it may have',
    'Raise its limit (ulimit -u, TasksMax, pids_limit), or let fewer runs work at once.',
  ],
  [
    /No space left on device|Disk quota exceeded/i,
    'a disk that firejail needs is full',
    'Free space on the disk of the boxes, in /tmp and in /run.',
  ],
  [
    /Read-only file system/i,
    'a file system that firejail must write is read-only',
    'Give it /run (a tmpfs, exec, mode 755) and boxes on a volume that can be written.',
  ],
];

/** Version of firejail. Throws `sandbox_unavailable` for the first thing about it, this process or the user that cannot work. */
export async function checkFirejail(setup: FitnessSetup): Promise<string> {
  const path = findFirejail(setup);
  requireSetuid(path);
  requirePrivileges(readFileSync('/proc/self/status', 'latin1'));
  requireHome(commandUser(setup));
  const version = await versionOf(path);
  if (isOld(version))
    throw unfit(`firejail ${version} is too old: 0.9.72 is the oldest that works`, 'Install a newer one.');
  return version;
}

/** Why a launched firejail ended before it said anything. */
export async function whyEnded(exit: Exit, complaint: string, setup: FitnessSetup): Promise<CaissonError> {
  const { error } = exit;
  if (error?.code === 'ENOENT') return unfit('prlimit is not installed', 'apt-get install util-linux');
  const busy = error?.code === 'EAGAIN' ? known('fork: Resource temporarily unavailable') : undefined;
  const said = complaint === '' ? (error?.message ?? 'it said nothing') : complaint;
  return busy ?? (await misfit(setup, said)) ?? known(said) ?? unfit(`firejail ended (${howEnded(exit)}): ${said}`);
}

function howEnded({ code, signal }: Exit): string {
  return String(code ?? signal ?? 'not started');
}

async function misfit(setup: FitnessSetup, said: string): Promise<CaissonError | undefined> {
  try {
    await checkFirejail(setup);
    return undefined;
  } catch (found) {
    if (!(found instanceof CaissonError)) throw found;
    const isMissing = said.includes('failed to execute');
    return isMissing ? found : unfit(`${found.message} (it said: ${firstLine(said)})`, found.hint);
  }
}

/** A cause that these words are known to have; undefined: none. */
export function known(complaint: string): CaissonError | undefined {
  const found = COMPLAINTS.find(([words]) => words.test(complaint));
  if (found === undefined) return undefined;
  const [, meaning, hint] = found;
  return unfit(`${meaning} (it said: ${firstLine(complaint)})`, hint);
}

function findFirejail({ firejail }: FitnessSetup): string {
  const places = firejail === undefined ? FOLDERS.map((folder) => join(folder, 'firejail')) : [firejail];
  const found = places.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  if (found === undefined) throw unfit('firejail is not installed', 'apt-get install firejail');
  return realpathSync(found);
}

function requireSetuid(path: string): void {
  const { mode, uid } = statSync(path);
  if ((mode & SETUID) === 0 || uid !== 0)
    throw unfit(`${path} is not set-uid root, so it can make no sandbox`, `chown root ${path} && chmod 4755 ${path}`);
  const mount = mountOf(path, readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mount?.options.includes('nosuid') === true)
    throw unfit(`${path} lies on a file system mounted nosuid`, `Mount ${mount.at} without nosuid.`);
}

/** `status`: text of /proc/self/status. */
export function requirePrivileges(status: string): void {
  if (/^NoNewPrivs:\s*1$/m.test(status))
    throw unfit(
      'this process may get no new privileges, so firejail cannot become root',
      'Take NoNewPrivileges= out of the unit, or no-new-privileges out of the container of the runner.',
    );
}

export function requireHome({ name, home }: CommandUser): void {
  if (statSync(home, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw unfit(
      `the user ${name}, who runs the commands, has no home: ${home || 'none is named'} is no folder`,
      `Make one: mkhomedir_helper ${name}, or usermod --home FOLDER --move-home ${name}`,
    );
}

/** The mount that holds the path. `mounts`: text of /proc/self/mountinfo. */
export function mountOf(
  path: string,
  mounts: string,
): { readonly at: string; readonly options: readonly string[] } | undefined {
  let found: { readonly at: string; readonly options: readonly string[] } | undefined;
  for (const line of mounts.split('\n')) {
    const [, , , , at = '', options = ''] = line.split(' ');
    const holds = at !== '' && (path === at || path.startsWith(at === '/' ? '/' : `${at}/`));
    if (holds && at.length >= (found?.at.length ?? 0)) found = { at, options: options.split(',') };
  }
  return found;
}

async function versionOf(path: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: ASK_MS });
    return /version\s+(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** One that does not say its version is not called old. */
export function isOld(version: string): boolean {
  const parts = /^\d+(?:\.\d+)*/.exec(version)?.[0].split('.').map(Number);
  if (parts === undefined) return false;
  const [first] = OLDEST.flatMap((part, index) => {
    const own = parts[index] ?? 0;
    return own === part ? [] : [own < part];
  });
  return first ?? false;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, SAID_LETTERS);
}

function unfit(message: string, hint?: string): CaissonError {
  return new CaissonError('sandbox_unavailable', message, hint === undefined ? {} : { hint });
}
