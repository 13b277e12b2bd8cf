// Owns tests of all tools in a real sandbox, through its live shell. Knows nothing beside.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ToolContext } from '../../../src/contracts/tools.ts';
import { TOOLS } from '../../../src/tools/registry.ts';
import { testSandbox } from '../../sandbox/setup.ts';

type Call = (name: string, value: unknown) => Promise<string>;

/** Calls tools in one sandbox; gives the text for the model. */
async function sandboxed(t: TestContext): Promise<{ readonly call: Call; readonly work: string }> {
  const sandbox = await testSandbox(t);
  const { id } = await sandbox.open('tools');
  let count = 0;
  const context: ToolContext = {
    run: 'run_1',
    step: 1,
    workPath: sandbox.inside.work,
    limits: LIMITS,
    exec: async (request) => {
      count += 1;
      const done = await sandbox.executor.exec({ ...request, sandbox: id, exec: `exec_${count}` });
      assert.ok(done.ok);
      return done.value;
    },
  };
  const call: Call = async (name, value) => {
    const bound = TOOLS.find((tool) => tool.definition.name === name)?.bind(value);
    assert.ok(bound?.ok);
    return (await bound.call.execute(context)).output;
  };
  return { call, work: sandbox.inside.work };
}

test('every tool does its work in a real sandbox', async (t) => {
  const { call, work } = await sandboxed(t);
  assert.equal(
    await call('write', { path: "src/it's é.js", content: 'one\ntwo\n' }),
    "ok\nwrote 8 bytes to src/it's é.js",
  );
  assert.equal(
    await call('edit', { path: "src/it's é.js", old: 'two', new: '2 $& 😀' }),
    "ok\nsrc/it's é.js: replaced at line 2",
  );
  const patch = [
    '*** Begin Patch',
    "*** Move File: src/it's é.js",
    '*** Move to: b.js',
    '-one',
    '+1',
    '*** Add File: run.sh',
    '+echo ran',
    '*** End Patch',
  ];
  assert.equal(await call('edit', { patch: patch.join('\n') }), "ok\n\nmoved src/it's é.js to b.js\nadded run.sh\n");
  assert.equal(await call('read', { path: 'b.js' }), 'ok\nb.js, lines 1-2 of 2\n\n1|1\n2|2 $& 😀\n');
  assert.equal(
    await call('read', { path: '.' }),
    'ok\n. is a directory with 3 entries\n\nb.js (12 bytes)\nrun.sh (9 bytes)\nsrc/\n',
  );
  assert.equal(await call('bash', { command: 'cd src; x=kept; sh ../run.sh; (exit 3)' }), 'exit status: 3\n\nran\n');
  assert.equal(
    await call('search', { pattern: 'RAN', ignore_case: true }),
    'ok\n1 line matches\n\nrun.sh:1:echo ran\n',
  );
  assert.equal(
    await call('bash', { command: 'echo $x $PWD; id -u > /dev/null' }),
    `exit status: 0\n\nkept ${work}/src\n`,
  );
});

test('a text of many kilobytes goes in and comes back byte for byte', async (t) => {
  const { call, work } = await sandboxed(t);
  const line = `${'x'.repeat(1000)}é\r\n`;
  const content = `${line.repeat(2000)}the place\r\nno end`;
  await call('write', { path: 'large', content });
  const edited = await call('edit', { path: 'large', old: 'the place\nno', new: 'here\nand\nno' });
  assert.equal(edited, 'ok\nlarge: replaced at line 2001');
  const expected = content.replace('the place', 'here\r\nand');
  const shown = await call('bash', { command: `wc -c < ${work}/large; tail -n 3 ${work}/large | od -c | head -n 2` });
  assert.match(shown, new RegExp(`^exit status: 0\n\n${Buffer.byteLength(expected)}\n`));
  assert.match(await call('read', { path: 'large', from_line: 2001 }), /\n\n2001\|here\n2002\|and\n2003\|no end\n$/);
});

test('a cut output lies whole where the sandbox can read it', async (t) => {
  const { call } = await sandboxed(t);
  const output = await call('bash', { command: 'seq 200000; exit 0' });
  const path = /; whole output: (\S+) …\]/.exec(output)?.[1] ?? '';
  const shown = await call('bash', { command: `wc -l < ${path}; tail -n 1 ${path}` });
  assert.ok(Buffer.byteLength(output) <= LIMITS.toolResultBytes);
  assert.match(shown, /^exit status: 0\n(?:.*\n)?\n200000\n200000\n$/);
});

test('a poisoned live shell corrupts no file', async (t) => {
  const { call } = await sandboxed(t);
  const poison = (names: readonly string[]) =>
    call('bash', { command: names.map((name) => `function ${name} { builtin echo hacked; }`).join('; ') });
  await call('write', { path: 'a', content: 'one\n' });
  await poison(['cat', 'mv', 'base64', 'sha256sum', 'exec', 'command', 'env', '/usr/bin/env']);
  assert.equal(await call('edit', { path: 'a', old: 'one', new: 'two' }), 'ok\na: replaced at line 1');
  await poison(['head']);
  const words = await call('edit', { path: 'a', old: 'two', new: 'three' });
  const held = words.startsWith('ok') ? 'three' : 'two';
  assert.match(
    words,
    /^(?:ok\na: replaced at line 1|failed: a could not be changed: another text arrived than was sent)$/,
  );
  assert.equal(await call('read', { path: 'a' }), `ok\na, lines 1-1 of 1\n\n1|${held}\n`);
});

test('a command that takes too long leaves a shell in the same directory', async (t) => {
  const { call, work } = await sandboxed(t);
  const words = await call('bash', { command: 'mkdir d; cd d; echo begun; sleep 60', timeout_seconds: 1 });
  assert.match(words, /^timed out after 1(?:\.\d)? s; the shell was restarted in the same directory, .*\n\nbegun\n$/);
  assert.match(await call('bash', { command: 'pwd' }), new RegExp(`\n\n${work}(?:/d)?\n$`));
});
