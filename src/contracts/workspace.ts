// Owns the words for a repository that comes in and a patch that goes out. Knows no git command.

/** A repository packed by `packRepository`: one bundle with one parentless commit whose tree is HEAD + uncommitted + untracked files. */
export interface PackedRepository {
  /** Host path of the bundle file. */
  readonly bundle: string;
  /** Commit in the user's repository that the work builds on. */
  readonly head: string;
  /** Name of the branch HEAD is on, '' if detached. */
  readonly branch: string;
  /** Tree of HEAD; the same as `tree` if nothing was uncommitted. */
  readonly headTree: string;
  /** Tree of what was packed. */
  readonly tree: string;
  readonly files: number;
  readonly bytes: number;
  readonly changed: number;
  readonly untracked: number;
  /** What the person should know: submodules not included, nested repositories, symlinks that lead out. */
  readonly warnings: readonly string[];
}

/** Where the run came from, as `apply` needs it. */
export interface Origin {
  readonly head: string;
  readonly branch: string;
  readonly headTree: string;
  readonly tree: string;
}

/** Host paths of one run. `box` is what the sandbox sees as its home; `git` lies outside of it and is trusted. */
export interface WorkspacePaths {
  readonly root: string;
  readonly box: string;
  readonly work: string;
  readonly git: string;
}

export interface ChangedFile {
  readonly path: string;
  readonly change: 'added' | 'modified' | 'deleted' | 'type_changed';
  readonly added: number;
  readonly removed: number;
  readonly binary: boolean;
}

/** A patch by content, made outside of the sandbox after every process of the run was dead. */
export interface Patch {
  /** `git diff --binary --full-index` text; '' if nothing changed. */
  readonly text: string;
  /** sha256 of `text`. */
  readonly hash: string;
  readonly baseTree: string;
  readonly resultTree: string;
  readonly files: readonly ChangedFile[];
  /** Changed paths that act on people or machines when checked out: hooks, CI, attributes, editor and tool configuration. */
  readonly sensitivePaths: readonly string[];
  /** What it adds that looks like a secret. */
  readonly secrets: readonly SecretPlace[];
}

/** Where something stands that looks like a secret; never the value. */
export interface SecretPlace {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** In words: GitHub token. */
  readonly kind: string;
}

export interface AppliedRef {
  readonly ref: string;
  readonly commit: string;
  readonly base: string;
  /** The command that checks it out. */
  readonly checkout: string;
  readonly warnings: readonly string[];
}
