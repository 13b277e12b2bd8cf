// Owns the proof of running one program: output up to a limit, exit codes, input, and what never starts.
import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startProgram } from '../../../src/workspace/program.ts';
import { tempDir } from './repos.ts';

const CALL = { cwd: '/', env: { PATH: '/usr/bin:/bin', ONLY: 'this' }, outputBytes: 1000 };

describe('one program of the host', () => {
  it('gives both outputs, the exit code, and an environment from nothing', async () => {
    const { ended } = startProgram('sh', ['-c', 'echo "$ONLY$HOME"; echo no >&2; exit 3'], CALL);
    assert.deepEqual(await ended, { stdout: Buffer.from('this\n'), stderr: 'no\n', code: 3, cut: false });
  });

  it('is ended when it prints more than it may, and gives the beginning', async () => {
    const done = await startProgram('sh', ['-c', 'yes & wait'], CALL).ended;
    assert.deepEqual(
      { bytes: done.stdout.length, code: done.code, cut: done.cut },
      { bytes: 1000, code: -1, cut: true },
    );
  });

  it('reads text, bytes, an open file from where it stands, or nothing', async (t) => {
    const path = join(tempDir(t), 'input');
    await writeFile(path, 'skip the rest');
    const file = await open(path);
    await file.read(Buffer.alloc(5), 0, 5, null);
    const inputs = ['text', new Uint8Array([104, 105]), file.fd, undefined];
    const read: string[] = [];
    for (const stdin of inputs) {
      const { stdout } = await startProgram('cat', [], stdin === undefined ? CALL : { ...CALL, stdin }).ended;
      read.push(stdout.toString());
    }
    await file.close();
    assert.deepEqual(read, ['text', 'hi', 'the rest', '']);
  });

  it('takes no harm from a program that does not read its input, and says when one does not start', async () => {
    const unread = await startProgram('true', [], { ...CALL, stdin: 'x'.repeat(1_000_000) }).ended;
    assert.equal(unread.code, 0);
    const missing = startProgram('/no/such/program', [], CALL);
    const { code, stderr } = await missing.ended;
    assert.deepEqual([missing.pid, code, /ENOENT/.test(stderr)], [undefined, -1, true]);
  });
});
