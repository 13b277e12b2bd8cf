// Owns the list of paths that act on people or machines once they are checked out. Runs nothing.
import { isUtf8 } from 'node:buffer';
import { type BytePath, bytesOf, showPath } from './byte-path.ts';
import { listTree, readTreeFile } from './tree.ts';
import { twinsIn } from './twins.ts';

/** On paths in lower case: some systems do not tell `.Github` from `.github`. */
const PATTERNS: readonly RegExp[] = [
  // Hooks and what installs them.
  /(?:^|\/)(?:\.?git-?hooks|\.husky|\.hooks)\//,
  /(?:^|\/)hooks\/[a-z0-9-]+$/,
  /(?:^|\/)\.?lefthook(?:-local)?\.(?:ya?ml|json|toml)$/,
  /(?:^|\/)\.pre-commit-(?:config|hooks)\.ya?ml$/,
  /(?:^|\/)\.(?:lintstagedrc|huskyrc|simple-git-hooks)[^/]*$/,
  // Builds that run by themselves.
  /^\.(?:github|gitea|forgejo)\/(?:workflows|actions)\//,
  /^\.github\/(?:dependabot\.ya?ml|copilot-instructions\.md|instructions\/)/,
  /^(?:\.gitlab-ci\.ya?ml$|\.gitlab\/|\.circleci\/|\.buildkite\/|\.woodpecker|\.drone\.ya?ml$|\.travis\.ya?ml$)/,
  /^(?:\.?appveyor\.ya?ml$|\.cirrus\.ya?ml$|\.semaphore\/|\.tekton\/|cloudbuild\.ya?ml$|buildspec\.ya?ml$)/,
  /(?:^|\/)(?:jenkinsfile[^/]*|azure-pipelines[^/]*\.ya?ml|bitbucket-pipelines\.ya?ml)$/,
  /^(?:\.azure-pipelines\/|\.ci\/|renovate\.json5?$|\.renovaterc)/,
  // Git's own files.
  /(?:^|\/)\.git(?:attributes|modules|config)$/,
  // Configuration that shells, editors and tools read on their own.
  /(?:^|\/)\.(?:envrc|npmrc|yarnrc(?:\.yml)?|pnpmfile\.cjs|pypirc|bashrc|zshrc|profile|tool-versions|mise\.toml|mcp\.json)$/,
  /(?:^|\/)\.(?:vscode|idea|fleet|zed|devcontainer|cursor|claude|codex|windsurf|cargo|yarn|direnv|mise)\//,
  /(?:^|\/)(?:\.devcontainer\.json|\.cursorrules|\.windsurfrules|[^/]+\.code-workspace|sitecustomize\.py|pip\.conf)$/,
  // Words that people and their agents follow.
  /(?:^|\/)(?:agents(?:\.override)?|claude(?:\.local)?|gemini)\.md$/,
  /^(?:\.github\/|\.gitlab\/|docs\/)?codeowners$/,
  // What is fetched and run by the next install, without anybody reading it.
  /(?:^|\/)(?:package-lock|npm-shrinkwrap)\.json$/,
  /(?:^|\/)(?:yarn|bun|cargo|poetry|uv|pdm|pipfile|composer|gemfile|flake|mix|pubspec|podfile|deno)\.lockb?$/,
  /(?:^|\/)pnpm-lock\.ya?ml$/,
  /(?:^|\/)(?:go\.sum|gradle\.lockfile|packages\.lock\.json|\.terraform\.lock\.hcl)$/,
];
const MANIFEST = /(?:^|\/)package\.json$/;
const MANIFEST_COMMANDS = ['scripts', 'husky', 'simple-git-hooks', 'lint-staged', 'pre-commit'];
const MANIFEST_BYTES = 1024 * 1024;

interface Trees {
  /** What the site protects beside the list here. Takes a path in small letters. */
  readonly isProtected?: (path: string) => boolean;
  readonly git: string;
  readonly base: string;
  readonly result: string;
}

/** As they are shown to people, in their order. A package.json counts only when what installing or committing runs has changed. */
export async function sensitiveOf(paths: readonly BytePath[], trees: Trees): Promise<readonly string[]> {
  if (paths.length === 0) return [];
  const { isProtected = () => false } = trees;
  const twins = twinsIn(await listTree(trees.git, trees.result));
  const found: string[] = [];
  for (const path of paths) {
    const acts = isSensitive(path) || twins.has(path) || isProtected(textOf(path).toLowerCase());
    if (acts || (await changesCommands(path, trees))) found.push(showPath(path));
  }
  return found;
}

/** Takes the path as it is: the quotes around a shown one would hide how it begins and ends. */
export function isSensitive(path: BytePath): boolean {
  const lower = path.toLowerCase();
  return PATTERNS.some((pattern) => pattern.test(lower));
}

async function changesCommands(path: BytePath, { git, base, result }: Trees): Promise<boolean> {
  if (!MANIFEST.test(path)) return false;
  const bytes = bytesOf(path);
  if (!isUtf8(bytes)) return true;
  const file = { git, path: bytes.toString('utf8'), maxBytes: MANIFEST_BYTES };
  const [before, after] = await Promise.all(
    [base, result].map(async (tree) => commandsOf(await readTreeFile({ ...file, tree }))),
  );
  return before !== after;
}

function commandsOf(file: { readonly text: string } | undefined): string {
  try {
    const manifest = JSON.parse(file?.text ?? '{}') as Readonly<Record<string, unknown>> | null;
    return JSON.stringify(MANIFEST_COMMANDS.map((key) => manifest?.[key]));
  } catch {
    return file?.text ?? '';
  }
}

/** Bytes that are no text stay bytes: a glob for all matches them still. */
function textOf(path: BytePath): string {
  const bytes = bytesOf(path);
  return isUtf8(bytes) ? bytes.toString('utf8') : path;
}
