// Owns the look at every file of a work tree, from outside: what it is, what is ignored. Follows no link, opens no content.
import { lstatSync, type Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BytePath, bytesOf, isGitName, toBytePath } from './byte-path.ts';
import { git, type GitCall } from './git.ts';
import type { KnownPaths } from './known-paths.ts';

export interface FoundFile {
  readonly path: BytePath;
  readonly link: boolean;
  readonly executable: boolean;
  readonly bytes: number;
  /** Its owner may read it. */
  readonly readable: boolean;
  /** What a change of its content changes as well: inode, and milliseconds since 1970 of its last changes. Nobody can set `changedAt`. */
  readonly inode: number;
  readonly modifiedAt: number;
  readonly changedAt: number;
}

export interface Walked {
  readonly files: readonly FoundFile[];
  /** Pipes, sockets and devices: nothing that git carries. */
  readonly special: readonly BytePath[];
  /** Directories with a `.git` of their own that were not entered. */
  readonly nested: readonly BytePath[];
}

export interface WalkPlan {
  /** Absolute host path of the tree. */
  readonly top: string;
  /** These count whatever is ignored. */
  readonly known: KnownPaths;
  /** A git directory of ours; its info/exclude holds for the whole tree. */
  readonly call: GitCall;
  /** True if that info/exclude has lines. */
  readonly excluding: boolean;
  /** What git said of ignored paths in earlier walks of the same tree; it is asked again once a rules file has changed. */
  readonly remembered?: Map<string, Verdict>;
  /** Whether a directory with a `.git` is entered, without the `.git`. */
  readonly enterNested: boolean;
  readonly maxFiles: number;
  readonly maxBytes: number;
  /** The error for a tree that is over a maximum. */
  readonly tooMuch: (found: string, limit: 'repository_files' | 'repository_bytes') => Error;
  /** A directory that cannot be listed: repairs that, or throws. */
  readonly onLocked: (path: BytePath, cause: unknown) => Promise<void>;
  /** The error for a .gitignore or .gitattributes that git must not open: a pipe would hold it for ever. */
  readonly onUnsafe: (path: BytePath) => Error;
}

export interface Verdict {
  /** The state of the rules files that it came from. */
  readonly rules: string;
  readonly ignored: boolean;
}

const AT_ONCE = 32;
/** A rules file that was changed so shortly ago may change again without a trace. */
const SETTLED_MS = 100;
const LOOK = { throwIfNoEntry: false } as const;
const RULES = /(?:^|\/)\.git(?:ignore|attributes)$/;
const PATH_BYTES = 4000;
const RULES_BYTES = 1024 * 1024;

interface Place {
  readonly path: BytePath;
  /** False: only what is known counts in here. */
  readonly whole: boolean;
}

interface Seen extends Place {
  readonly info: Stats;
}

/** Files in no certain order. Stops with `tooMuch` as soon as a maximum is passed. */
export async function walkTree(plan: WalkPlan): Promise<Walked> {
  const walk = new Walk(plan);
  let level: readonly Place[] = [{ path: '', whole: true }];
  while (level.length > 0) level = await walk.descend(level);
  return walk.result;
}

class Walk {
  readonly result = { files: new Array<FoundFile>(), special: new Array<BytePath>(), nested: new Array<BytePath>() };
  readonly #plan: WalkPlan;
  readonly #top: BytePath;
  #entries = 0;
  #bytes = 0;
  #rules: boolean;
  #stateOfRules = '';

  constructor(plan: WalkPlan) {
    this.#plan = plan;
    this.#top = toBytePath(plan.top);
    this.#rules = plan.excluding;
  }

