// Owns the exact look at what a sandbox uses, taken inside: its user alone may see the memory and the open files. Knows no limit.
import { spawn } from 'node:child_process';
import type { SandboxLimits } from '../../contracts/executor.ts';
import { joinPlan } from '../argv.ts';
import { isInContainer } from '../launch.ts';
import { killGroup } from '../processes.ts';
import { commandUser, insidePaths, type SandboxSetup } from '../setup.ts';

/** Bytes, and files. */
export interface InsideView {
  /** Private memory; a page that processes share counts once. */
  readonly anonymous: number;
  /** Shared memory, memory files, and what lies in /tmp and /dev/shm. */
  readonly shared: number;
  /** Of the box on the disk, deleted files that are open among it. */
  readonly disk: number;
  readonly files: number;
  /** False if a directory could not be read: then more lies on the disk. */
  readonly whole: boolean;
}

const LOOK_MS = 2000;
const MOST_LETTERS = 64 * 1024;
const KB = 1024;
const BLOCK = 512;

/**
 * `stat` and `find` print numbers only, so that no name of a file can be taken for an answer. A file with several names counts once.
 * Firejail refuses arguments of 4 kB.
 */
const LOOK_SCRIPT = String.raw`
cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss_Anon:/{a+=$2} /^Pss_Shmem:/{s+=$2} END{printf "pss %.0f %.0f\n",a,s}'
stat -f -c 'tmpfs %b %f %S' /tmp /dev/shm
stat -c 'device %d' /tmp /dev/shm "$1"
find -L /proc/[0-9]*/fd -maxdepth 1 -type f -links 0 -printf '%D %i %b\n' 2>/dev/null | sort -u |
  awk '{b[$1]+=$3} END{for(d in b) printf "deleted %s %.0f\n",d,b[d]}'
find "$1" "$2" -xdev -printf '%n %i %b\n' 2>&1 |
  awk '/Permission denied/{h++} !/^[0-9]+ [0-9]+ [0-9]+$/{next} $1>1&&seen[$2]++{next} {n++;b+=$3}
    END{printf "box %d %.0f %d\nend\n",n,b,h}'
`;

/** Undefined if there was no answer in time, as where what runs inside prevents it. Never rejects. `pid`: its first process. */
export async function lookInside(
  pid: number,
  limits: SandboxLimits,
  setup: Pick<SandboxSetup, 'user' | 'firejail'>,
): Promise<InsideView | undefined> {
  const { work, home } = insidePaths(commandUser(setup));
  const program = ['bash', '--noprofile', '--norc', '-c', LOOK_SCRIPT, 'caisson', work, home];
  const { argv, env } = joinPlan({ pid, limits, program, inContainer: isInContainer() }, setup);
  const [file = '', ...words] = argv;
  const { user } = setup;
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return new Promise((resolve) => {
    const child = spawn(file, words, { ...as, cwd: '/', env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    const timer = setTimeout(() => killGroup(child.pid ?? 0), LOOK_MS);
    const finish = () => {
      clearTimeout(timer);
      resolve(readView(text));
    };
    child.once('error', finish).once('close', finish);
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
      text = (text + chunk).slice(0, MOST_LETTERS);
    });
  });
}

/** Undefined unless the text is whole. */
export function readView(text: string): InsideView | undefined {
  const lines = text.split('\n').map((line) => line.split(' '));
  const of = (kind: string) => lines.filter(([first]) => first === kind).map(([, ...rest]) => rest.map(Number));
  const [[anonymous = 0, mapped = 0] = []] = of('pss');
  const [[files = 0, blocks = 0, hidden = 0] = []] = of('box');
  const devices = of('device').map(([device]) => device);
  const tmpfs = of('tmpfs');
  if (of('end').length !== 1 || of('pss').length !== 1 || devices.length !== 3 || tmpfs.length !== 2) return undefined;
  const onDisk = devices[2];
  const inTmpfs = tmpfs.map(([all = 0, free = 0, size = 0]) => (all - free) * size).reduce((sum, one) => sum + one, 0);
  const deleted = (counts: (device: number | undefined) => boolean) =>
    of('deleted').reduce((sum, [device, count = 0]) => sum + (counts(device) ? count * BLOCK : 0), 0);
  const memoryFiles = deleted((device) => !devices.includes(device));
  return {
    anonymous: anonymous * KB,
    // What is mapped may lie in a file that is counted already.
    shared: Math.max(mapped * KB, inTmpfs + memoryFiles),
    disk: blocks * BLOCK + deleted((device) => device === onDisk),
    files,
    whole: hidden === 0,
  };
}
