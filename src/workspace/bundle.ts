// Owns the reading of an uploaded bundle: one reference, nothing presupposed, every object checked. Trusts nothing in it.
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { git, GitFailed } from './git.ts';

/** The only reference of a bundle of ours. */
export const PACKED_REF = 'refs/heads/base';

const HEADER_BYTES = 4096;
const HEADER = new RegExp(
  String.raw`^# v(?:2|3) git bundle\n(?:@object-format=(sha1|sha256)\n)?([0-9a-f]{40}|[0-9a-f]{64}) ${PACKED_REF}\n\n`,
);
/** What .gitmodules says is only data here: no submodule is ever looked at. */
const ONLY_DATA = ['gitmodulesName', 'gitmodulesUrl', 'gitmodulesPath', 'gitmodulesUpdate', 'gitmodulesParse'];
const STRICT = `--strict=${ONLY_DATA.map((name) => `${name}=ignore`).join(',')}`;

/**
 * Reads the bundle into a git directory that has nothing yet and sets its reference. Returns the commit.
 * Throws `bundle_invalid`. Git's own `fetch` is not used: it checks no object of a bundle.
 */
export async function readBundle(gitDir: string, bundle: string): Promise<string> {
  const file = await open(bundle).catch((cause: unknown) => {
    throw new CaissonError('bundle_invalid', 'the bundle cannot be opened', { cause });
  });
  try {
    const commit = await readHeader(file);
    await git(['index-pack', '--stdin', STRICT], { gitDir, stdin: file.fd });
    await writeFile(join(gitDir, PACKED_REF), `${commit}\n`);
    return commit;
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('bundle_invalid', `the bundle is damaged or holds what git refuses: ${cause.said}`, {
      cause,
    });
  } finally {
    await file.close();
  }
}

/** Afterwards the file stands at the first byte of the pack. */
async function readHeader(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
  const [header, , commit] = HEADER.exec(buffer.subarray(0, bytesRead).toString('latin1')) ?? [];
  if (header === undefined || commit === undefined)
    throw new CaissonError('bundle_invalid', `this is no git bundle with the one complete reference ${PACKED_REF}`);
  await file.read(Buffer.alloc(header.length), 0, header.length, null);
  return commit;
}
