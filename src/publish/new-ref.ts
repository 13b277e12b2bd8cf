// Owns new refs in a person's repository: their names, and that no existing one is ever moved. Knows no patch.
import { CaissonError } from '../base/errors.ts';
import { git, GitFailed } from '../workspace/git.ts';

const HEADS = 'refs/heads/';

/** Throws `invalid_input` for what git does not take as the name of a branch, or what a command line would take for an option. */
export async function requireRefName(ref: string): Promise<void> {
  const branch = ref.slice(HEADS.length);
  const clean = ref.startsWith(HEADS) && branch !== 'HEAD' && !/^-|[\p{Cc}\p{Cf}\p{Z}]/u.test(branch);
  if (clean && (await git(['check-ref-format', ref], { codes: [0, 1] })).code === 0) return;
  throw new CaissonError('invalid_input', `${JSON.stringify(ref)} is not a name for a branch`, {
    place: { field: 'branch' },
  });
}

/** False if it is there and is the commit already. Throws `ref_exists` if it, or a name in its way, is something else. */
export async function requireFreeRef(gitDir: string, ref: string, commit: string): Promise<boolean> {
  const call = { gitDir, codes: [0, 1, 128] };
  const there = (await git(['rev-parse', '--verify', '--quiet', ref], call)).stdout.trim();
  if (there === commit) return false;
  if (there !== '') throw new CaissonError('ref_exists', `${ref} is there already, at ${there.slice(0, 12)}`);
  const names = ref.split('/');
  const above = names.slice(3).map((_, at) => names.slice(0, at + 3).join('/'));
  const format = '--format=%(refname)';
  const { stdout } = await git(['for-each-ref', '--count=1', format, `${ref}/`, ...above.map(exactly)], { gitDir });
  const [inTheWay = ''] = stdout.split('\n');
  if (inTheWay !== '')
    throw new CaissonError('ref_exists', `${ref} cannot be made: ${inTheWay} is there, and git keeps only one of them`);
  return true;
}

/** `for-each-ref` takes a name also for everything below it, unless it is a pattern. */
function exactly(name: string): string {
  return name.replace(/.$/, '[$&]');
}

/** Throws `ref_exists` when somebody else made it in between. */
export async function createRef(gitDir: string, ref: string, commit: string): Promise<void> {
  try {
    const none = '0'.repeat(commit.length);
    await git(['update-ref', '--no-deref', '-m', 'caisson: apply', ref, commit, none], { gitDir });
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('ref_exists', `${ref} cannot be made: ${cause.said}`, { cause });
  }
}
