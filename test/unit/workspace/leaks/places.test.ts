// Owns the proof that people are told where a secret stands, in a repository and in a patch, and nothing of the secret.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LIMITS } from '../../../../src/base/limits.ts';
import { secretsOfPatch } from '../../../../src/workspace/leaks/of-patch.ts';
import { secretsOfTree } from '../../../../src/workspace/leaks/of-tree.ts';
import { listTree } from '../../../../src/workspace/tree.ts';
import { workspace, write } from '../repos.ts';
import { drawn, POSITIVES } from './samples.ts';

const TOKEN = `ghp_${drawn(36, 1)}`;
const OTHER = `nvapi-${drawn(64, 2)}`;
const KEY = POSITIVES.find(({ kind }) => kind === 'private key')?.secret ?? '';
const GOING = new AbortController().signal;

describe('secrets of a patch', () => {
  it('are those that it adds, with their line in the new file', async (t) => {
    const { paths, patch } = await workspace(t, {
      'old.env': `A=1\nTOKEN=${TOKEN}\nB=2\n`,
      'code.js': 'x\n'.repeat(50),
      'gone.env': `TOKEN=${TOKEN}\n`,
    });
    write(paths.work, {
      'old.env': `A=1\nTOKEN=${TOKEN}\nB=3\n`,
      'code.js': `${'x\n'.repeat(20)}const key = '${OTHER}';\n${'x\n'.repeat(30)}`,
      'new dir/tür.pem': `first\n${KEY}\n`,
      'gone.env': 'nothing\n',
    });
    const { secrets, text } = await patch();
    assert.deepEqual(secrets, [
      { path: 'code.js', line: 21, kind: 'NVIDIA key' },
      { path: 'new dir/tür.pem', line: 2, kind: 'private key' },
    ]);
    assert.ok(text.includes(OTHER), 'the patch itself is whole: it makes the tree that was checked');
  });

  it('are none in what only looks like the head of a file, and none where nothing was added', () => {
    const text = `diff --git a/a b/a
--- a/a
+++ b/a
@@ -1,2 +1,2 @@
--- b/${TOKEN}
+++ c/${TOKEN}
 ${TOKEN}
`;
    assert.deepEqual(secretsOfPatch(text), [{ path: 'a', line: 1, kind: 'GitHub token' }]);
    assert.deepEqual(secretsOfPatch(''), []);
    assert.deepEqual(secretsOfPatch(`@@ -1 +0,0 @@\n-${TOKEN}\n`), []);
  });
});

describe('secrets of a repository', () => {
  it('are found file by file, whatever bytes stand around them; binary and large files are left out', async (t) => {
    const { paths, packed } = await workspace(t, {
      'a.env': `A=1\nTOKEN=${TOKEN}\n`,
      'latin1.txt': Buffer.from(`caf\xe9 ${OTHER}\n`, 'latin1'),
      'binary.dat': Buffer.concat([Buffer.from([0]), Buffer.from(TOKEN)]),
      'large.txt': `${'x\n'.repeat(600_000)}${TOKEN}\n`,
      'plain.txt': 'nothing\n',
    });
    const entries = await listTree(paths.git, packed.tree);
    assert.deepEqual(await secretsOfTree({ git: paths.git, entries, limits: LIMITS, signal: GOING }), {
      places: [
        { path: 'a.env', line: 2, kind: 'GitHub token' },
        { path: 'latin1.txt', line: 1, kind: 'NVIDIA key' },
      ],
      whole: true,
    });
  });

  it('are looked for up to a limit, and no longer than the run goes', async (t) => {
    const { paths, packed } = await workspace(t, { 'a.env': `TOKEN=${TOKEN}\n` });
    const order = { git: paths.git, entries: await listTree(paths.git, packed.tree) };
    const none = { places: [], whole: false };
    assert.deepEqual(await secretsOfTree({ ...order, limits: { secretScanBytes: 10 }, signal: GOING }), none);
    assert.deepEqual(await secretsOfTree({ ...order, limits: LIMITS, signal: AbortSignal.abort() }), none);
  });
});
