// Owns the list of paths that act on people or machines when they are checked out. Knows no patch.

const PATTERNS: readonly RegExp[] = [
  // Hooks and what installs them.
  /(?:^|\/)(?:\.githooks|\.husky|hooks)\//,
  /(?:^|\/)(?:lefthook|\.lefthook)\.(?:ya?ml|json|toml)$/,
  /(?:^|\/)\.pre-commit-config\.yaml$/,
  // Builds that run by themselves.
  /^\.(?:github|gitea|forgejo)\/(?:workflows|actions)\//,
  /^(?:\.gitlab-ci\.yml|\.gitlab\/|\.circleci\/|\.travis\.yml|\.drone\.yml|\.woodpecker|\.buildkite\/)/,
  /^(?:Jenkinsfile|azure-pipelines|bitbucket-pipelines)/,
  // Git's own files.
  /(?:^|\/)\.git(?:attributes|modules|config)$/,
  // Configuration that tools read on their own.
  /(?:^|\/)\.(?:envrc|npmrc|yarnrc(?:\.yml)?|pypirc|bashrc|profile|tool-versions|mcp\.json)$/,
  /(?:^|\/)\.(?:vscode|idea|devcontainer|cursor|claude|codex|cargo)\//,
  /(?:^|\/)(?:AGENTS|CLAUDE)\.md$/,
  /(?:^|\/)CODEOWNERS$/,
  /(?:^|\/)(?:conftest\.py|sitecustomize\.py|package\.json|setup\.py|build\.rs)$/,
];

export function isSensitive(path: string): boolean {
  return PATTERNS.some((pattern) => pattern.test(path));
}
