// Owns the proof that a configured toolchain can be used inside and not changed, and that nothing beside it is seen. Needs root.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { testSandbox } from './setup.ts';

const isRoot = process.getuid?.() === 0;

/** A program of a toolchain, and a file beside the toolchain. */
function lay(t: TestContext, parent: string): { readonly toolchain: string; readonly name: string } {
  const folder = mkdtempSync(join(parent, 'caisson-tools-'));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const toolchain = join(folder, 'go');
  mkdirSync(join(toolchain, 'bin'), { recursive: true });
  const name = `tool-of-${basename(folder)}`;
  writeFileSync(join(toolchain, 'bin', name), '#!/bin/bash\necho built\n', { mode: 0o755 });
  writeFileSync(join(folder, 'beside'), 'the loot\n', { mode: 0o644 });
  // Its files are anybody's, so that only the sandbox protects them.
  for (const path of [join(toolchain, 'bin', name), join(toolchain, 'bin'), toolchain]) chmodSync(path, 0o777);
  return { toolchain, name };
}

describe('a toolchain of the site', () => {
  if (!isRoot)
    it('is shown to a sandbox by a run of these tests as root, for only root can put one below /opt', () => {
      assert.notEqual(process.getuid?.(), 0);
    });
  else
    for (const parent of ['/opt', '/'])
      it(`below ${parent} is used inside, and nobody changes it there`, async (t) => {
        const { toolchain, name } = lay(t, parent);
        const without = await (await testSandbox(t)).open('without');
        assert.match(await without.text(join(toolchain, 'bin', name)), /No such file|Permission denied/, 'control');
        const world = await testSandbox(t, { toolchains: [toolchain] });
        const box = await world.open('with');
        assert.equal(await box.text(name), 'built\n');
        for (const text of [
          `echo x >>${toolchain}/bin/${name}`,
          `touch ${toolchain}/planted`,
          `rm -r ${toolchain}/bin`,
        ])
          assert.match(await box.text(text), /Read-only file system/, text);
        assert.match(await box.text(`cat ${toolchain}/../beside`), /No such file/);
        assert.equal(await box.text(name), 'built\n');
      });
});
