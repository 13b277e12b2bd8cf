// Owns the places of command-line tests, and git as a person would call it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A data directory where one of this user may lie, and a folder for the repository. */
export function dataDirFor(t: TestContext): { readonly folder: string; readonly dataDir: string } {
  const base = process.getuid?.() === 0 ? tmpdir() : join(homedir(), '.cache');
  mkdirSync(base, { recursive: true });
  const folder = mkdtempSync(join(base, 'caisson-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, dataDir: join(folder, 'data') };
}

export function run(cwd: string, ...words: readonly string[]): string {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_OPTIONAL_LOCKS: '0',
  };
  return execFileSync('git', [...words], { cwd, env, encoding: 'utf8' });
}
