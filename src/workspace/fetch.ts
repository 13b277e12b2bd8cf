// Owns the fetching of a repository from a host that the site allows: one state of it, as a bundle of ours. Runs nothing that is in it.
import { mkdtempSync } from 'node:fs';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import type { PackedRepository } from '../contracts/workspace.ts';
import { PACKED_REF } from './bundle.ts';
import { git, GitFailed } from './git.ts';
import { PACK_PREFIX } from './old-packs.ts';
import { listTree } from './tree.ts';
import { initGitDir, writeBaseCommit } from './trusted-git.ts';

interface FetchOrder {
  readonly url: string;
  /** Names of hosts, with the port where it is not the usual one. */
  readonly hosts: readonly string[];
  readonly bundle: string;
  readonly limits: Limits;
  readonly signal?: AbortSignal;
}

const LOOK_MS = 200;
const FETCHED_REF = 'refs/fetched/head';
const LOCAL = /^(?:localhost|127\.0\.0\.1)(?::\d+)?$/;
/** Over what the fixed settings forbid: the one protocol, no redirect to another host, every object checked, no bundle from elsewhere. */
const SETTINGS = {
  'protocol.https.allow': 'always',
  'http.followRedirects': 'false',
  'http.lowSpeedLimit': '1000',
  'http.lowSpeedTime': '30',
  'transfer.fsckObjects': 'true',
  'transfer.bundleURI': 'false',
  'fetch.recurseSubmodules': 'false',
};

/**
 * HEAD of the remote, without history, submodules and LFS. Plain http is for this machine only. Throws `repo_refused` for an address that
 * is not allowed, `repo_too_large`, `repo_unreadable` in git's words, `conflict` when aborted.
 */
export async function fetchRepository(order: FetchOrder): Promise<PackedRepository> {
  const url = requireAllowed(order.url, order.hosts);
  const folder = mkdtempSync(join(tmpdir(), PACK_PREFIX));
  try {
    return await fetchInto(join(folder, 'git'), url, order);
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('repo_unreadable', `git cannot fetch ${url.href}: ${cause.said}`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requireAllowed(text: string, hosts: readonly string[]): URL {
  const refuse = (why: string) =>
    new CaissonError('repo_refused', `${text}: ${why}`, {
      hint: 'Give an address as https://git.example.com/team/app.git, and list its host in workspace.git_hosts.',
    });
  if (!URL.canParse(text)) throw refuse('this is no address of a repository');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw refuse('an address holds no user name and no password');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOCAL.test(url.host)))
    throw refuse('a repository is fetched by https only');
  if (!hosts.includes(url.host)) throw refuse(`the host ${url.host} is not allowed`);
  if (url.search !== '' || url.hash !== '') throw refuse('an address ends before ? and #');
  return url;
}

async function fetchInto(gitDir: string, url: URL, order: FetchOrder): Promise<PackedRepository> {
  const { limits, bundle } = order;
  const http = url.protocol === 'http:' ? { 'protocol.http.allow': 'always' } : {};
  await initGitDir(gitDir, { idLength: 40, bytes: 'keep' });
  const watched = watchSize(gitDir, limits.bundleBytes, order.signal);
  try {
    const words = ['fetch', '--quiet', '--depth=1', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'];
    const call = { gitDir, settings: { ...SETTINGS, ...http }, signal: watched.signal };
    await git([...words, url.href, `HEAD:${FETCHED_REF}`], call);
  } catch (cause) {
    if (watched.tooLarge()) throw tooLarge(`more than ${limits.bundleBytes} bytes`, 'bundle_bytes');
    throw cause;
  } finally {
    watched.stop();
  }
  const ask = async (word: string) => (await git(['rev-parse', '--verify', word], { gitDir })).stdout.trim();
  const [head, tree] = await Promise.all([ask(FETCHED_REF), ask(`${FETCHED_REF}^{tree}`)]);
  const { entries, bytes } = await requireFitting(gitDir, tree, limits);
  await writeFile(join(gitDir, PACKED_REF), `${await writeBaseCommit(gitDir, tree)}\n`);
  await git(['bundle', 'create', '--quiet', bundle, PACKED_REF], { gitDir });
  const same = { bundle, head, branch: '', headTree: tree, tree, files: entries, bytes };
  return { ...same, changed: 0, untracked: 0, warnings: [] };
}

async function requireFitting(gitDir: string, tree: string, limits: Limits) {
  const entries = await listTree(gitDir, tree);
  if (entries.some(({ mode }) => mode === '160000'))
    throw new CaissonError('repo_unreadable', 'the repository has submodules, which are not fetched', {
      hint: 'Clone it with what it needs, and give the directory: --repo DIR.',
    });
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (entries.length > limits.repositoryFiles) throw tooLarge(`${entries.length} files`, 'repository_files');
  if (bytes > limits.repositoryBytes) throw tooLarge(`${bytes} bytes`, 'repository_bytes');
  return { entries: entries.length, bytes };
}

function tooLarge(found: string, limit: string): CaissonError {
  return new CaissonError('repo_too_large', `the repository has ${found}; that is over the limit ${limit}`);
}

/** git itself has no ceiling for what a host sends: it is stopped when the pack has grown over ours. */
function watchSize(gitDir: string, most: number, outer: AbortSignal | undefined) {
  const stop = new AbortController();
  let isLarge = false;
  const look = async () => {
    if ((await sizeOf(join(gitDir, 'objects', 'pack'))) <= most) return;
    isLarge = true;
    stop.abort();
  };
  const timer = setInterval(() => void look().catch(() => {}), LOOK_MS);
  const signal = outer === undefined ? stop.signal : AbortSignal.any([stop.signal, outer]);
  return { signal, tooLarge: () => isLarge, stop: () => clearInterval(timer) };
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return sizes.reduce((sum, info) => sum + (info?.size ?? 0), 0);
}
