// Owns the proof that a repository is fetched from allowed hosts only, whole and as it is, and that nothing of it or its host runs here.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Limits, LIMITS } from '../../../src/base/limits.ts';
import { fetchRepository } from '../../../src/workspace/fetch.ts';
import { prepareWorkspace } from '../../../src/workspace/prepare.ts';
import { serveGit } from './git-server.ts';
import { bundleFiles, coded, makeRepo, run, tempDir } from './repos.ts';

async function scene(t: TestContext, files: Readonly<Record<string, string | Buffer>>) {
  const root = tempDir(t);
  const repo = makeRepo(join(root, 'repo'), files);
  const server = await serveGit(t, root);
  const bundle = join(root, 'bundle');
  const fetch = (limits: Partial<Limits> = {}, hosts = [server.host], url = `${server.origin}/repo/.git`) =>
    fetchRepository({ url, hosts, bundle, limits: { ...LIMITS, ...limits } });
  return { root, repo, server, bundle, fetch };
}

describe('a repository on another host', () => {
  it('comes as one state without history, and a run can begin on it', async (t) => {
    const { root, repo, bundle, fetch } = await scene(t, { 'a.txt': 'one\n', 'dir/b.bin': Buffer.from([0, 1]) });
    writeFileSync(join(repo, 'a.txt'), 'two\n');
    run(repo, 'commit', '--all', '--quiet', '--message', 'second');
    const [head, tree] = [run(repo, 'rev-parse', 'HEAD').trim(), run(repo, 'rev-parse', 'HEAD^{tree}').trim()];
    assert.deepEqual(await fetch(), {
      bundle,
      head,
      branch: '',
      headTree: tree,
      tree,
      files: 2,
      bytes: 6,
      changed: 0,
      untracked: 0,
      warnings: [],
    });
    assert.equal(bundleFiles(bundle, root)['a.txt'], 'two\n');
    const { files } = await prepareWorkspace({ root: join(root, 'run'), bundle, tree, limits: LIMITS });
    assert.equal(files, 2);
  });

  it('is refused where its host is not listed, before anybody is asked', async (t) => {
    const { server, fetch } = await scene(t, { 'a.txt': 'x\n' });
    await assert.rejects(fetch({}, ['git.example.com']), coded('repo_refused', /is not allowed/));
    assert.deepEqual(server.asked, []);
  });

  it('is refused by any other way than https, with a password, and with what is no address', async (t) => {
    const { fetch } = await scene(t, { 'a.txt': 'x\n' });
    const hosts = ['git.example.com', 'host'];
    for (const url of [
      'http://git.example.com/a.git',
      'ssh://git.example.com/a.git',
      'git://git.example.com/a.git',
      'file:///etc',
      'ext::sh -c id',
      'https://me:secret@git.example.com/a.git',
      'https://git.example.com/a.git?x=1',
      'https://git.example.com.evil.example/a.git',
      'https://git.example.com@evil.example/a.git',
      '--upload-pack=id',
    ])
      await assert.rejects(fetch({}, hosts, url), coded('repo_refused'), url);
  });

  it('is refused when it is larger than the limits, and no bundle is made', async (t) => {
    const { bundle, fetch } = await scene(t, { 'a.txt': 'x\n', 'b.txt': 'y'.repeat(1000) });
    await assert.rejects(fetch({ repositoryFiles: 1 }), coded('repo_too_large', /repository_files/));
    await assert.rejects(fetch({ repositoryBytes: 500 }), coded('repo_too_large', /repository_bytes/));
    assert.equal(existsSync(bundle), false);
  });

  it('that has submodules is refused in words: nothing else is fetched', async (t) => {
    const { repo, server, fetch } = await scene(t, { 'a.txt': 'x\n' });
    const commit = run(repo, 'rev-parse', 'HEAD').trim();
    writeFileSync(join(repo, '.gitmodules'), `[submodule "m"]\n\tpath = m\n\turl = ${server.origin}/other\n`);
    run(repo, 'add', '.gitmodules');
    run(repo, 'update-index', '--add', '--cacheinfo', `160000,${commit},m`);
    run(repo, 'commit', '--quiet', '--message', 'module');
    await assert.rejects(fetch(), coded('repo_unreadable', /submodules/));
    assert.ok(server.asked.every((path) => path.startsWith('/repo/')));
  });

  it('follows its host to no other place', async (t) => {
    const root = tempDir(t);
    makeRepo(join(root, 'repo'), { 'a.txt': 'x\n' });
    const other = await serveGit(t, root);
    const server = await serveGit(t, root, (request, response) => {
      response.writeHead(302, { location: `${other.origin}${request.url ?? ''}` }).end();
      return true;
    });
    const order = { url: `${server.origin}/repo/.git`, hosts: [server.host], bundle: join(root, 'b'), limits: LIMITS };
    await assert.rejects(fetchRepository(order), coded('repo_unreadable', /redirect|302/i));
    assert.deepEqual(other.asked, []);
  });

  it('that is not there, or sends what is no repository, is told in words', async (t) => {
    const { root, server, fetch } = await scene(t, { 'a.txt': 'x\n' });
    await assert.rejects(fetch({}, [server.host], `${server.origin}/none`), coded('repo_unreadable', /not found/));
    const garbage = await serveGit(t, root, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' }).end('garbage');
      return true;
    });
    const order = { url: `${garbage.origin}/x`, hosts: [garbage.host], bundle: join(root, 'b'), limits: LIMITS };
    await assert.rejects(fetchRepository(order), coded('repo_unreadable'));
  });

  it('is let go when the person stops waiting', async (t) => {
    const root = tempDir(t);
    const server = await serveGit(t, root, () => true);
    const order = { url: `${server.origin}/x`, hosts: [server.host], bundle: join(root, 'b'), limits: LIMITS };
    await assert.rejects(fetchRepository({ ...order, signal: AbortSignal.timeout(300) }), coded('conflict'));
  });
});
