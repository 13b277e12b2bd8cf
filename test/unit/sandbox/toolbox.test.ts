// Owns the proof of how the programs of a sandbox are put into the toolbox and from there into a box.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fillToolbox, putInBox } from '../../../src/sandbox/toolbox.ts';

interface Scene {
  readonly toolbox: string;
  readonly box: string;
  readonly from: { readonly node: string; readonly rg: string };
}

function scene(t: TestContext): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-toolbox-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const from = { node: join(folder, 'source-node'), rg: join(folder, 'source-rg') };
  writeFileSync(from.node, 'node 1');
  writeFileSync(from.rg, 'rg 1');
  const box = join(folder, 'box');
  mkdirSync(box);
  return { toolbox: join(folder, 'deep', 'toolbox'), box, from };
}

function inode(path: string): number {
  return statSync(path).ino;
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('the toolbox', () => {
  it('gets both programs, executable, and nothing else', async (t) => {
    const { toolbox, from } = scene(t);
    await fillToolbox(toolbox, from);
    assert.deepEqual(contents(toolbox), { node: 'node 1', rg: 'rg 1' });
    assert.deepEqual(
      [statSync(join(toolbox, 'node')).mode & 0o777, statSync(join(toolbox, 'rg')).mode & 0o777],
      [0o755, 0o755],
    );
  });

  it('is left alone when it is full already', async (t) => {
    const { toolbox, from } = scene(t);
    await fillToolbox(toolbox, from);
    const before = [inode(join(toolbox, 'node')), inode(join(toolbox, 'rg'))];
    await fillToolbox(toolbox, from);
    assert.deepEqual([inode(join(toolbox, 'node')), inode(join(toolbox, 'rg'))], before);
  });

  it('gets a program anew when its source has changed, also with the same length', async (t) => {
    const { toolbox, from } = scene(t);
    await fillToolbox(toolbox, from);
    const rg = inode(join(toolbox, 'rg'));
    writeFileSync(from.node, 'node 22');
    await fillToolbox(toolbox, from);
    assert.deepEqual(contents(toolbox), { node: 'node 22', rg: 'rg 1' });
    assert.equal(inode(join(toolbox, 'rg')), rg, 'the other one is left alone');
    writeFileSync(from.node, 'node 33');
    utimesSync(from.node, new Date(), new Date(Date.now() + 60_000));
    await fillToolbox(toolbox, from);
    assert.deepEqual(contents(toolbox), { node: 'node 33', rg: 'rg 1' });
  });

  it('is whole when many fill it at the same time', async (t) => {
    const { toolbox, from } = scene(t);
    await Promise.all(Array.from({ length: 8 }, () => fillToolbox(toolbox, from)));
    assert.deepEqual(contents(toolbox), { node: 'node 1', rg: 'rg 1' });
  });

  it('refuses a source that is not there', async (t) => {
    const { toolbox, from } = scene(t);
    await assert.rejects(fillToolbox(toolbox, { ...from, rg: `${from.rg}-none` }), { code: 'ENOENT' });
    assert.equal(existsSync(join(toolbox, 'rg')), false);
  });
});

describe('the programs of a box', () => {
  it('are the very files of the toolbox, and stay them', async (t) => {
    const { toolbox, box, from } = scene(t);
    await fillToolbox(toolbox, from);
    await putInBox(toolbox, box);
    await putInBox(toolbox, box);
    for (const name of ['node', 'rg'])
      assert.equal(inode(join(box, '.caisson', 'bin', name)), inode(join(toolbox, name)), name);
  });

  it('are replaced when the toolbox has others by now', async (t) => {
    const { toolbox, box, from } = scene(t);
    await fillToolbox(toolbox, from);
    await putInBox(toolbox, box);
    writeFileSync(from.node, 'node 22');
    await fillToolbox(toolbox, from);
    await putInBox(toolbox, box);
    assert.deepEqual(contents(join(box, '.caisson', 'bin')), { node: 'node 22', rg: 'rg 1' });
  });

  it('are copies where no link can reach: on another device', async (t) => {
    const { toolbox, from } = scene(t);
    const box = mkdtempSync('/dev/shm/caisson-box-');
    t.after(() => rmSync(box, { recursive: true, force: true }));
    await fillToolbox(toolbox, from);
    assert.notEqual(statSync(box).dev, statSync(toolbox).dev, 'the test needs two devices');
    await putInBox(toolbox, box);
    const bin = join(box, '.caisson', 'bin');
    assert.deepEqual(contents(bin), { node: 'node 1', rg: 'rg 1' });
    assert.equal(statSync(join(bin, 'node')).mode & 0o777, 0o755);
    await putInBox(toolbox, box);
    assert.deepEqual(contents(bin), { node: 'node 1', rg: 'rg 1' });
  });
});
