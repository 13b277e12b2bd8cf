// Owns the proof that bin/caisson starts the command line as itself, under the running Node or a newer one. Knows no command.
import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Checkout, makeCheckout, PRETEND_OLD, run, start } from './checkout.ts';

const ENTRY = `
const words: readonly string[] = process.argv.slice(2);
if (words[0] === 'wait') {
  let heard = 0;
  process.on('SIGINT', () => { heard += 1; setTimeout(() => { console.log('heard ' + heard); process.exit(7); }, 200); });
  process.on('SIGTERM', () => { console.log('terminated'); process.exit(0); });
  setInterval(() => {}, 1000);
  console.log('waiting');
} else if (words[0] === 'die') {
  process.kill(process.pid, 'SIGKILL');
} else {
  console.log(JSON.stringify({ words, pid: process.pid, cached: process.env.NODE_COMPILE_CACHE !== undefined }));
  process.exitCode = 3;
}
`;

let checkout: Checkout;
let old: readonly string[];
before(async () => {
  checkout = await makeCheckout();
  await checkout.write('src/entry.ts', ENTRY);
  await checkout.write('pretend-old.cjs', PRETEND_OLD);
  const brought = join(checkout.root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
  await checkout.write(join(brought.slice(checkout.root.length + 1), 'present'), '');
  await symlink(process.execPath, join(brought, 'node'));
  await symlink(join(checkout.root, 'bin', 'caisson'), join(checkout.root, 'linked'));
  old = [process.execPath, '--require', join(checkout.root, 'pretend-old.cjs'), join(checkout.root, 'bin', 'caisson')];
});
after(() => checkout.remove());

describe('under a Node that is new enough', () => {
  test('it runs the entry in its own process, through a link, with the words and the exit code kept', async () => {
    const started = start([join(checkout.root, 'linked'), 'runs', '--json', 'a b']);
    const ended = await started.ended;
    assert.deepEqual(
      { ...ended, stdout: JSON.parse(ended.stdout) },
      {
        code: 3,
        signal: null,
        stdout: { words: ['runs', '--json', 'a b'], pid: started.child.pid, cached: true },
        stderr: '',
      },
    );
  });
});

describe('under an old Node', () => {
  test('it hands over to the Node that was brought, with the words and the exit code kept', async () => {
    const started = start([...old, 'show', 'x']);
    const ended = await started.ended;
    const { words, pid, cached } = JSON.parse(ended.stdout) as { words: string[]; pid: number; cached: boolean };
    assert.deepEqual([ended.code, ended.stderr, words, cached], [3, '', ['show', 'x'], true]);
    assert.notEqual(pid, started.child.pid);
  });

  test('an interrupt reaches the program once, and its exit code comes back', async () => {
    const started = start([...old, 'wait']);
    await started.printed('waiting');
    started.child.kill('SIGINT');
    assert.deepEqual(await started.ended, { code: 7, signal: null, stdout: 'waiting\nheard 1\n', stderr: '' });
  });

  test('a request to end reaches the program', async () => {
    const started = start([...old, 'wait']);
    await started.printed('waiting');
    started.child.kill('SIGTERM');
    assert.deepEqual(await started.ended, { code: 0, signal: null, stdout: 'waiting\nterminated\n', stderr: '' });
  });

  test('a program that was killed ends its starter by the same signal', async () => {
    const { code, signal } = await run([...old, 'die']);
    assert.deepEqual([code, signal], [null, 'SIGKILL']);
  });

  test('where no newer Node was brought, it says what to do', async () => {
    const bare = await makeCheckout();
    const argv = [...old.slice(0, 3), join(bare.root, 'bin', 'caisson')];
    const { code, stderr } = await run(argv);
    await bare.remove();
    assert.equal(code, 1);
    assert.match(stderr, /^caisson: Caisson needs Node 24\.7 or newer; .*\n {2}→ install Node 24 /);
  });
});
