// Owns the proof of which requests the executor takes, before anything is done for them.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { checkedExec, checkOpen } from '../../../src/sandbox/requests.ts';

const SANDBOX_LIMITS = {
  processes: 1,
  processMemoryBytes: 1,
  memoryBytes: 1,
  openFiles: 1,
  fileBytes: 1,
  diskBytes: 1,
  diskFiles: 1,
  cpuSeconds: 1,
};
const OPEN = { sandbox: 's', run: 'r', purpose: 'agent', limits: SANDBOX_LIMITS } as const;
const EXEC = { sandbox: 's', exec: 'exe_1', command: 'true', timeoutMs: 1000, outputBytes: 100, keep: false };

function rootOf(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'caisson-requests-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

function makeBox(box: string): string {
  for (const part of ['work', 'home', 'out']) mkdirSync(join(box, part), { recursive: true });
  return box;
}

describe('a request to open a sandbox', () => {
  it('is taken for a box below the root', async (t) => {
    const root = rootOf(t);
    await checkOpen({ ...OPEN, box: makeBox(join(root, 'run_1', 'box')) }, root);
  });

  it('is refused for a box elsewhere, by whatever way it is named', async (t) => {
    const root = rootOf(t);
    makeBox(join(root, 'box'));
    const sibling = rootOf(t);
    makeBox(join(sibling, 'box'));
    const elsewhere = [
      root,
      `${root}/`,
      `${root}/../${sibling.split('/').at(-1)}/box`,
      `${root}/./box`,
      `${root}//box`,
      `${root}-other/box`,
      join(sibling, 'box'),
      'box',
      '',
    ];
    for (const box of elsewhere)
      await assert.rejects(
        checkOpen({ ...OPEN, box }, root),
        {
          code: 'invalid_input',
          place: { field: 'box' },
          message: `the box ${JSON.stringify(box)} does not lie below ${root}`,
        },
        box,
      );
  });

  it('is refused for a box whose parts are links, files or missing', async (t) => {
    const root = rootOf(t);
    for (const part of ['work', 'home', 'out']) {
      const box = makeBox(join(root, part));
      const message = `the box ${JSON.stringify(box)} has no directories work/, home/ and out/ of its own`;
      const refusal = { code: 'invalid_input', message };
      rmSync(join(box, part), { recursive: true });
      await assert.rejects(checkOpen({ ...OPEN, box }, root), refusal, `no ${part}`);
      symlinkSync('/etc', join(box, part));
      await assert.rejects(checkOpen({ ...OPEN, box }, root), refusal, `${part} is a link`);
      rmSync(join(box, part));
      writeFileSync(join(box, part), '');
      await assert.rejects(checkOpen({ ...OPEN, box }, root), refusal, `${part} is a file`);
    }
    symlinkSync(makeBox(join(root, 'real')), join(root, 'link'));
    await assert.rejects(checkOpen({ ...OPEN, box: join(root, 'link') }, root), { code: 'invalid_input' });
  });

  for (const sandbox of ['', '.', '..', 'a/b', 'a b', 'ä', 'a\n', '-x', 'x'.repeat(129)])
    it(`is refused for the name ${JSON.stringify(sandbox)}`, async (t) => {
      const root = rootOf(t);
      const box = makeBox(join(root, 'box'));
      await assert.rejects(checkOpen({ ...OPEN, sandbox, box }, root), { place: { field: 'sandbox' } });
    });
});

describe('a request to run a command', () => {
  it('is taken as it is within the ceilings', () => {
    const request = { ...EXEC, command: 'echo "$HOME"\n\tä\u0001', stdin: 'with \0 in it' };
    assert.deepEqual(checkedExec(request), request);
  });

  it('is narrowed to the ceilings', () => {
    assert.deepEqual(checkedExec({ ...EXEC, timeoutMs: 1e15, outputBytes: 1e15 }), {
      ...EXEC,
      timeoutMs: LIMITS.commandTimeoutMaxMs,
      outputBytes: LIMITS.commandOutputBytes,
    });
  });

  const wrong: readonly (readonly [string, object])[] = [
    ['command', { command: 'a\0b' }],
    ['exec', { exec: '../x' }],
    ['exec', { exec: '.log' }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: Number.POSITIVE_INFINITY }],
    ['outputBytes', { outputBytes: -1 }],
    ['outputBytes', { outputBytes: Number.NaN }],
  ];
  for (const [field, change] of wrong)
    it(`is refused for its ${field}: ${Object.values(change).join()}`, () => {
      assert.throws(() => checkedExec({ ...EXEC, ...change }), { code: 'invalid_input', place: { field } });
    });
});
