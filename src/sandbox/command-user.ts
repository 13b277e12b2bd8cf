// Owns the look-up of the user who runs commands. Makes no user.
import { readFileSync } from 'node:fs';

export interface CommandUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** From /etc/passwd; undefined if there is none. */
export function findUser(name: string, passwd = '/etc/passwd'): CommandUser | undefined {
  const line = readFileSync(passwd, 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [found, , uid = '', gid = '', , home] = line?.split(':') ?? [];
  if (found !== name || name === '' || home === undefined || !isId(uid) || !isId(gid)) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

function isId(text: string): boolean {
  return /^\d+$/.test(text);
}
