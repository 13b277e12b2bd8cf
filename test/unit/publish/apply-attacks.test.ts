// Named attacks on the one who applies a patch, repositories of every shape, and names that are none.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import { applyPatch } from '../../../src/publish/apply.ts';
import { coded, fingerprint, makeRepo, makeTrap, run, write } from '../workspace/repos.ts';
import { finished, REF } from './finished.ts';

const CHANGE = { 'a.txt': 'one\n2\nthree\n' };

describe('applying to a hostile repository', () => {
  it('runs nothing that its configuration names, and changes nothing but objects, the new ref and its log', async (t) => {
    const { root, repo, order } = await finished(t, CHANGE);
    const trap = makeTrap(root);
    const config = [
      `[core]\n\tfsmonitor = ${trap.script}\n\thooksPath = ${root}\n\tsshCommand = ${trap.script}\n\tpager = ${trap.script}`,
      `[filter "evil"]\n\tclean = ${trap.script}\n\tsmudge = ${trap.script}\n\tprocess = ${trap.script}\n\trequired = true`,
      `[diff]\n\texternal = ${trap.script}\n[gpg]\n\tprogram = ${trap.script}\n[commit]\n\tgpgSign = true\n[user]\n\tsigningKey = x`,
      `[alias]\n\tupdate-ref = !${trap.script}\n\tapply = !${trap.script}\n[gc]\n\tauto = 1\n`,
    ].join('\n');
    appendFileSync(join(repo, '.git', 'config'), config);
    for (const hook of [
      'reference-transaction',
      'post-index-change',
      'applypatch-msg',
      'post-applypatch',
      'pre-auto-gc',
      'update',
    ])
      writeFileSync(join(root, hook), `#!/bin/sh\nexec ${trap.script}\n`, { mode: 0o755 });
    write(repo, { '.git/info/attributes': '* filter=evil diff=evil\n' });
    const watched = () =>
      [
        'a.txt',
        'b.txt',
        '.git/index',
        '.git/HEAD',
        '.git/config',
        '.git/refs/heads/main',
        '.git/logs/HEAD',
        '.git/logs/refs/heads/main',
      ]
        .map((name) =>
          execFileSync('sh', ['-c', 'stat -c "%n %y %s %a" "$1"; sha256sum "$1"', 'x', join(repo, name)], {
            encoding: 'utf8',
          }),
        )
        .join('');
    const before = watched();
    await applyPatch(order);
    assert.deepEqual([trap.sprung(), watched()], [false, before]);
    assert.deepEqual(readdirSync(join(repo, '.git', 'refs', 'heads')).sort(), ['caisson', 'main']);
    assert.throws(() => run(repo, 'update-ref', 'refs/heads/control', 'HEAD'));
    assert.equal(trap.sprung(), true, 'positive control: git itself runs the hook');
  });

  it('asks no remote for the base that is not there', async (t) => {
    const { root, order } = await finished(t, CHANGE);
    const trap = makeTrap(root);
    const other = makeRepo(join(root, 'other'), { 'z.txt': 'z\n' });
    run(other, 'config', 'core.repositoryFormatVersion', '1');
    run(other, 'config', 'extensions.partialClone', 'origin');
    run(other, 'config', 'remote.origin.url', join(root, 'repo'));
    run(other, 'config', 'remote.origin.promisor', 'true');
    run(other, 'config', 'remote.origin.uploadpack', trap.script);
    await assert.rejects(applyPatch({ ...order, repo: other }), coded('repo_changed'));
    assert.equal(trap.sprung(), false);
    assert.throws(() => run(other, 'cat-file', '-e', order.origin.head));
    assert.equal(trap.sprung(), true, 'positive control: git itself asks');
  });

  it('refuses a patch whose text is not what was hashed, that is empty, or that writes outside of the repository', async (t) => {
    const { root, repo, order } = await finished(t, CHANGE);
    const before = fingerprint(repo);
    const withText = (text: string) => ({ ...order, patch: { ...order.patch, text, hash: sha256(text) } });
    const added = (path: string) =>
      withText(
        `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`,
      );
    await assert.rejects(
      applyPatch({ ...order, patch: { ...order.patch, text: `${order.patch.text} ` } }),
      coded('patch_refused', /hash/),
    );
    await assert.rejects(applyPatch(withText('')), coded('patch_refused', /nothing/));
    for (const path of ['../out.txt', '.git/hooks/pre-commit', 'x/.git/config', 'GIT~1/config'])
      await assert.rejects(applyPatch(added(path)), coded('patch_refused', /does not fit|invalid/), path);
    const dirty = { ...order.origin, tree: order.patch.resultTree };
    await assert.rejects(applyPatch({ ...added('.git/hooks/x'), origin: dirty }), coded('patch_refused'));
    assert.deepEqual([existsSync(join(root, 'out.txt')), fingerprint(repo) === before], [false, true]);
    assert.equal((await applyPatch({ ...added('fine.txt'), origin: dirty })).ref, REF, 'positive control');
  });

  it('leaves no folder behind, also when it is refused', async (t) => {
    const { root, order } = await finished(t, CHANGE);
    const tmp = join(root, 'tmp');
    write(root, { 'order.json': JSON.stringify(order), 'tmp/.keep': '' });
    const child = [
      "import { readFileSync } from 'node:fs';",
      `import { applyPatch } from ${JSON.stringify(join(import.meta.dirname, '../../../src/publish/apply.ts'))};`,
      `const order = JSON.parse(readFileSync(${JSON.stringify(join(root, 'order.json'))}, 'utf8'));`,
      "await applyPatch({ ...order, ref: 'refs/heads/main' }).catch(() => {});",
      'await applyPatch(order);',
    ].join('\n');
    execFileSync(process.execPath, ['--input-type=module-typescript', '--eval', child], { env: { TMPDIR: tmp } });
    assert.deepEqual(readdirSync(tmp), ['.keep']);
    assert.match(run(order.repo, 'log', '-1', '--format=%s', REF), /mend a/);
  });

  it('says so when the repository cannot be written to', async (t) => {
    // Root may write everywhere: then there is nothing to refuse.
    const { repo, order } = await finished(t, CHANGE);
    chmodSync(join(repo, '.git', 'objects'), 0o555);
    const outcome = await applyPatch(order).catch((error: unknown) => error);
    chmodSync(join(repo, '.git', 'objects'), 0o755);
    if (process.getuid?.() === 0) assert.deepEqual((outcome as { ref: string }).ref, REF);
    else assert.ok(coded('patch_refused', /cannot take the commit in/)(outcome));
  });
});

