// What a git of ours runs with, and that none outlives its deadline.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  bytesOf,
  isGitName,
  parentOf,
  quote,
  quotePath,
  showPath,
  toBytePath,
} from '../../../src/workspace/byte-path.ts';
import { git, gitBytes, GitFailed } from '../../../src/workspace/git.ts';
import { coded, tempDir } from './repos.ts';

/** An alias that our own words define: the only way to look at the environment of what git starts. */
const shell = (command: string) => ['-c', `alias.look=!${command}`, 'look'];

function processesWith(mark: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(mark);
    } catch {
      return false;
    }
  });
}

describe('a git of ours', () => {
  it('has nothing of this process’s environment', async () => {
    process.env['CAISSON_TEST_MARK'] = 'secret';
    try {
      const { stdout } = await git(shell('env'));
      const names = stdout.split('\n').flatMap((line) => /^([A-Za-z_]\w*)=/.exec(line)?.[1] ?? []);
      const expected = /^(?:PATH|HOME|LC_ALL|PWD|OLDPWD|SHLVL|_|GIT_\w+)$/;
      assert.deepEqual(
        names.filter((name) => !expected.test(name)),
        [],
      );
      assert.match(stdout, /^HOME=\/nonexistent$/m);
    } finally {
      delete process.env['CAISSON_TEST_MARK'];
    }
  });

  it('and all it started are dead when it is aborted or late', async (t) => {
    const mark = `987${process.pid}`;
    const stop = new AbortController();
    const running = git(shell(`sh -c "sleep ${mark} & sleep ${mark}"`), { signal: stop.signal });
    while (processesWith(mark).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await assert.rejects(running, coded('conflict'));
    await assert.rejects(git(shell(`sleep ${mark}`), { deadlineMs: 200 }), /did not end in time/);
    while (processesWith(mark).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    t.diagnostic('no process is left');
  });

  it('is ended when it prints too much, with the beginning kept', async () => {
    const done = await gitBytes(shell('yes'), { outputBytes: 1000 });
    assert.deepEqual([done.cut, done.stdout.length], [true, 1000]);
    await assert.rejects(git(shell('yes'), { outputBytes: 1000 }), /more than is read/);
  });

  it('reads an open file from where it stands', async (t) => {
    const path = join(tempDir(t), 'file');
    writeFileSync(path, 'skipped|rest');
    const file = await open(path);
    await file.read(Buffer.alloc(8), 0, 8, null);
    assert.equal((await git(shell('cat'), { stdin: file.fd })).stdout, 'rest');
    await file.close();
  });

  it('that says no rejects with its words in one line, unless the exit code is expected', async () => {
    const failed = await git(['rev-parse', 'x'], { gitDir: '/nonexistent/git' }).catch((error: unknown) => error);
    assert.ok(failed instanceof GitFailed);
    assert.deepEqual([failed.code, failed.said], [128, "fatal: not a git repository: '/nonexistent/git'"]);
    assert.equal((await git(['check-ref-format', 'refs/heads/a..b'], { codes: [0, 1] })).code, 1);
  });

  it('tells a full disk from other mistakes', async () => {
    await assert.rejects(
      git(shell('echo "fatal: write error: No space left on device" >&2; exit 128')),
      coded('disk_full'),
    );
  });
});

describe('a path of bytes', () => {
  it('is shown as text when it is clean text, and quoted as git quotes otherwise', () => {
    const shown = (text: string | Buffer) =>
      showPath(typeof text === 'string' ? toBytePath(text) : text.toString('latin1'));
    assert.deepEqual(
      [
        shown('a b/ü.txt'),
        shown('a\nb'),
        shown('a"b'),
        shown('a\\b'),
        shown('\u001b[31m'),
        shown('a\u202eb'),
        shown(Buffer.from([0x61, 0xff])),
      ],
      ['a b/ü.txt', '"a\\012b"', '"a\\042b"', '"a\\134b"', '"\\033[31m"', '"a\\342\\200\\256b"', '"a\\377"'],
    );
  });

  it('keeps every byte on its way', () => {
    const all = Buffer.from(Array.from({ length: 255 }, (_, at) => at + 1));
    assert.deepEqual(bytesOf(all.toString('latin1')), all);
    assert.equal(quotePath('/tmp/a:b'), '"/tmp/a:b"');
    assert.equal(quote('a\r'), '"a\\015"');
    assert.deepEqual([parentOf('a/b/c'), parentOf('a')], ['a/b', '']);
  });

  it('is reserved by git in every spelling that some system takes for .git', () => {
    const reserved = ['.git', '.GIT', '.Git ', '.git.', '.git . .', '.git::$INDEX_ALLOCATION', 'GIT~1', 'git~1.'];
    const free = ['.gitignore', 'git', 'x.git', '.git2', 'git~2', '.github'];
    assert.deepEqual([reserved.filter((name) => !isGitName(name)), free.filter(isGitName)], [[], []]);
  });
});
