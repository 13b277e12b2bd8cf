// Owns the files of uploaded bundles until a run takes them over: names, ceiling, hash, removal of what nobody took. Knows no route.
import { createHash } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { CaissonError } from '../../base/errors.ts';
import { HASH_PREFIX } from '../../base/hash.ts';
import { isId } from '../../base/ids.ts';
import type { Principal } from '../../contracts/accounts.ts';
import type { GatewayPorts } from '../ports.ts';

const PREFIX = 'bundle';
const IDLE_MS = 60_000;
const KEPT_MS = 60 * 60 * 1000;
const FIRST_LINE = /^# v[23] git bundle\n/;
const FIRST_LINE_BYTES = 16;

export interface Upload {
  /** To be named when a run is created by the same principal. */
  readonly bundle: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Name of the file; undefined if it is no id of an upload. Only who uploaded a bundle finds it again. */
function uploadName(bundle: string, { id }: Principal): string | undefined {
  return isId(PREFIX, bundle) && /^[\w-]{1,64}$/.test(id) ? `${bundle}.${id}` : undefined;
}

/**
 * Takes an upload for one run: nobody else can take it while `work` goes on with its path. If `work` fails, it can be taken again.
 * Throws `invalid_input` if there is no such upload of that owner.
 */
export async function withUpload<Result>(
  bundle: string,
  owner: Principal,
  uploadsDir: string,
  work: (path: string) => Promise<Result>,
): Promise<Result> {
  const name = uploadName(bundle, owner);
  const path = join(uploadsDir, `${name}`);
  const taken = `${path}.taken`;
  const found =
    name !== undefined &&
    (await rename(path, taken).then(
      () => true,
      () => false,
    ));
  if (!found)
    throw new CaissonError('invalid_input', 'there is no such upload: send the bundle first', {
      place: { field: 'bundle' },
    });
  try {
    return await work(taken);
  } catch (error) {
    await rename(taken, path).catch(() => {});
    throw error;
  }
}

/** Writes the body to the disk as it comes. Throws `too_large` and stops reading there, `bundle_invalid`, and `disk_full`. */
export async function receiveBundle(raw: IncomingMessage, owner: Principal, ports: GatewayPorts): Promise<Upload> {
  const { uploadsDir, limits } = ports;
  const bundle = ports.newId(PREFIX);
  const name = uploadName(bundle, owner);
  if (name === undefined) throw new CaissonError('internal', 'an upload without a name');
  refuseLarger(Number(raw.headers['content-length'] ?? 0), limits.bundleBytes);
  const part = join(uploadsDir, `${name}.part`);
  try {
    const { hash, bytes } = await writeBody(raw, part, limits.bundleBytes);
    await rename(part, join(uploadsDir, name));
    return { bundle, sha256: `${HASH_PREFIX}${hash}`, bytes };
  } catch (error) {
    await rm(part, { force: true });
    throw meant(error);
  }
}

/** Removes what was uploaded more than an hour ago and not used. */
export async function sweepUploads({ uploadsDir, clock }: Pick<GatewayPorts, 'uploadsDir' | 'clock'>): Promise<void> {
  for (const name of await readdir(uploadsDir)) {
    const path = join(uploadsDir, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && clock.now() - stats.mtimeMs > KEPT_MS) await rm(path, { force: true });
  }
}

async function writeBody(raw: IncomingMessage, path: string, ceiling: number) {
  const file = await open(path, 'wx', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  let head = Buffer.alloc(0);
  raw.setTimeout(IDLE_MS, () => raw.destroy());
  try {
    // Destroying the request would close the connection before the client has read why.
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      const data = chunk as Buffer;
      bytes += data.length;
      refuseLarger(bytes, ceiling);
      if (head.length < FIRST_LINE_BYTES) head = Buffer.concat([head, data.subarray(0, FIRST_LINE_BYTES)]);
      if (head.length >= FIRST_LINE_BYTES) refuseOther(head);
      hash.update(data);
      await file.writeFile(data);
    }
    refuseOther(head);
  } finally {
    raw.setTimeout(0);
    await file.close();
  }
  return { hash: hash.digest('hex'), bytes };
}

function refuseLarger(bytes: number, ceiling: number): void {
  if (bytes > ceiling)
    throw new CaissonError('too_large', `the bundle has more than ${ceiling} bytes (limits.bundle_bytes)`);
}

function refuseOther(head: Buffer): void {
  if (!FIRST_LINE.test(head.toString('latin1')))
    throw new CaissonError('bundle_invalid', 'the body is not a git bundle');
}

function meant(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') return error;
  return new CaissonError('disk_full', 'there is no space left for the bundle', { cause: error });
}