  /** One level of directories; returns the next. */
  async descend(level: readonly Place[]): Promise<readonly Place[]> {
    const seen: Seen[] = [];
    for (let at = 0; at < level.length; at += AT_ONCE) {
      const lists = await Promise.all(level.slice(at, at + AT_ONCE).map((place) => this.#list(place)));
      for (const entry of await this.#look(lists.flat())) seen.push(entry);
    }
    const ignored = await this.#ignoredOf(seen.filter((entry) => entry.whole && !this.#isKnown(entry)));
    return seen.flatMap((entry) => (ignored.has(entry.path) ? [] : this.#take(entry)));
  }

  async #list(place: Place): Promise<readonly Place[]> {
    const names = await this.#namesIn(place.path);
    this.#count(names.length);
    const nested = place.path !== '' && names.includes('.git') && !this.#plan.enterNested;
    if (nested) this.result.nested.push(place.path);
    const prefix = place.path === '' ? '' : `${place.path}/`;
    const whole = place.whole && !nested;
    return names
      .filter((name) => !isGitName(name) && prefix.length + name.length <= PATH_BYTES)
      .map((name) => ({ path: prefix + name, whole }))
      .filter(({ path }) => whole || this.#plan.known.has(path) || this.#plan.known.hasDirectory(path));
  }

  async #namesIn(path: BytePath): Promise<readonly string[]> {
    const dir = this.#hostPath(path);
    try {
      return await readdir(dir, { encoding: 'latin1' });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return [];
      await this.#plan.onLocked(path, error);
      return await readdir(dir, { encoding: 'latin1' });
    }
  }

  /** In slices, so that whatever else this process does waits microseconds only. */
  async #look(places: readonly Place[]): Promise<readonly Seen[]> {
    const seen: Seen[] = [];
    for (const [index, place] of places.entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) await nextTurn();
      const info = lstatSync(this.#hostPath(place.path), LOOK);
      if (info === undefined) continue;
      seen.push({ ...place, info });
      if (isRules(place.path)) await this.#checkRules(place.path, info);
    }
    return seen;
  }

  /** Before git is asked about anything beside or below: it opens these files by itself. */
  async #checkRules(path: BytePath, info: Stats): Promise<void> {
    const target = info.isSymbolicLink() ? await stat(this.#hostPath(path)).catch(() => undefined) : info;
    if (target !== undefined && !target.isDirectory() && (!target.isFile() || target.size > RULES_BYTES))
      throw this.#plan.onUnsafe(path);
    const isSettled = Date.now() - info.ctimeMs > SETTLED_MS;
    this.#stateOfRules += `${path}\0${info.ino}\0${info.size}\0${isSettled ? info.ctimeMs : process.hrtime.bigint()}\0`;
    if (path.endsWith('.gitignore')) this.#rules = true;
  }

  #isKnown({ path, info }: Seen): boolean {
    const { known } = this.#plan;
    return info.isDirectory() ? known.hasDirectory(path) || known.isLink(path) : known.has(path);
  }

  async #ignoredOf(unknown: readonly Seen[]): Promise<ReadonlySet<BytePath>> {
    if (!this.#rules || unknown.length === 0) return new Set();
    const { remembered = new Map<string, Verdict>() } = this.#plan;
    const rules = this.#stateOfRules;
    const keyOf = ({ path, info }: Seen) => (info.isDirectory() ? `${path}/` : path);
    const open = unknown.filter((entry) => remembered.get(keyOf(entry))?.rules !== rules);
    if (open.length > 0) {
      const said = await this.#askGit(open);
      for (const entry of open) remembered.set(keyOf(entry), { rules, ignored: said.has(entry.path) });
    }
    return new Set(unknown.filter((entry) => remembered.get(keyOf(entry))?.ignored).map(({ path }) => path));
  }

  async #askGit(open: readonly Seen[]): Promise<ReadonlySet<BytePath>> {
    const { call, top } = this.#plan;
    const stdin = Buffer.from(open.map(({ path }) => `./${path}\0`).join(''), 'latin1');
    const asking = { ...call, workTree: top, cwd: top, stdin, codes: [0, 1] };
    const { stdout } = await git(['check-ignore', '--no-index', '-z', '--stdin'], asking);
    return new Set(stdout.split('\0').map((path) => path.slice(2)));
  }

  /** The places to go on at. */
  #take({ path, whole, info }: Seen): readonly Place[] {
    if (info.isDirectory()) return this.#plan.known.isLink(path) ? [] : [{ path, whole }];
    if (info.isFile() || info.isSymbolicLink()) this.#takeFile(path, info);
    else this.result.special.push(path);
    return [];
  }

  #takeFile(path: BytePath, info: Stats): void {
    const { maxBytes, maxFiles, tooMuch } = this.#plan;
    const { mode, size, ino: inode, mtimeMs: modifiedAt, ctimeMs: changedAt } = info;
    const link = info.isSymbolicLink();
    this.result.files.push({
      path,
      link,
      executable: (mode & 0o100) !== 0,
      bytes: size,
      readable: link || (mode & 0o400) !== 0,
      inode,
      modifiedAt,
      changedAt,
    });
    this.#bytes += size;
    if (this.#bytes > maxBytes) throw tooMuch(`more than ${maxBytes} bytes`, 'repository_bytes');
    if (this.result.files.length > maxFiles) throw tooMuch(`more than ${maxFiles} files`, 'repository_files');
  }

  /** Also what is no file costs time and memory. */
  #count(entries: number): void {
    this.#entries += entries;
    const most = this.#plan.maxFiles * 2 + 1000;
    if (this.#entries > most) throw this.#plan.tooMuch(`more than ${most} files and directories`, 'repository_files');
  }

  /** As text where that is the same: it costs less. */
  #hostPath(path: BytePath): Buffer | string {
    const place = path === '' ? this.#top : `${this.#top}/${path}`;
    return isPlain(place) ? place : bytesOf(place);
  }
}

/** Most names are told by their last letter. */
function isRules(path: BytePath): boolean {
  return path.endsWith('e') || path.endsWith('s') ? RULES.test(path) : false;
}

function isPlain(path: BytePath): boolean {
  return !/[^ -~]/.test(path);
}