describe('applying to repositories of every shape', () => {
  const shapes: Readonly<Record<string, (repo: string, root: string) => string>> = {
    'a linked worktree': (repo, root) => {
      run(repo, 'worktree', 'add', '--quiet', '--detach', join(root, 'shape'));
      return join(root, 'shape');
    },
    'a shallow clone': (repo, root) => {
      run(repo, 'commit', '--quiet', '--allow-empty', '-m', 'second');
      run(root, 'clone', '--quiet', '--depth=1', `file://${repo}`, 'shape');
      return join(root, 'shape');
    },
    'a clone that borrows its objects': (repo, root) => {
      run(root, 'clone', '--quiet', '--shared', repo, 'shape');
      return join(root, 'shape');
    },
    'a partial, sparse clone': (repo, root) => {
      write(repo, { 'out/deep/c.txt': 'c\n', 'in/d.txt': 'd\n' });
      run(repo, 'add', '--all');
      run(repo, 'commit', '--quiet', '-m', 'second');
      run(repo, 'config', 'uploadpack.allowFilter', 'true');
      run(root, 'clone', '--quiet', '--filter=blob:none', `file://${repo}`, 'shape');
      run(join(root, 'shape'), 'sparse-checkout', 'set', '--cone', 'in');
      return join(root, 'shape');
    },
    'a SHA-256 repository': (_, root) => {
      run(root, 'init', '--quiet', '--object-format=sha256', 'shape');
      return makeRepo(join(root, 'shape'), { 'a.txt': 'one\ntwo\nthree\n', 'b.txt': 'b\n' });
    },
    'a repository with packed refs and packs': (repo) => {
      run(repo, 'pack-refs', '--all');
      run(repo, 'repack', '-adq');
      return repo;
    },
  };
  for (const [name, shape] of Object.entries(shapes))
    it(`works for ${name}, twice`, async (t) => {
      const { repo, order } = await finished(t, CHANGE, { shape });
      const status = run(repo, 'status', '--short');
      const applied = await applyPatch(order);
      run(repo, 'pack-refs', '--all');
      assert.deepEqual(await applyPatch(order), applied);
      assert.deepEqual(
        [
          run(repo, 'show', `${REF}:a.txt`),
          run(repo, 'rev-parse', `${REF}^{tree}`).trim(),
          run(repo, 'status', '--short'),
        ],
        [CHANGE['a.txt'], order.patch.resultTree, status],
      );
      run(repo, 'fsck', '--connectivity-only', applied.commit);
    });

  it('works from a directory inside, while HEAD is elsewhere and the index is locked', async (t) => {
    const { repo, order } = await finished(t, CHANGE);
    write(repo, { 'sub/x.txt': 'x', '.git/index.lock': '' });
    run(repo, 'symbolic-ref', 'HEAD', 'refs/heads/unborn');
    assert.equal((await applyPatch({ ...order, repo: join(repo, 'sub') })).base, order.origin.head);
  });
});

