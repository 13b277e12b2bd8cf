// Owns the proof that a snapshot is the work tree by content whatever happens in it meanwhile, and reads only what may have changed.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Limits, LIMITS } from '../../../../src/base/limits.ts';
import { createSnapshots } from '../../../../src/workspace/snapshots/take.ts';
import { coded, run, workspace, write } from '../repos.ts';

const GOING = new AbortController().signal;
/** After that a file counts as settled. */
const SETTLED_MS = 150;

async function scene(t: TestContext, files: Readonly<Record<string, string | Buffer>>, limits: Limits = LIMITS) {
  const { paths, packed, patch, root } = await workspace(t, files);
  const snapshots = createSnapshots({ paths, base: packed.tree, limits });
  const take = async () => {
    const taken = await snapshots.take(GOING);
    assert.ok(taken !== undefined);
    return taken;
  };
  const list = (tree: string) =>
    run(paths.git, '--git-dir', paths.git, 'ls-tree', '-r', '-z', '--name-only', tree).split('\0').slice(0, -1);
  const show = (tree: string, path: string) =>
    run(paths.git, '--git-dir', paths.git, 'cat-file', 'blob', `${tree}:${path}`);
  return { root, work: paths.work, git: paths.git, base: packed.tree, snapshots, take, list, show, patch };
}

describe('a snapshot', () => {
  it('of an untouched work tree is the base, and no path has changed', async (t) => {
    const { base, take } = await scene(t, { 'a.txt': 'x\n', 'dir/b.txt': 'y\n' });
    assert.deepEqual(await take(), { tree: base, changed: 0 });
  });

  it('is the tree that a patch would have, and says how many paths have changed since the one before', async (t) => {
    const { work, take, patch } = await scene(t, { 'a.txt': 'x\n', 'b/c.txt': 'y\n', 'run.sh': 'true\n' });
    write(work, { 'a.txt': 'changed\n', 'new/deep/file.txt': 'n\n' });
    rmSync(join(work, 'b'), { recursive: true });
    chmodSync(join(work, 'run.sh'), 0o755);
    symlinkSync('/etc/passwd', join(work, 'link'));
    assert.deepEqual(await take(), { tree: (await patch()).resultTree, changed: 5 });
    assert.deepEqual((await take()).changed, 0);
    write(work, { 'a.txt': 'again\n' });
    assert.deepEqual(await take(), { tree: (await patch()).resultTree, changed: 1 });
  });

  it('is right after any row of changes: the same tree as one that reads everything', async (t) => {
    const { work, take, patch } = await scene(t, {
      'a/1': '1',
      'a/2': '2',
      'b/c/3': '3',
      '4': '4',
      '.gitignore': '*.o\n',
    });
    const random = dice(7);
    for (let round = 0; round < 12; round += 1) {
      for (let change = 0; change < 6; change += 1) changeSomething(work, random);
      if (round % 3 === 0) await delay(SETTLED_MS);
      const { tree } = await take();
      assert.equal(tree, (await patch()).resultTree, `round ${round}`);
    }
  });

  it('sees a change that keeps size and time', async (t) => {
    const { work, take, show } = await scene(t, { 'a.txt': 'one\n' });
    const path = join(work, 'a.txt');
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    await delay(SETTLED_MS);
    await take();
    writeFileSync(path, 'two\n');
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const { tree, changed } = await take();
    assert.deepEqual({ text: show(tree, 'a.txt'), changed }, { text: 'two\n', changed: 1 });
  });

  it('sees a change that keeps size and time within the tick of the clock in which the file was read', async (t) => {
    const { work, take, show } = await scene(t, { 'a.txt': 'one\n' });
    const path = join(work, 'a.txt');
    for (const text of ['two\n', 'thr\n', 'fou\n', 'fiv\n']) {
      writeFileSync(path, text);
      utimesSync(path, 1_700_000_000, 1_700_000_000);
      assert.equal(show((await take()).tree, 'a.txt'), text);
    }
  });

  it('sees another file of the same size and time that was moved into the place', async (t) => {
    const { work, take, show } = await scene(t, { 'a.txt': 'one\n' });
    const [path, other] = [join(work, 'a.txt'), join(work, '..', 'home', 'other')];
    writeFileSync(other, 'two\n');
    for (const file of [path, other]) utimesSync(file, 1_700_000_000, 1_700_000_000);
    await delay(SETTLED_MS);
    await take();
    renameSync(other, path);
    assert.equal(show((await take()).tree, 'a.txt'), 'two\n');
  });

  it('gives up at once when it is called off, and the next one is right', async (t) => {
    const { work, snapshots, take, patch } = await scene(t, { 'a.txt': 'x\n' });
    write(work, Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`many/${at}`, `${at}`])));
    const stop = new AbortController();
    const taking = snapshots.take(stop.signal);
    stop.abort();
    assert.equal(await taking, undefined);
    assert.deepEqual(await take(), { tree: (await patch()).resultTree, changed: 300 });
  });

  it('leaves out what .gitignore names, also after .gitignore has changed', async (t) => {
    const { work, take, list } = await scene(t, { '.gitignore': '*.log\n', 'a.txt': 'x\n' });
    write(work, { 'one.log': '1', 'two.tmp': '2' });
    assert.deepEqual(list((await take()).tree), ['.gitignore', 'a.txt', 'two.tmp']);
    assert.deepEqual(list((await take()).tree), ['.gitignore', 'a.txt', 'two.tmp'], 'remembered');
    write(work, { '.gitignore': '*.tmp\n' });
    assert.deepEqual(list((await take()).tree), ['.gitignore', 'a.txt', 'one.log']);
  });

  it('takes files that are too large for the memory, and stops at the limit of new content', async (t) => {
    const limits = { ...LIMITS, snapshotBytes: 4_000_000 };
    const { work, take, patch } = await scene(t, { 'a.txt': 'x\n' }, limits);
    writeFileSync(join(work, 'large'), Buffer.alloc(3_000_000, 'l'));
    assert.equal((await take()).tree, (await patch()).resultTree);
    writeFileSync(join(work, 'more'), Buffer.alloc(3_000_000, 'm'));
    await assert.rejects(take(), coded('snapshot_failed', /snapshot_bytes/));
  });

  it('refuses a work tree that has grown over the limit of files', async (t) => {
    const { work, take } = await scene(t, { 'a.txt': 'x\n' }, { ...LIMITS, repositoryFiles: 20 });
    write(work, Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`many/${at}`, `${at}`])));
    await assert.rejects(take(), coded('snapshot_failed', /repository_files/));
  });
});

