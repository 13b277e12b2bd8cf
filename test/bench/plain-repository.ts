// Owns a small repository without any configuration of ours. Knows no figure.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILES: Readonly<Record<string, string>> = {
  'README.md': '# app\n',
  'src/app.js': 'let total = 0;\nexport const sum = (list) => list.reduce((a, b) => a + b, total);\n',
  'test.js': 'for (let line = 0; line < 200; line += 1) console.log("ok", line);\n',
};

export function makeRepo(root: string): string {
  mkdirSync(join(root, 'src'), { recursive: true });
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(root, path), text);
  const env = { PATH: process.env['PATH'] ?? '', HOME: root, GIT_CONFIG_NOSYSTEM: '1' };
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'user.name=B', '-c', 'user.email=b@example.com', ...words], { cwd: root, env });
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'start');
  return root;
}
