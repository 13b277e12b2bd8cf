// Owns the proof that a host on which no sandbox can be made is refused with the cause. The causes are real, where this user can make them.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { dedicatedUser, LIMITS, testSandbox, type TestSandbox } from './setup.ts';

const isRoot = process.getuid?.() === 0;
const HOST = new URL('unfit-host.ts', import.meta.url).pathname;

async function refusal(world: TestSandbox, box: string): Promise<readonly [string, string]> {
  const opened = await world.executor.open({ sandbox: 's', run: 'r', purpose: 'agent', box, limits: LIMITS });
  return opened.ok ? ['opened', ''] : [opened.error.code, opened.error.message];
}

/** What a service of its own is told that opens a sandbox, started by `words`. */
function toldTo(world: TestSandbox, box: string, words: readonly string[]): string {
  const { boxesRoot, canary, toolbox, hidden, user } = world.setup;
  const order = JSON.stringify({ boxesRoot, canary, toolbox, hidden, user, box });
  const [file, ...others] = [...words, process.execPath, HOST, order];
  const { stdout, stderr } = spawnSync(file ?? '', others, { encoding: 'utf8', cwd: '/' });
  return stdout + stderr;
}

/** A file system in memory on a folder; root only. */
function tmpfs(t: TestContext, options: string): string {
  const folder = mkdtempSync(join(dedicatedUser()?.home ?? tmpdir(), 'caisson-unfit-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', folder]);
  t.after(() => {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

describe('a sandbox is refused with the cause', () => {
  it('under no-new-privileges; without it the same service opens one', async (t) => {
    const world = await testSandbox(t);
    assert.match(toldTo(world, world.newBox('control'), []), /^opened/, 'positive control');
    assert.match(
      toldTo(world, world.newBox('limited'), ['setpriv', '--no-new-privs']),
      /^sandbox_unavailable: this process may get no new privileges, so firejail cannot become root \(it said: /,
    );
  });

  it('where the user of the commands has no home', async (t) => {
    if (!isRoot) return t.diagnostic('only root can run commands as another user: the run as root has it');
    const real = dedicatedUser();
    assert.ok(real !== undefined);
    const world = await testSandbox(t, { user: { ...real, home: '/nonexistent' } });
    const [code, message] = await refusal(world, world.newBox('homeless'));
    assert.equal(code, 'sandbox_unavailable');
    assert.match(message, /^the user caisson, who runs the commands, has no home: \/nonexistent is no folder/);
  });

  it('where the process is of no user', async (t) => {
    const world = await testSandbox(t);
    if (!isRoot) return t.diagnostic('only root can be somebody else: the run as root has it');
    const nobody = ['--reuid=54321', '--regid=54321', '--clear-groups'];
    const { boxesRoot, canary, toolbox, hidden } = world.setup;
    const order = JSON.stringify({ boxesRoot, canary, toolbox, hidden, box: world.newBox('nobody') });
    const { stdout } = spawnSync('setpriv', [...nobody, process.execPath, HOST, order], { encoding: 'utf8', cwd: '/' });
    assert.match(stdout, /^sandbox_unavailable: the uid 54321 of this process is of no user/);
  });

  it('where the disk of the boxes is full, and where it is read-only', async (t) => {
    if (!isRoot) return t.diagnostic('only root can make such a disk: the run as root has it');
    const folder = tmpfs(t, 'size=1m,nr_inodes=1000,mode=711');
    const world = await testSandbox(t, { boxesRoot: folder });
    const [first, second] = [world.newBox('full'), world.newBox('read-only')];
    assert.throws(() => writeFileSync(join(folder, 'fill'), Buffer.alloc(4 * 1024 * 1024)), { code: 'ENOSPC' });
    const [code, message] = await refusal(world, first);
    assert.equal(code, 'disk_full', message);
    assert.match(message, /^the disk that holds the boxes of sandboxes is full: ENOSPC/);
    rmSync(join(folder, 'fill'));
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const [readOnly, why] = await refusal(world, second);
    assert.equal(readOnly, 'data_dir_unusable', why);
    assert.match(why, /^the boxes of sandboxes cannot be written: EROFS/);
  });
});