describe('a snapshot under attack', () => {
  it('follows no link, blocks at no pipe, and carries no .git of any spelling', async (t) => {
    const { root, work, take, list } = await scene(t, { 'a.txt': 'x\n', 'dir/b.txt': 'y\n' });
    write(root, { 'secret/b.txt': 'SECRET\n' });
    rmSync(join(work, 'dir'), { recursive: true });
    symlinkSync(join(root, 'secret'), join(work, 'dir'));
    execFileSync('mkfifo', [join(work, 'pipe')]);
    symlinkSync('/dev/zero', join(work, 'zero'));
    write(work, { 'x/.git/config': 'c', 'y/.GIT/config': 'c', 'z/.g\u200cit/config': 'c', 'new\nline': 'n' });
    const { tree } = await take();
    assert.deepEqual(list(tree), ['a.txt', 'dir', 'new\nline', 'zero']);
  });

  it('reads nothing outside while a directory and a link change places all the time', async (t) => {
    const { root, work, git, take } = await scene(t, { 'dir/b.txt': 'y\n', 'a.txt': 'x\n' });
    write(root, { 'secret/b.txt': 'SECRET OF THE HOST\n' });
    symlinkSync(join(root, 'secret'), join(work, 'other'));
    const secret = run(root, 'hash-object', join(root, 'secret', 'b.txt')).trim();
    const swapper = spawn('python3', ['-c', SWAP, join(work, 'dir'), join(work, 'other')], { stdio: 'ignore' });
    let leaked = 0;
    for (let round = 0; round < 150; round += 1) {
      writeFileSync(join(work, 'a.txt'), `${round}`);
      await take();
      if (readsSecret(join(work, 'dir', 'b.txt'))) leaked += 1;
    }
    await ended(swapper);
    assert.ok(leaked > 0, 'the positive control: who reads by path reads the secret');
    assert.throws(() => run(git, '--git-dir', git, 'cat-file', '-e', secret), 'the secret is no object of the run');
  });

  it('is no wider than a file that shrinks or grows while it is read', async (t) => {
    const { work, take, patch } = await scene(t, { 'a.bin': Buffer.alloc(200_000, 'a') });
    const path = join(work, 'a.bin');
    const script = `import os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\nwhile True:\n os.ftruncate(f,10)\n os.ftruncate(f,900000)`;
    const changer = spawn('python3', ['-c', script, path], { stdio: 'ignore' });
    for (let round = 0; round < 30; round += 1) await take();
    await ended(changer);
    await delay(SETTLED_MS);
    truncateSync(path, 5);
    assert.equal((await take()).tree, (await patch()).resultTree);
  });
});

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const SWAP = `import os,sys,ctypes
c=ctypes.CDLL(None)
a,b=(x.encode() for x in sys.argv[1:])
while True: c.renameat2(-100,a,-100,b,2)`;

function readsSecret(path: string): boolean {
  for (let tries = 0; tries < 20; tries += 1)
    try {
      if (readFileSync(path, 'utf8').startsWith('SECRET')) return true;
    } catch {
      // It was just being swapped.
    }
  return false;
}

/** The same numbers for the same seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * sides);
  };
}

const NAMES = ['a', 'b', 'c', '1', '2', '3', '4', 'x.o', 'a/1', 'a/2', 'b/c/3', 'b/c', 'b/d/e', 'a/.gitignore'];

function changeSomething(work: string, random: (sides: number) => number): void {
  const path = join(work, NAMES[random(NAMES.length)] ?? 'a');
  rmSync(path, { recursive: true, force: true });
  const kind = random(4);
  if (kind === 0) return;
  for (let at = dirname(path); at !== work; at = dirname(at)) if (isFile(at)) rmSync(at);
  mkdirSync(dirname(path), { recursive: true });
  if (kind === 1) symlinkSync(`target-${random(3)}`, path);
  else writeFileSync(path, `${random(5)}\n`, { mode: random(2) === 0 ? 0o644 : 0o755 });
}

function isFile(path: string): boolean {
  try {
    return !lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}
