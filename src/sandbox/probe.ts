// Owns the deep self-test: a throw-away sandbox, its handshake, and attacks that must fail for the right reason. Knows no run.
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, errorFrom } from '../base/errors.ts';
import type { Executor, ProbeCheck, ProbeReport, SandboxLimits } from '../contracts/executor.ts';
import type { SandboxSetup } from './setup.ts';

const LIMITS_OF_PROBE: SandboxLimits = {
  processes: 64,
  processMemoryBytes: 512 * 1024 * 1024,
  openFiles: 256,
  fileBytes: 16 * 1024 * 1024,
  cpuSeconds: 10,
};
const PROBE_MS = 5000;

interface Attack {
  readonly name: string;
  readonly command: string;
  /** What the blocked attack says: a missing program is no proof. */
  readonly blocked: RegExp;
}

const ATTACKS: readonly Attack[] = [
  { name: 'no way to a network', command: 'exec 9<>/dev/tcp/192.0.2.1/80', blocked: /Network is unreachable/ },
  { name: 'loopback of the host is not ours', command: 'cat /proc/net/tcp | wc -l', blocked: /^1\s*$/ },
  {
    name: 'no mount',
    command: 'mount -t tmpfs none /mnt',
    blocked: /must be superuser|permission denied|not permitted/i,
  },
  { name: 'no new namespace', command: 'unshare -U true', blocked: /not permitted/i },
  {
    name: 'no write outside of the box',
    command: ': >/etc/caisson-probe',
    blocked: /Read-only file system|Permission denied/,
  },
];

/** Rejects with a coded error when the throw-away sandbox cannot even be opened. */
export async function runProbe(executor: Executor, setup: SandboxSetup): Promise<ProbeReport> {
  const folder = await mkdtemp(join(setup.boxesRoot, 'probe-'));
  const box = join(folder, 'box');
  const sandbox = `probe-${process.pid}-${Math.round(performance.now())}`;
  try {
    await makeProbeBox(folder, box, setup);
    const opened = await executor.open({ sandbox, run: 'probe', purpose: 'probe', box, limits: LIMITS_OF_PROBE });
    if (!opened.ok) throw errorFrom(opened.error);
    const checks = [...opened.value.probe.checks];
    for (const attack of ATTACKS) checks.push(await tryAttack(attack, sandbox, executor));
    return { ...opened.value.probe, checks, ok: checks.every((check) => check.ok) };
  } finally {
    await executor.close(sandbox);
    await rm(folder, { recursive: true, force: true });
  }
}

async function tryAttack(attack: Attack, sandbox: string, executor: Executor): Promise<ProbeCheck> {
  const request = {
    sandbox,
    exec: 'probe',
    command: `(${attack.command}) 2>&1`,
    timeoutMs: PROBE_MS,
    outputBytes: 2048,
    keep: false,
  };
  const done = await executor.exec(request);
  if (!done.ok) throw new CaissonError('sandbox_unavailable', done.error.message);
  const seen = done.value.output.head.trim();
  return { name: attack.name, ok: attack.blocked.test(seen), seen };
}

async function makeProbeBox(folder: string, box: string, setup: SandboxSetup): Promise<void> {
  const owned = [box, join(box, 'work'), join(box, 'home'), join(box, 'out')];
  for (const path of owned) await mkdir(path, { mode: 0o755 });
  await writeFile(join(box, '.bashrc'), '');
  if (setup.user === undefined) return;
  const { uid, gid } = setup.user;
  for (const path of [folder, ...owned, join(box, '.bashrc')]) await chown(path, uid, gid);
}
