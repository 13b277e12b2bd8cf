// Owns the words about what was made ready before an agent came. Knows no file.

export const MIRRORED = ['npm', 'pip', 'cargo', 'go'] as const;

/** What the site says of set-ups. */
export interface SetupSettings {
  /** Lock files say what to run, where the policy lets something through. */
  readonly detect: boolean;
  /** The site's own servers in the place of the public ones. */
  readonly mirrors: Readonly<Partial<Record<(typeof MIRRORED)[number], string>>>;
  /** Names of the bound secrets whose placeholders the commands get. Absent: none. */
  readonly secrets?: readonly string[];
}

/** What a set-up was made from. */
export interface SetupFacts {
  readonly commands: readonly string[];
  readonly team: string;
  /** The tree of the files that its commands saw. */
  readonly tree: string;
  /** How many files of the repository that are. */
  readonly seen: number;
  /** Programs with their sizes and times. */
  readonly toolchain: string;
  /** Milliseconds that its commands took. */
  readonly ms: number;
}

/** A kept set-up. Times are milliseconds since 1970. */
export interface SetupEntry extends SetupFacts {
  readonly key: string;
  readonly madeAt: number;
  readonly usedAt: number;
  /** Hash of the list of its files. */
  readonly manifest: string;
  readonly files: number;
  readonly bytes: number;
  /** Pipes, sockets, devices and unreadable files that are not in it. */
  readonly leftOut: number;
  /** Its paths in the work tree that lie in no other one of it; each character is one byte. */
  readonly tops: readonly string[];
}

/** The kept set-ups, for those who look after them. Methods reject with `not_found`, `conflict`. */
export interface Setups {
  list(): Promise<readonly SetupEntry[]>;
  get(key: string): Promise<SetupEntry>;
  drop(key: string): Promise<SetupEntry>;
}
