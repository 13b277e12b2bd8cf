// Owns the proof that a set-up is kept and laid by content, that nothing in it leads out of a box, and that damage is noticed. Real files.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Kept, keepSetup } from '../../../../src/workspace/setup/keep.ts';
import { laySetup } from '../../../../src/workspace/setup/lay.ts';
import { objectPath, readManifest } from '../../../../src/workspace/setup/manifest.ts';

const LIMITS = { maxFiles: 100, maxBytes: 10 * 1024 * 1024 };
const LARGE = Buffer.alloc(1024 * 1024 + 1, 7);
const OLD = new Date('2020-02-02T02:02:02Z');

interface Place {
  readonly top: string;
  readonly newBox: (files?: Readonly<Record<string, string | Buffer>>) => string;
  readonly keep: (
    box: string,
    known?: readonly string[],
    limits?: Partial<typeof LIMITS>,
  ) => Kept & { readonly entry: string };
}

function place(t: TestContext): Place {
  const top = mkdtempSync(join(tmpdir(), 'caisson-laying-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  let count = 0;
  return {
    top,
    newBox: (files = {}) => {
      const box = join(top, `box-${(count += 1)}`);
      for (const name of ['work', 'home']) mkdirSync(join(box, name), { recursive: true });
      for (const [path, content] of Object.entries(files)) put(join(box, path), content);
      return box;
    },
    keep: (box, known = [], limits = {}) => {
      const entry = join(top, `entry-${(count += 1)}`);
      mkdirSync(join(entry, 'objects'), { recursive: true });
      return { ...keepSetup({ box, entry, known, ...LIMITS, ...limits }), entry };
    },
  };
}

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const lay = (kept: Kept & { readonly entry: string }, box: string) =>
  laySetup({ entry: kept.entry, manifest: kept.manifest, box });

test('what is new is kept with its content, bits and times, whether small or large; what the repository has is not', (t) => {
  const { newBox, keep } = place(t);
  const files = {
    'work/package.json': 'changed',
    'work/lib/own.js': 'own',
    'work/lib/new.js': 'new',
    'home/note': 'n',
  };
  const box = newBox({
    ...files,
    'work/modules/a/run.sh': 'echo',
    'work/modules/a/copy.sh': 'echo',
    'home/big': LARGE,
  });
  chmodSync(join(box, 'work/modules/a/run.sh'), 0o755);
  utimesSync(join(box, 'work/modules/a/run.sh'), OLD, OLD);
  symlinkSync('a/run.sh', join(box, 'work/modules/link'));
  const kept = keep(box, ['package.json', 'lib/own.js']);
  const { files: found, tops, leftOut } = kept;
  assert.deepEqual({ found, tops, leftOut }, { found: 8, tops: ['lib/new.js', 'modules'], leftOut: 0 });
  assert.equal(kept.bytes, LARGE.length + 'new'.length + 'n'.length + 2 * 'echo'.length);
  const next = newBox({ 'work/package.json': 'base', 'work/lib/own.js': 'base' });
  assert.deepEqual(lay(kept, next), { files: 8, bytes: kept.bytes, skipped: 0 });
  const text = (path: string) => readFileSync(join(next, path), 'utf8');
  assert.deepEqual(
    ['work/package.json', 'work/lib/own.js', 'work/lib/new.js', 'home/note', 'work/modules/link'].map(text),
    ['base', 'base', 'new', 'n', 'echo'],
  );
  assert.ok(readFileSync(join(next, 'home/big')).equals(LARGE));
  const { mode, mtimeMs } = statSync(join(next, 'work/modules/a/run.sh'));
  assert.deepEqual([mode & 0o777, mtimeMs], [0o755, OLD.getTime()]);
  assert.equal(statSync(join(next, 'work/modules/a/copy.sh')).mode & 0o777, 0o644);
  assert.equal(readlinkSync(join(next, 'work/modules/link')), 'a/run.sh');
});

test('no copy shares a file with the entry or with another copy', (t) => {
  const { newBox, keep } = place(t);
  const kept = keep(newBox({ 'work/deps/a': 'one', 'home/big': LARGE }));
  const [first, second] = [newBox(), newBox()];
  lay(kept, first);
  writeFileSync(join(first, 'work/deps/a'), 'tampered');
  truncateSync(join(first, 'home/big'), 1);
  lay(kept, second);
  assert.equal(readFileSync(join(second, 'work/deps/a'), 'utf8'), 'one');
  assert.equal(statSync(join(second, 'home/big')).size, LARGE.length);
});

test('links that lead out are kept as links and never followed; pipes are left out; a repository of its own is not kept', (t) => {
  const { top, newBox, keep } = place(t);
  put(join(top, 'secret', 'key'), 'secret');
  const box = newBox({ 'work/.git/config': 'x', 'work/deps/.git/config': 'kept' });
  symlinkSync(join(top, 'secret'), join(box, 'work/deps/out'));
  symlinkSync(join(top, 'secret', 'key'), join(box, 'home/key'));
  execFileSync('mkfifo', [join(box, 'work/deps/pipe')]);
  const kept = keep(box);
  assert.equal(kept.leftOut, 1);
  assert.deepEqual(
    readManifest(kept.entry, kept.manifest).map(({ kind, path }) => `${kind} ${path}`),
    [
      'directory work/deps',
      'directory work/deps/.git',
      'file work/deps/.git/config',
      'link work/deps/out',
      'link home/key',
    ],
  );
  const next = newBox();
  lay(kept, next);
  assert.ok(lstatSync(join(next, 'work/deps/out')).isSymbolicLink());
  assert.deepEqual(readdirSync(join(top, 'secret')), ['key']);
});

test('attack: a repository with a link in the place of a folder of the set-up; nothing is written where it leads', (t) => {
  const { top, newBox, keep } = place(t);
  const kept = keep(newBox({ 'work/deps/evil': 'x', 'work/sub/deps/evil': 'x', 'home/.cache/evil': 'x' }), [
    'sub/file',
  ]);
  const target = join(top, 'target');
  mkdirSync(target);
  // The control: without the link it is written.
  const plain = newBox();
  assert.deepEqual(lay(kept, plain), { files: 6, bytes: 3, skipped: 0 });
  assert.ok(existsSync(join(plain, 'work/sub/deps/evil')));
  const box = newBox();
  symlinkSync(target, join(box, 'work/deps'));
  symlinkSync(target, join(box, 'work/sub'));
  symlinkSync(target, join(box, 'home/.cache'));
  assert.deepEqual(lay(kept, box), { files: 0, bytes: 0, skipped: 6 });
  assert.deepEqual(readdirSync(target), []);
});

test('what the tree of a run has already stays: a file, a link, a folder in the place of a file', (t) => {
  const { newBox, keep } = place(t);
  const kept = keep(newBox({ 'work/a': 'set-up', 'work/b': 'set-up', 'work/c': 'set-up', 'work/d': 'set-up' }));
  const box = newBox({ 'work/a': 'tree', 'work/c/inner': 'tree' });
  symlinkSync('a', join(box, 'work/b'));
  assert.deepEqual(lay(kept, box), { files: 1, bytes: 6, skipped: 3 });
  assert.equal(readFileSync(join(box, 'work/a'), 'utf8'), 'tree');
  assert.equal(readFileSync(join(box, 'work/d'), 'utf8'), 'set-up');
});

test('each ceiling is kept with its name', (t) => {
  const { newBox, keep } = place(t);
  const box = newBox({ 'work/a': 'one', 'work/b': 'two', 'home/c': 'three' });
  const failed = (message: string) => ({ code: 'setup_failed', message });
  assert.throws(
    () => keep(box, [], { maxFiles: 2 }),
    failed('the set-up left more than 2 files and directories (limits.setup_files)'),
  );
  assert.throws(() => keep(box, [], { maxBytes: 8 }), failed('the set-up left more than 8 bytes (limits.setup_bytes)'));
  const many = newBox(Object.fromEntries(Array.from({ length: 2001 }, (_, at) => [`work/f${at}`, ''])));
  assert.throws(
    () => keep(many, [], { maxFiles: 5000 }),
    failed('the set-up left more than 2000 new paths beside the files of the repository'),
  );
});

test('damage is noticed before a byte of it is left in a box: other content, less, none, another list', (t) => {
  const { newBox, keep } = place(t);
  const kept = keep(newBox({ 'work/small': 'small', 'home/large': LARGE }));
  const items = readManifest(kept.entry, kept.manifest);
  const objects = items.flatMap((item) => (item.kind === 'file' ? [objectPath(kept.entry, item.hash)] : []));
  assert.equal(objects.length, 2);
  for (const [at, object] of objects.entries()) {
    const good = readFileSync(object);
    chmodSync(object, 0o600);
    for (const damage of [
      () => writeFileSync(object, Buffer.concat([good.subarray(1), Buffer.from('x')])),
      () => truncateSync(object, 1),
      () => rmSync(object),
    ]) {
      damage();
      const box = newBox();
      assert.throws(() => lay(kept, box), { code: 'setup_damaged' });
      assert.equal(existsSync(join(box, at === 0 ? 'work/small' : 'home/large')), false);
      writeFileSync(object, good);
    }
  }
  assert.equal(lay(kept, newBox()).skipped, 0);
  chmodSync(join(kept.entry, 'manifest'), 0o600);
  writeFileSync(join(kept.entry, 'manifest'), `${JSON.stringify({ kind: 'link', path: 'work/x', target: '/' })}\n`);
  assert.throws(() => lay(kept, newBox()), { code: 'setup_damaged' });
});

test('names of any bytes come through', (t) => {
  const { newBox, keep } = place(t);
  const box = newBox();
  const name = Buffer.concat([Buffer.from(join(box, 'work/')), Buffer.from([0xff, 0x0a, 0x20, 0xc3])]);
  writeFileSync(name, 'odd');
  const kept = keep(box);
  assert.deepEqual(kept.tops, ['\u00ff\n \u00c3']);
  const next = newBox();
  lay(kept, next);
  assert.deepEqual(readdirSync(join(next, 'work'), { encoding: 'latin1' }), ['\u00ff\n \u00c3']);
});
