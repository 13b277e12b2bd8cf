// Owns the list of paths that act on people or machines once they are checked out. Runs nothing.
import type { ChangedFile } from '../contracts/workspace.ts';
import { readTreeFile } from './tree.ts';

/** On paths in lower case: some systems do not tell `.Github` from `.github`. */
const PATTERNS: readonly RegExp[] = [
  // Hooks and what installs them.
  /(?:^|\/)(?:\.?git-?hooks|\.husky|\.hooks|hooks)\//,
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
];
const MANIFEST = /(?:^|\/)package\.json$/;
const MANIFEST_BYTES = 1024 * 1024;

interface Trees {
  readonly git: string;
  readonly base: string;
  readonly result: string;
}

/** A package.json counts only when its scripts changed: installing runs them. */
export async function sensitiveOf(files: readonly ChangedFile[], trees: Trees): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { path } of files) if (isSensitive(path) || (await changesScripts(path, trees))) found.push(path);
  return found;
}

export function isSensitive(path: string): boolean {
  const lower = path.toLowerCase();
  return PATTERNS.some((pattern) => pattern.test(lower));
}

async function changesScripts(path: string, { git, base, result }: Trees): Promise<boolean> {
  if (!MANIFEST.test(path)) return false;
  const [before, after] = await Promise.all(
    [base, result].map(async (tree) => scriptsOf(await readTreeFile({ git, tree, path, maxBytes: MANIFEST_BYTES }))),
  );
  return before !== after;
}

function scriptsOf(file: { readonly text: string } | undefined): string {
  try {
    const manifest = JSON.parse(file?.text ?? '{}') as { readonly scripts?: unknown } | null;
    return JSON.stringify(manifest?.scripts ?? {});
  } catch {
    return file?.text ?? '';
  }
}
