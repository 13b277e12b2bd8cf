// Owns the judgement of what a new sandbox says of itself. Knows no process: facts in, checks out.
import type { ProbeCheck, SandboxLimits } from '../contracts/executor.ts';
import { FACTS } from './shell-script.ts';

/** Processes that a new sandbox may see: its init, its shell and what firejail keeps around it. */
const MOST_PROCESSES = 8;

/** One check per promise of the sandbox, each with what was seen. A fact that is missing fails its check. */
export function judgeFacts(record: string, uid: number, limits: SandboxLimits): readonly ProbeCheck[] {
  const facts = readFacts(record);
  const status = (name: string) =>
    one(facts, 'status')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(/\s+/)[1] ?? 'missing';
  const interfaces = one(facts, 'net').flatMap((line) => /^\s*([^\s:|]+):/.exec(line)?.[1] ?? []);
  const maps = one(facts, 'uid_map').map((line) => line.trim().split(/\s+/).join(' '));
  const said = (name: string) => one(facts, name)[0] ?? 'missing';
  const check = (name: string, ok: boolean, seen: string): ProbeCheck => ({ name, ok, seen });
  return [
    check(
      'own user namespace maps this user only',
      maps.length === 1 && maps[0] === `${uid} ${uid} 1`,
      maps.join('; ') || 'missing',
    ),
    check('no new privileges', status('NoNewPrivs') === '1', status('NoNewPrivs')),
    check('system call filter', status('Seccomp') === '2', status('Seccomp')),
    check(
      'no capabilities',
      isZero(status('CapBnd')) && isZero(status('CapEff')),
      `${status('CapBnd')} ${status('CapEff')}`,
    ),
    check('no network but loopback', interfaces.join() === 'lo', interfaces.join(' ') || 'missing'),
    check('host processes invisible', isFew(said('processes')), `${said('processes')} processes`),
    check('service files unreadable', said('canary_readable') === 'no', `canary readable: ${said('canary_readable')}`),
    check('root of the box read-only', said('root_writable') === 'no', `writable: ${said('root_writable')}`),
    // Firejail mounts a box below /var so that nothing in it can be executed.
    check('programs of the box can run', said('executable') === 'yes', `executable: ${said('executable')}`),
    check('work tree writable', said('work_writable') === 'yes', `writable: ${said('work_writable')}`),
    // Other filters than ours leave the mode as it is: `unshare` without a flag is a call that only ours refuses.
    check('filtered calls refused', said('call') === '1', `exit status ${said('call')}`),
    check('box of the host invisible', said('box_visible') === 'no', `visible: ${said('box_visible')}`),
    check('write outside refused', said('outside') === 'refused', said('outside')),
    check('socket to a network refused', said('socket') === 'refused', said('socket')),
    limitsCheck(one(facts, 'limits'), limits),
  ];
}

/** What the kernel keeps for each process, as /proc/self/limits names it. */
function limitsCheck(lines: readonly string[], limits: SandboxLimits): ProbeCheck {
  const wanted: readonly (readonly [name: string, most: number])[] = [
    ['Max processes', limits.processes],
    ['Max data size', limits.processMemoryBytes],
    ['Max open files', limits.openFiles],
    ['Max file size', limits.fileBytes],
    ['Max cpu time', limits.cpuSeconds],
    ['Max core file size', 0],
  ];
  const missing = wanted.flatMap(([name, most]) => {
    const hard =
      lines
        .find((line) => line.startsWith(name))
        ?.slice(name.length)
        .trim()
        .split(/\s+/)[1] ?? 'missing';
    return /^\d+$/.test(hard) && Number(hard) <= most ? [] : [`${name} ${hard}, not ${most}`];
  });
  return { name: 'limits set', ok: missing.length === 0, seen: missing.join('; ') || 'all' };
}

function readFacts(record: string): ReadonlyMap<string, readonly string[]> {
  const facts = new Map<string, string[]>();
  const [kind, ...lines] = record.split('\n');
  if (kind !== FACTS) return facts;
  for (const line of lines) {
    const at = line.indexOf(' ');
    if (at === -1) continue;
    const name = line.slice(0, at);
    const values = facts.get(name) ?? [];
    values.push(line.slice(at + 1));
    facts.set(name, values);
  }
  return facts;
}

function one(facts: ReadonlyMap<string, readonly string[]>, name: string): readonly string[] {
  return facts.get(name) ?? [];
}

function isFew(count: string): boolean {
  return /^[1-9]\d*$/.test(count) && Number(count) <= MOST_PROCESSES;
}

function isZero(mask: string): boolean {
  return /^0+$/.test(mask);
}
