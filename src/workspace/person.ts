// Owns what counts from a person's own git settings: line ends, executable bits, what to ignore. Takes values only, acts on none.
import { join } from 'node:path';
import { git, GitFailed } from './git.ts';
import { readPlainFile } from './plain-file.ts';
import type { Repository } from './repository.ts';

export interface PersonSettings {
  /** For the git calls that look at the work tree, so that they see it as the person's `git status` does. */
  readonly settings: Readonly<Record<string, string>>;
  /** Lines of .gitignore form that hold for the whole repository. */
  readonly exclude: string;
}

const ASKED = String.raw`^core\.(autocrlf|eol|filemode|excludesfile)$`;
const PLAIN: Readonly<Record<string, { readonly name: string; readonly values: RegExp }>> = {
  'core.autocrlf': { name: 'core.autocrlf', values: /^(?:true|false|input)$/ },
  'core.eol': { name: 'core.eol', values: /^(?:lf|crlf|native)$/ },
  'core.filemode': { name: 'core.fileMode', values: /^(?:true|false)$/ },
};
const IGNORE_BYTES = 1024 * 1024;

/** `home`: where the person's settings lie. A setting that cannot be read counts as not made. */
export async function personSettings(repository: Repository, home: string): Promise<PersonSettings> {
  const said = await read(repository, home);
  const settings: Record<string, string> = {};
  for (const [key, value] of said) {
    const known = PLAIN[key];
    if (known?.values.test(value) === true) settings[known.name] = value;
  }
  const wanted = said.get('core.excludesfile') ?? join(home, '.config', 'git', 'ignore');
  const files = [wanted.replace(/^~(?=\/)/, home), join(repository.common, 'info', 'exclude')];
  const lines = await Promise.all(files.map((file) => readPlainFile(file, IGNORE_BYTES)));
  return { settings, exclude: lines.flatMap((text) => text?.toString('latin1') ?? []).join('\n') };
}

async function read({ gitDir }: Repository, home: string): Promise<ReadonlyMap<string, string>> {
  try {
    const { stdout } = await git(['config', '--null', '--get-regexp', ASKED], { gitDir, home, codes: [0, 1] });
    const pairs = stdout.split('\0').filter((line) => line !== '');
    return new Map(
      pairs.map((line): [string, string] => {
        const at = line.indexOf('\n');
        return at < 0
          ? [line, 'true']
          : [line.slice(0, at), Buffer.from(line.slice(at + 1), 'latin1').toString('utf8')];
      }),
    );
  } catch (error) {
    if (error instanceof GitFailed) return new Map();
    throw error;
  }
}
