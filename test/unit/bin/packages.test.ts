// Owns the proof of how firejail comes onto a machine. Knows no distribution: package managers are stand-ins.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadPart } from './checkout.ts';

interface Host {
  readonly folders: readonly string[];
  readonly uid: number;
}
interface Report {
  announce(text: string): void;
}
type Ensure = (report: Report, host: Host) => unknown;
const { ensureContainers, ensureFirejail, ensureGit } = loadPart('packages') as Readonly<
  Record<'ensureContainers' | 'ensureFirejail' | 'ensureGit', Ensure>
>;

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'caisson-packages-'));
});
after(() => rm(scratch, { recursive: true, force: true }));

/** A machine whose only programs are the given ones. */
async function machine(uid: number, programs: Readonly<Record<string, string>>): Promise<Host & { said: string[] }> {
  const folder = await mkdtemp(join(scratch, 'machine-'));
  for (const [name, text] of Object.entries(programs))
    await writeFile(join(folder, name), `#!/bin/sh\ncd ${folder}\n${text}\n`, { mode: 0o755 });
  return { folders: [folder], uid, said: [] };
}

const ensure = (what: Ensure, host: Host & { said: string[] }) =>
  what({ announce: (text) => host.said.push(text) }, host);
const firejailBeside = (host: Host) => join(host.folders[0] ?? '', 'firejail');

test('a program that is there is left alone', async () => {
  const host = await machine(1000, { git: 'exit 1' });
  assert.equal(ensure(ensureGit, host), join(host.folders[0] ?? '', 'git'));
  assert.deepEqual(host.said, []);
});

test('as root the package is installed, without questions and without refreshing the lists', async () => {
  const install =
    'echo "$DEBIAN_FRONTEND $*" >> calls; [ "$1" = install ] && printf "#!/bin/sh\\n" > git && chmod 755 git';
  const host = await machine(0, { 'apt-get': install });
  assert.deepEqual(ensure(ensureGit, host), { said: `installed as ${join(host.folders[0] ?? '', 'git')}`, did: true });
  assert.equal(
    await readFile(join(host.folders[0] ?? '', 'calls'), 'utf8'),
    'noninteractive install -y --no-install-recommends git\n',
  );
  assert.deepEqual(host.said, ['git: apt-get install -y --no-install-recommends git …']);
});

test('the lists are refreshed only after a first failure', async () => {
  const install =
    'echo "$1" >> calls; case $1 in update) touch fresh ;; install) [ -e fresh ] && cp apt-get git && chmod 755 git ;; esac';
  const host = await machine(0, { 'apt-get': install });
  ensure(ensureGit, host);
  assert.equal(await readFile(join(host.folders[0] ?? '', 'calls'), 'utf8'), 'install\nupdate\ninstall\n');
});

test('an ordinary user with password-less sudo installs through it', async () => {
  const host = await machine(1000, {
    sudo: '[ "$1" = -n ] || exit 1; shift; echo "sudo $*" >> calls; exec "$@"',
    dnf: 'printf "#!/bin/sh\\n" > git; chmod 755 git',
  });
  ensure(ensureGit, host);
  const [asked, installed] = (await readFile(join(host.folders[0] ?? '', 'calls'), 'utf8')).split('\n');
  assert.equal(asked, 'sudo true');
  assert.match(installed ?? '', /^sudo env DEBIAN_FRONTEND=noninteractive .*\/dnf install -y git$/);
});

test('an ordinary user without it is told the one line to type', async () => {
  const refusing = { sudo: 'exit 1', apk: 'exit 1' };
  for (const programs of [refusing, { apk: 'exit 1' }]) {
    const host = await machine(1000, programs);
    assert.throws(() => ensure(ensureFirejail, host), {
      message: 'firejail is missing',
      remedy: 'type: sudo apk add firejail',
    });
  }
});

test('a machine without a known package manager is told so', async () => {
  const host = await machine(0, {});
  assert.throws(() => ensure(ensureFirejail, host), {
    message: 'firejail is missing, and no known package manager is here',
    remedy: 'install firejail, then run it again',
  });
});

test('a firejail that is not setuid root is refused with the line that makes it so', async () => {
  const host = await machine(1000, { firejail: 'exit 0' });
  const file = firejailBeside(host);
  const remedy = `type: sudo chown root:root ${file} && sudo chmod 4755 ${file}`;
  assert.throws(() => ensure(ensureFirejail, host), {
    message: `${file} is not setuid root, so it cannot build a sandbox`,
    remedy,
  });
  await chmod(file, 0o4755);
  if (process.getuid?.() === 0) assert.equal(ensure(ensureFirejail, host), file);
  else assert.throws(() => ensure(ensureFirejail, host), { remedy });
});

test('an engine for containers comes under the name of its package, and what makes a base beside it', async () => {
  const install = 'echo "$4" >> calls; for name in dockerd debootstrap; do cp apt-get $name && chmod 755 $name; done';
  const host = await machine(0, { 'apt-get': install });
  const beside = (name: string) => join(host.folders[0] ?? '', name);
  const first = ensure(ensureContainers, host);
  assert.deepEqual(first, { said: `installed as ${beside('dockerd')}, ${beside('debootstrap')}`, did: true });
  assert.equal(await readFile(beside('calls'), 'utf8'), 'docker.io\n');
  const again = ensure(ensureContainers, host);
  assert.deepEqual(again, { said: `${beside('dockerd')}, ${beside('debootstrap')}`, did: false });
});

test('a user who may install nothing is told the one line to type for an engine', async () => {
  const host = await machine(1000, { 'apt-get': 'exit 1' });
  assert.throws(() => ensure(ensureContainers, host), {
    message: 'docker.io is missing',
    remedy: 'type: sudo apt-get install -y --no-install-recommends docker.io',
  });
});
