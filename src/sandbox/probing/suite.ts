// Owns the attacks that the self-test tries on a fresh sandbox, and the hash that names this set of them. Runs none.
import { sha256 } from '../../base/hash.ts';
import { canonicalJson } from '../../base/json.ts';

/** What there is to reach on the host. Everything is made for the test and is worth nothing. */
export interface Treasures {
  /** A file of the service, which the user of the commands can read. */
  readonly file: string;
  /** A file in the temporary folder of the host. */
  readonly temporary: string;
  /** A folder on the host that the user of the commands can write, and which is no part of the box. */
  readonly folder: string;
  /** A process of the user of the commands that has a secret in its environment. */
  readonly process: number;
  /** A server on the loopback of the host, and one on a socket of the host that has no file. */
  readonly port: number;
  readonly abstract: string;
}

export interface Attack {
  readonly name: string;
  /** Shell text that prints `loot` when it succeeded. `@NAME@` stands for a treasure. */
  readonly text: string;
  /** What the blocked attack says: a missing program is no proof. */
  readonly blocked: RegExp;
  /** Why it may fail without a sandbox too; absent: then the test has failed, for it proves nothing. */
  readonly unless?: string;
}

const LOOT = '&& echo loot';
const CONNECT = `require('node:net').connect('\\0@abstract@').on('connect', () => { console.log('loot'); process.exit(0); })`;

export const ATTACKS: readonly Attack[] = [
  {
    name: 'no way to a network',
    text: `exec 9<>/dev/udp/192.0.2.1/53 ${LOOT}`,
    blocked: /Network is unreachable/,
    unless: 'this host has no network',
  },
  {
    name: 'loopback of the host is not ours',
    text: `exec 9<>/dev/tcp/127.0.0.1/@port@ ${LOOT}`,
    blocked: /Connection refused/,
  },
  {
    name: 'sockets of the host without a file unreachable',
    // An older Node of the host connects to another name.
    text: `PATH=$HOME/../.caisson/bin:$PATH; node -e "${CONNECT}.on('error', (e) => console.log(e.code))"`,
    blocked: /ECONNREFUSED/,
  },
  {
    name: 'no mount',
    text: `unshare -rm mount -t tmpfs none /mnt ${LOOT}`,
    blocked: /not permitted/i,
    unless: 'users make no user namespaces on this host',
  },
  {
    name: 'no new namespace',
    text: `unshare -U true ${LOOT}`,
    blocked: /not permitted/i,
    unless: 'users make no user namespaces on this host',
  },
  {
    name: 'calls that debug are filtered',
    text: `setarch "$HOSTTYPE" -R true ${LOOT}`,
    blocked: /not permitted/i,
    unless: 'the filter around this host refuses them as well',
  },
  {
    name: 'no write outside of the box',
    text: `: >@folder@/planted ${LOOT}`,
    blocked: /No such file|Read-only file system|Permission denied/,
  },
  {
    name: 'a file of the service unreadable',
    text: `cat @file@ >/dev/null ${LOOT}`,
    blocked: /No such file|Permission denied/,
    unless: 'the user of the commands has no way to it at all',
  },
  {
    name: 'temporary files of the host invisible',
    text: `cat @temporary@ >/dev/null ${LOOT}`,
    blocked: /No such file/,
  },
  {
    name: 'environment of a process of the service unreadable',
    text: `tr '\\0' '\\n' </proc/@process@/environ | grep -q SECRET=live ${LOOT}`,
    blocked: /No such file|Permission denied/,
  },
  { name: 'processes of the host out of reach', text: `kill -0 @process@ ${LOOT}`, blocked: /No such process/ },
  {
    name: 'limits cannot be raised',
    text: `ulimit -Hf unlimited ${LOOT}`,
    blocked: /Operation not permitted/,
    unless: 'this process has limits of its own',
  },
  {
    name: 'set-uid programs out of reach',
    text: `head -c 1 /usr/bin/su >/dev/null ${LOOT}`,
    blocked: /Permission denied|No such file/,
    unless: 'this host has none',
  },
  {
    name: 'the kernel’s own files out of reach',
    text: `ls /sys/kernel >/dev/null ${LOOT}`,
    blocked: /Permission denied/,
  },
  {
    name: 'keys of the kernel unreadable',
    text: `cat /proc/keys >/dev/null ${LOOT}`,
    blocked: /Permission denied|No such file/,
    unless: 'this kernel keeps none',
  },
  {
    name: 'devices of the host out of reach',
    text: `ls /dev/kmsg ${LOOT}`,
    blocked: /No such file/,
    unless: 'this host has none',
  },
  {
    name: 'name of the host unknown',
    text: `[[ $(uname -n) != sandbox ]] ${LOOT} || echo hidden`,
    blocked: /^hidden$/,
  },
];

/** Changes with any attack. */
export function suiteHash(attacks: readonly Attack[] = ATTACKS): string {
  return sha256(canonicalJson(attacks.map(({ name, text, blocked }) => ({ name, text, blocked: blocked.source }))));
}

export function attackText({ text }: Attack, treasures: Treasures): string {
  return text.replaceAll(/@(\w+)@/g, (_, name: keyof Treasures) => String(treasures[name]));
}

export function hasSucceeded(said: string): boolean {
  return /^loot$/m.test(said);
}
