// Owns the proof of what each complaint of firejail is known to mean, and of what it looks at on a host. Starts no sandbox.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  checkFirejail,
  isOld,
  known,
  mountOf,
  requireHome,
  requirePrivileges,
  whyEnded,
} from '../../../src/sandbox/fitness.ts';

describe('what firejail says before it ends', () => {
  const complaints: readonly (readonly [string, RegExp])[] = [
    [
      'Warning: an existing sandbox was detected. bash will run without any additional sandboxing features',
      /^firejail takes this machine for a sandbox/,
    ],
    ['Error net_if_up: interface.c:228 net_if_up: Operation not permitted', /this container lacks NET_ADMIN/],
    ['Error clone: main.c:3094 main: Operation not permitted', /this container lacks SYS_ADMIN/],
    ['Error fork: sandbox.c:10 x: Resource temporarily unavailable', /has as many processes as it may have/],
    ['Error: cannot clone: Resource temporarily unavailable', /has as many processes as it may have/],
    ['Error write: util.c:1 x: No space left on device', /a disk that firejail needs is full/],
    ['Error mkdir: util.c:1019 create_empty_dir_as_root: Read-only file system', /must write is read-only/],
  ];
  for (const [complaint, meaning] of complaints)
    it(`is known to mean something for ${JSON.stringify(complaint.slice(0, 60))}`, () => {
      const found = known(`${complaint}\nmore`);
      assert.ok(found);
      assert.match(found.message, meaning);
      assert.ok(found.message.endsWith(`(it said: ${complaint})`), found.message);
      assert.notEqual(found.hint, '');
    });

  it('is told as it is where it is not known', async () => {
    assert.equal(known('Error: something else'), undefined);
    const exit = { code: undefined, signal: undefined };
    const error = Object.assign(new Error('spawn prlimit ENOENT'), { code: 'ENOENT' });
    assert.equal((await whyEnded({ ...exit, error }, '', {})).message, 'prlimit is not installed');
    const busy = Object.assign(new Error('spawn prlimit EAGAIN'), { code: 'EAGAIN' });
    assert.match((await whyEnded({ ...exit, error: busy }, '', {})).message, /has as many processes as it may have/);
  });
});

describe('a host that firejail cannot work on is told', () => {
  it('of a version that is too old, and of none that is new enough or unknown', () => {
    const old = ['0.9.71', '0.9.44.8', '0.9', '0.8.99', '0'];
    const fit = ['0.9.72', '0.9.72rc1', '0.9.74', '0.10.0', '1.0', 'unknown', ''];
    assert.deepEqual([old.filter(isOld), fit.filter(isOld)], [old, []]);
  });

  it('of a process that may get no new privileges', () => {
    assert.throws(() => requirePrivileges('Name:\tnode\nNoNewPrivs:\t1\n'), {
      code: 'sandbox_unavailable',
      message: 'this process may get no new privileges, so firejail cannot become root',
    });
    requirePrivileges('Name:\tnode\nNoNewPrivs:\t0\n');
    requirePrivileges('Name:\tnode\n');
  });

  it('of a user without a home', () => {
    const user = { name: 'agent', uid: 1, gid: 1, home: '/nonexistent' };
    assert.throws(() => requireHome(user), {
      message: 'the user agent, who runs the commands, has no home: /nonexistent is no folder',
    });
    assert.throws(() => requireHome({ ...user, home: '/etc/passwd' }), { code: 'sandbox_unavailable' });
    requireHome({ ...user, home: '/tmp' });
  });

  it('of a firejail that is missing, or not set-uid root', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-fit-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const firejail = join(folder, 'firejail');
    await assert.rejects(checkFirejail({ firejail }), { message: 'firejail is not installed' });
    writeFileSync(firejail, '#!/bin/sh\necho firejail version 0.9.60\n', { mode: 0o755 });
    await assert.rejects(checkFirejail({ firejail }), {
      message: `${firejail} is not set-uid root, so it can make no sandbox`,
    });
    if (process.getuid?.() !== 0)
      return t.diagnostic('only root can make one that is: the run as root tries its version');
    chmodSync(firejail, 0o4755);
    await assert.rejects(checkFirejail({ firejail, user: { name: 'a', uid: 1, gid: 1, home: '/tmp' } }), {
      message: 'firejail 0.9.60 is too old: 0.9.72 is the oldest that works',
    });
  });

  it('of the mount that holds a path, the innermost', () => {
    const mounts = [
      '1 0 8:1 / / rw,relatime - ext4 /dev/a rw',
      '2 1 8:2 / /usr ro,nosuid - ext4 /dev/b ro',
      '3 2 8:3 / /usr/local rw - ext4 /dev/c rw',
      '',
    ].join('\n');
    assert.deepEqual(mountOf('/usr/bin/firejail', mounts), { at: '/usr', options: ['ro', 'nosuid'] });
    assert.deepEqual(mountOf('/usr/local/bin/firejail', mounts)?.at, '/usr/local');
    assert.deepEqual(mountOf('/usrs', mounts)?.at, '/');
    assert.equal(mountOf('/usr', ''), undefined);
  });
});
