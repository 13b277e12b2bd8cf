// Shows with real git over real HTTP that a repository can be cloned through the proxy and never be pushed to, whatever the rule.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runBackend } from './git-backend.ts';
import { HOST, openTestProxy, type TestProxy } from './scene.ts';

let folder = '';
let served: { readonly port: number; close(): void };
let proxy: TestProxy;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-git-'));
  await git(['init', '--quiet', '--bare', 'bare.git']);
  await git(['-C', 'bare.git', 'config', 'http.receivepack', 'true']);
  await git(['clone', '--quiet', 'bare.git', 'first']);
  writeFileSync(join(folder, 'first', 'file'), 'x'.repeat(200_000));
  await git(['-C', 'first', 'add', '.']);
  await git(['-C', 'first', 'commit', '--quiet', '-m', 'first']);
  await git(['-C', 'first', 'push', '--quiet', 'origin', 'HEAD:refs/heads/main']);
  await git(['-C', 'bare.git', 'symbolic-ref', 'HEAD', 'refs/heads/main']);
  served = await serveGit();
  proxy = await openTestProxy({ rules: [{ hosts: [HOST], addresses: ['127.0.0.1'] }] });
});

after(async () => {
  await proxy.close();
  served.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('git through the proxy', { concurrency: false }, () => {
  it('clones and fetches', async () => {
    const cloned = await git(['clone', '--quiet', `http://${HOST}:${served.port}/bare.git`, 'second'], true);
    const log = await git(['-C', 'second', 'log', '--format=%s']);
    assert.deepEqual([cloned.code, log.output], [0, 'first\n']);
    assert.ok(proxy.records().every((record) => record.outcome === 'allowed'));
  });

  it('pushes past no rule at all: the same push works without the proxy', async () => {
    await git(['clone', '--quiet', 'bare.git', 'third']);
    writeFileSync(join(folder, 'third', 'loot'), 'loot');
    await git(['-C', 'third', 'add', '.']);
    await git(['-C', 'third', 'commit', '--quiet', '-m', 'loot']);
    const through = await git(
      ['-C', 'third', 'push', `http://${HOST}:${served.port}/bare.git`, 'HEAD:refs/heads/loot'],
      true,
    );
    const before = await git(['-C', 'bare.git', 'branch', '--list', 'loot']);
    const direct = await git([
      '-C',
      'third',
      'push',
      `http://127.0.0.1:${served.port}/bare.git`,
      'HEAD:refs/heads/loot',
    ]);
    const behind = await git(['-C', 'bare.git', 'branch', '--list', 'loot']);
    const said = proxy.records().map((record) => `${record.rule} ${record.outcome} ${record.said}`);
    assert.notEqual(through.code, 0);
    assert.deepEqual([before.output, direct.code, behind.output], ['', 0, '  loot\n']);
    assert.match(
      said.join('\n'),
      /^floor:git-push denied GET http:\/\/site\.test:\d+\/bare\.git\/info\/refs is refused, .*never by a git push\.$/,
    );
  });
});

interface Ended {
  readonly code: number;
  readonly output: string;
}

function git(args: readonly string[], isProxied = false): Promise<Ended> {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'init.defaultBranch=main'];
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: folder,
    GIT_TERMINAL_PROMPT: '0',
    ...(isProxied ? { http_proxy: `http://127.0.0.1:${proxy.port}` } : {}),
  };
  return new Promise((resolve) => {
    execFile('git', [...identity, ...args], { cwd: folder, env }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout });
    });
  });
}

async function serveGit() {
  const server = createServer((asked, answer) => runBackend(folder, asked, answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => server.close().closeAllConnections() };
}
