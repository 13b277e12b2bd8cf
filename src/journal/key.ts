// Owns the key file of the journal. Knows not what is signed with it.
import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { CaissonError } from '../base/errors.ts';
import type { Store } from '../store/open.ts';

const KEY_BYTES = 32;

/**
 * The key of the journal, 32 bytes. Makes the file (0600) if there is neither key nor event yet.
 * Throws `journal_broken` if events are there and the key is not, or if the file holds no key.
 */
export async function loadJournalKey(file: string, store: Store): Promise<Uint8Array> {
  const known = await readJournalKey(file);
  if (known !== undefined) return known;
  const events = await store.write('placesBeyond', { count: 0 });
  if (events.length > 0)
    throw new CaissonError('journal_broken', `${file} is missing although ${events.length} events are stored`);
  return makeKey(file);
}

/** The key, or undefined if there is no file. Throws `journal_broken` if the file holds no key. */
export async function readJournalKey(file: string): Promise<Uint8Array | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  if (!/^[0-9a-f]{64}\n?$/.test(text))
    throw new CaissonError('journal_broken', `${file} does not hold a key: 64 hexadecimal digits are expected`);
  return Buffer.from(text.trim(), 'hex');
}

/** The text of a file; undefined if there is none. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** In place only when it is whole and durable: nothing may ever be signed with a key that a power loss takes away. */
async function makeKey(file: string): Promise<Uint8Array> {
  const key = randomBytes(KEY_BYTES);
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(`${key.toString('hex')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  return key;
}
