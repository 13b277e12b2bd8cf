// Owns the proof that a patch becomes a new ref and nothing else happens.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { applyPatch } from '../../../src/publish/apply.ts';
import { coded, makeRepo, run, write } from '../workspace/repos.ts';
import { finished, REF } from './finished.ts';

describe('applying a patch', () => {
  it('makes a new ref on the recorded base and touches neither work tree nor index', async (t) => {
    const { repo, order } = await finished(t, { 'a.txt': 'one\n2\nthree\n' });
    write(repo, { 'later.txt': 'work goes on\n' });
    run(repo, 'commit', '--quiet', '--allow-empty', '-m', 'meanwhile');
    const index = statSync(join(repo, '.git', 'index')).mtimeMs;
    const status = run(repo, 'status', '--short');
    const applied = await applyPatch(order);
    assert.deepEqual(applied, {
      ref: REF,
      commit: run(repo, 'rev-parse', REF).trim(),
      base: order.origin.head,
      checkout: 'git switch caisson/fix',
      warnings: [],
    });
    assert.equal(run(repo, 'rev-parse', `${REF}^`).trim(), order.origin.head);
    assert.equal(run(repo, 'rev-parse', `${REF}^{tree}`).trim(), order.patch.resultTree);
    assert.equal(
      run(repo, 'log', '-1', '--format=%an %ae %at %s', REF),
      'Caisson caisson@localhost 1700000000 mend a\n',
    );
    assert.deepEqual(
      { index: statSync(join(repo, '.git', 'index')).mtimeMs, status: run(repo, 'status', '--short') },
      { index, status },
    );
    run(repo, 'fsck', '--strict');
  });

  it('is the same when it is done twice, and refuses a ref that is something else', async (t) => {
    const { repo, order } = await finished(t, { 'a.txt': 'changed\n' });
    const first = await applyPatch(order);
    assert.deepEqual(await applyPatch(order), first);
    await assert.rejects(applyPatch({ ...order, message: 'another\n' }), coded('ref_exists'));
    run(repo, 'branch', 'taken');
    await assert.rejects(applyPatch({ ...order, ref: 'refs/heads/taken/sub' }), coded('ref_exists', /taken/));
    await assert.rejects(applyPatch({ ...order, ref: 'refs/heads/a..b' }), coded('invalid_input'));
    await assert.rejects(applyPatch({ ...order, ref: 'refs/tags/x' }), coded('invalid_input'));
  });

  it('runs no hook, filter or monitor of the repository, nor one that the patch plants', async (t) => {
    const { root, repo, order } = await finished(t, {
      'hooks/reference-transaction': '#!/bin/sh\ntouch "$TRAP"\n',
      '.gitattributes': '* filter=evil\n',
    });
    const trap = join(root, 'trap');
    const evil = join(root, 'evil.sh');
    writeFileSync(evil, `#!/bin/sh\ntouch ${trap}\ncat\n`, { mode: 0o755 });
    for (const hook of ['reference-transaction', 'post-checkout', 'post-commit', 'pre-commit', 'post-index-change']) {
      write(join(repo, 'own-hooks'), { [hook]: `#!/bin/sh\ntouch ${trap}\n` });
      execFileSync('chmod', ['+x', join(repo, 'own-hooks', hook)]);
    }
    run(repo, 'config', 'core.hooksPath', join(repo, 'own-hooks'));
    run(repo, 'config', 'core.fsmonitor', evil);
    run(repo, 'config', 'filter.evil.clean', evil);
    const applied = await applyPatch(order);
    assert.equal(existsSync(trap), false);
    assert.deepEqual(order.patch.sensitivePaths, ['.gitattributes', 'hooks/reference-transaction']);
    assert.equal(applied.warnings.length, 2);
    run(repo, 'update-ref', 'refs/heads/control', 'HEAD');
    assert.ok(existsSync(trap), 'positive control: git itself runs the hook');
  });

  it('refuses when the base is gone, and when the patch would give another tree', async (t) => {
    const { root, order } = await finished(t, { 'a.txt': 'changed\n' });
    const other = makeRepo(join(root, 'other'), { 'z.txt': 'z\n' });
    await assert.rejects(applyPatch({ ...order, repo: other }), coded('repo_changed'));
    const forged = { ...order.patch, resultTree: order.origin.tree };
    await assert.rejects(applyPatch({ ...order, patch: forged }), coded('patch_refused', /checked/));
  });

  it('applies on HEAD what began with uncommitted changes elsewhere, and says how to go on where it cannot', async (t) => {
    const apart = await finished(t, { 'a.txt': 'one\n2\nthree\n' }, { dirty: { 'b.txt': 'dirty\n' } });
    const applied = await applyPatch(apart.order);
    assert.deepEqual(applied.warnings, [
      'the run began with uncommitted changes: the branch has only what the run changed, and it was checked together with them',
    ]);
    assert.equal(run(apart.repo, 'show', `${applied.commit}:b.txt`), 'b\n');
    assert.equal(run(apart.repo, 'show', `${applied.commit}:a.txt`), 'one\n2\nthree\n');
    const same = await finished(t, { 'a.txt': 'dirty\n2\n' }, { dirty: { 'a.txt': 'dirty\n' } });
    await assert.rejects(applyPatch(same.order), coded('patch_refused', /git apply/));
  });
});
