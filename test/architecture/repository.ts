// Owns what lies at the top of the repository, and what may not stand in any of its files. Knows no TypeScript.
import type { Problem, SourceFile } from './source.ts';

/** Everything at the top; each of it must be there. */
export const TOP: readonly string[] = [
  '.ci',
  '.dockerignore',
  '.env.example',
  '.gitignore',
  '.npmrc',
  '.oxfmtrc.json',
  '.oxlintrc.json',
  'AGENTS.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'bin',
  'deploy',
  'docker-compose.gpu.yml',
  'model-configs',
  'package-lock.json',
  'package.json',
  'src',
  'test',
  'tsconfig.json',
];

/** Patterns, not hosts, so that this file does not name one either. */
const REGISTRIES = [
  /\bregistry\.[a-z]+js\.[a-z]+\b/,
  /\bregistry\.yarnpkg\.[a-z]+\b/,
  /\bnpm\.pkg\.[a-z]+\.[a-z]+\b/,
  /\bfiles\.pythonhosted\.[a-z]+\b/,
  /\b(?:deb|security)\.debian\.[a-z]+\b/,
  /"resolved"\s*:/,
];
const PERSONAL_HOME = /(?<![\w.-])\/(?:home|Users)\/(?!(?:caisson|svc|agent|user|you|someone|nobody)\b)[a-z][\w-]*\//;

export function checkTop(files: readonly SourceFile[]): Problem[] {
  const there = new Set(files.map((file) => file.path.split('/')[0] ?? ''));
  const problem = (path: string, message: string) => ({ rule: 'top', path, line: 0, message });
  return [
    ...[...there]
      .filter((name) => !TOP.includes(name))
      .map((name) => problem(name, 'nothing of this name is expected')),
    ...TOP.filter((name) => !there.has(name)).map((name) => problem(name, 'is missing')),
  ];
}

/** `machinePaths`: absolute paths of the machine the checks run on, as the place of the checkout. */
export function checkTraces(files: readonly SourceFile[], machinePaths: readonly string[]): Problem[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((text, index) => {
      const problem = (message: string) => ({ rule: 'trace', path: file.path, line: index + 1, message });
      return [
        ...machinePaths
          .filter((path) => text.includes(path))
          .map((path) => problem(`names a path of this machine: ${path}`)),
        ...(PERSONAL_HOME.test(text) ? [problem('names the home directory of a person')] : []),
        ...(REGISTRIES.some((pattern) => pattern.test(text)) ? [problem('names a package registry')] : []),
      ];
    }),
  );
}