describe('the name of the new ref', () => {
  it('is refused where it is no branch, or where a terminal or a command line would take it for something else', async (t) => {
    const { repo, order } = await finished(t, CHANGE);
    const before = fingerprint(repo);
    const names = [
      '',
      'HEAD',
      '-f',
      'a b',
      'a\nb',
      'a..b',
      'a.lock',
      '/a',
      'a/',
      'a//b',
      '@{-1}',
      'a~1',
      '\u001b[31mred',
      'a\u202eb',
      '../../../hooks/x',
    ];
    for (const name of names)
      await assert.rejects(
        applyPatch({ ...order, ref: `refs/heads/${name}` }),
        coded('invalid_input'),
        JSON.stringify(name),
      );
    for (const ref of ['refs/tags/x', 'HEAD', 'main', 'refs/heads', 'refs/remotes/origin/x', 'REFS/HEADS/x'])
      await assert.rejects(applyPatch({ ...order, ref }), coded('invalid_input'), ref);
    assert.equal(fingerprint(repo), before);
  });

  it('is quoted in the command that is shown, so that pasting it runs nothing else', async (t) => {
    const { root, repo, order } = await finished(t, CHANGE);
    const touch = 'touch${IFS}pwned';
    const name = `x;${touch};$(${touch});'\`${touch}\`'&${touch}`;
    const { checkout } = await applyPatch({ ...order, ref: `refs/heads/${name}` });
    execFileSync('sh', ['-c', checkout], {
      cwd: repo,
      env: { PATH: process.env['PATH'], HOME: root },
      stdio: 'ignore',
    });
    assert.deepEqual([run(repo, 'branch', '--show-current').trim(), existsSync(join(repo, 'pwned'))], [name, false]);
  });

  it('is refused where a branch is in the way, above or below, loose or packed; a neighbour is none', async (t) => {
    const { repo, order } = await finished(t, CHANGE);
    run(repo, 'branch', 'taken');
    run(repo, 'branch', 'deep/er/one');
    for (const round of ['loose', 'packed']) {
      await assert.rejects(
        applyPatch({ ...order, ref: 'refs/heads/main' }),
        coded('ref_exists', /main is there/),
        round,
      );
      await assert.rejects(
        applyPatch({ ...order, ref: 'refs/heads/taken/x/y' }),
        coded('ref_exists', /heads\/taken is/),
        round,
      );
      await assert.rejects(
        applyPatch({ ...order, ref: 'refs/heads/deep' }),
        coded('ref_exists', /deep\/er\/one/),
        round,
      );
      run(repo, 'pack-refs', '--all');
    }
    assert.equal((await applyPatch({ ...order, ref: 'refs/heads/deep/er/two' })).checkout, 'git switch deep/er/two');
    assert.equal((await applyPatch({ ...order, ref: 'refs/heads/tak' })).ref, 'refs/heads/tak');
  });
});
