// Owns the deep self-test: a throw-away sandbox, its handshake, and attacks that must fail for the right reason. Knows no run.
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeathReport, OpenSandbox, ProbeCheck, ProbeReport, SandboxLimits } from '../contracts/executor.ts';
import type { Sandbox } from './sandbox.ts';
import type { SandboxSetup } from './setup.ts';

export interface Opened {
  readonly probe: ProbeReport;
  readonly sandbox: Sandbox;
  close(): Promise<DeathReport>;
}

const LIMITS_OF_PROBE: SandboxLimits = {
  processes: 64,
  processMemoryBytes: 512 * 1024 * 1024,
  memoryBytes: 1024 * 1024 * 1024,
  openFiles: 256,
  fileBytes: 16 * 1024 * 1024,
  diskBytes: 1024 * 1024 * 1024,
  diskFiles: 10_000,
  cpuSeconds: 10,
};
const PROBE_MS = 5000;
const SEEN_BYTES = 2048;

interface Attack {
  readonly name: string;
  readonly command: string;
  /** What the blocked attack says: a missing program is no proof. */
  readonly blocked: RegExp;
}

/** `service`: pid on the host. Inside, that number is of no process, or of one that is not the service. */
function attacks(service: number): readonly Attack[] {
  return [
    { name: 'no way to a network', command: 'exec 9<>/dev/tcp/192.0.2.1/80', blocked: /Network is unreachable/ },
    {
      name: 'loopback of the host is not ours',
      command: 'mapfile -t all </proc/net/tcp; echo ${#all[@]}',
      blocked: /^1$/,
    },
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
    {
      name: 'environment of the service unreadable',
      command: `cat /proc/${service}/environ`,
      blocked: /No such file|Permission denied/,
    },
  ];
}

/** `ok: false` if an attack came through. Throws `sandbox_unavailable`, `sandbox_self_test_failed` if there is no sandbox at all. */
export async function runProbe(
  open: (request: OpenSandbox) => Promise<Opened>,
  setup: SandboxSetup,
): Promise<ProbeReport> {
  const folder = await mkdtemp(join(setup.boxesRoot, 'probe-'));
  const box = join(folder, 'box');
  const sandbox = `probe-${process.pid}-${Math.round(setup.clock.monotonic() * 1000)}`;
  let opened: Opened | undefined;
  try {
    await makeProbeBox(folder, box, setup);
    opened = await open({ sandbox, run: 'probe', purpose: 'probe', box, limits: LIMITS_OF_PROBE });
    const checks = [...opened.probe.checks];
    for (const attack of attacks(process.pid)) checks.push(await tryAttack(attack, opened.sandbox, sandbox));
    const { survivors } = await opened.close();
    const left = survivors.length === 0 ? 'none' : survivors.join(' ');
    checks.push({ name: 'no process outlives its sandbox', ok: survivors.length === 0, seen: left });
    return { ...opened.probe, checks, ok: checks.every((check) => check.ok) };
  } finally {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function tryAttack(attack: Attack, sandbox: Sandbox, id: string): Promise<ProbeCheck> {
  const request = { sandbox: id, exec: 'probe', timeoutMs: PROBE_MS, outputBytes: SEEN_BYTES, keep: false };
  const done = await sandbox.exec({ ...request, command: `(${attack.command}) 2>&1` });
  const seen = done.output.head.trim() || done.end;
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
