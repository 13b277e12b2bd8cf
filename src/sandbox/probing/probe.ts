// Owns the deep self-test: a throw-away sandbox, its handshake, and attacks that must fail for the right reason. Knows no run.
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenSandbox, ProbeCheck, ProbeDepth, ProbeReport, SandboxLimits } from '../../contracts/executor.ts';
import type { ProbeSetup, Target } from './probing.ts';
import { type Attack, ATTACKS, attackText, hasSucceeded, suiteHash } from './suite.ts';
import { type Laid, layTreasures } from './treasures.ts';

const LIMITS_OF_PROBE: SandboxLimits = {
  processes: 64,
  processMemoryBytes: 1024 * 1024 * 1024,
  memoryBytes: 1024 * 1024 * 1024,
  openFiles: 256,
  fileBytes: 16 * 1024 * 1024,
  diskBytes: 1024 * 1024 * 1024,
  diskFiles: 10_000,
  cpuSeconds: 10,
};
const PROBE_MS = 5000;
const SEEN_BYTES = 2048;
/** In a session of its own, so that no group of ours holds it. */
const DAEMON = 'setsid sleep 600 </dev/null >/dev/null 2>&1 & disown; echo $!';

/**
 * `ok: false` if an attack came through. `whole`: each attack is tried without a sandbox too, where it must succeed. Throws
 * `sandbox_unavailable`, `sandbox_self_test_failed` if there is no sandbox at all.
 */
export async function runProbe(
  open: (request: OpenSandbox) => Promise<Target>,
  setup: ProbeSetup,
  depth: ProbeDepth,
): Promise<ProbeReport> {
  const folder = await mkdtemp(join(setup.boxesRoot, 'probe-'));
  const box = join(folder, 'box');
  const sandbox = `probe-${process.pid}-${Math.round(setup.clock.monotonic() * 1000)}`;
  let opened: Target | undefined;
  let laid: Laid | undefined;
  try {
    await makeProbeBox(folder, box, setup);
    laid = await layTreasures(folder, setup);
    opened = await open({ sandbox, run: 'probe', purpose: 'probe', box, limits: LIMITS_OF_PROBE });
    const checks = [...opened.probe.checks];
    for (const attack of ATTACKS) checks.push(await tryAttack(attack, opened, laid, depth));
    await say(opened, DAEMON);
    const { survivors } = await opened.close();
    const left = survivors.length === 0 ? 'none' : survivors.join(' ');
    checks.push({ name: 'no process outlives its sandbox', ok: survivors.length === 0, seen: left });
    return { ...opened.probe, checks, ok: checks.every((check) => check.ok), suite: suiteHash() };
  } finally {
    await opened?.close();
    await laid?.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function tryAttack(attack: Attack, target: Target, laid: Laid, depth: ProbeDepth): Promise<ProbeCheck> {
  const { name, blocked, unless } = attack;
  const text = attackText(attack, laid.treasures);
  const inside = await say(target, text);
  const ok = blocked.test(inside) && !hasSucceeded(inside);
  if (depth === 'start' || !ok) return { name, ok, seen: inside };
  const bare = (await laid.bare(text)).trim();
  const said = firstLine(inside);
  if (hasSucceeded(bare)) return { name, ok, seen: `${said}; without a sandbox it succeeds` };
  const words = `${said}; without a sandbox it fails too: ${firstLine(bare) || 'it said nothing'}`;
  return unless === undefined ? { name, ok: false, seen: words } : { name, ok, seen: `${words} (${unless})` };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

async function say(target: Target, text: string): Promise<string> {
  const request = { sandbox: 'probe', exec: 'probe', timeoutMs: PROBE_MS, outputBytes: SEEN_BYTES, keep: false };
  const done = await target.exec({ ...request, command: `(${text}) 2>&1` });
  return done.output.head.trim() || done.end;
}

async function makeProbeBox(folder: string, box: string, setup: ProbeSetup): Promise<void> {
  const owned = [box, join(box, 'work'), join(box, 'home'), join(box, 'out')];
  for (const path of owned) await mkdir(path, { mode: 0o755 });
  await writeFile(join(box, '.bashrc'), '');
  if (setup.user === undefined) return;
  const { uid, gid } = setup.user;
  for (const path of [folder, ...owned, join(box, '.bashrc')]) await chown(path, uid, gid);
}
