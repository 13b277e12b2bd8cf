// Owns the proof of the look-up of the user of commands.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { findUser } from '../../../src/sandbox/command-user.ts';
import { commandUser, insidePaths } from '../../../src/sandbox/setup.ts';

function passwd(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-passwd-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'passwd');
  writeFileSync(file, text);
  return file;
}

const TEXT = `root:x:0:0:root:/root:/bin/bash
agent2:x:1003:1004::/home/agent2:/bin/sh
agent:x:1001:1002:Agent, of all:/home/agent:/bin/sh
noid:x:many:1:::/bin/sh
short:x:7
`;

describe('the user of commands', () => {
  it('is found by the whole name', (t) => {
    assert.deepEqual(findUser('agent', passwd(t, TEXT)), { name: 'agent', uid: 1001, gid: 1002, home: '/home/agent' });
  });

  for (const name of ['age', 'nobody', '', 'x', 'noid', 'short', 'agent:x'])
    it(`is not there by the name ${JSON.stringify(name)}`, (t) => {
      assert.equal(findUser(name, passwd(t, TEXT)), undefined);
    });

  it('is looked for in the file of this system', () => {
    const { username, uid, gid, homedir } = userInfo();
    assert.deepEqual(findUser(username), { name: username, uid, gid, home: homedir });
  });

  it('is the user of this process unless another is named', () => {
    const user = { name: 'agent', uid: 1, gid: 2, home: '/home/agent' };
    const { username, uid, gid, homedir } = userInfo();
    assert.deepEqual(commandUser({ user }), user);
    assert.deepEqual(commandUser({}), { name: username, uid, gid, home: homedir });
  });

  it('finds the box over the own home, inside', () => {
    assert.deepEqual(insidePaths({ name: 'agent', uid: 1, gid: 2, home: '/home/agent' }), {
      root: '/home/agent',
      work: '/home/agent/work',
      home: '/home/agent/home',
      out: '/home/agent/out',
      bin: '/home/agent/.caisson/bin',
    });
  });
});
