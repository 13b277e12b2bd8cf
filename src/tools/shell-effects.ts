// Owns what a shell command would do, as effects that explain. Allows nothing: what leaves the sandbox is enforced elsewhere.
import type { Effect } from '../contracts/effects.ts';
import { egressOf } from './network-programs.ts';
import { readShell } from './shell-commands.ts';

/** The `exec` effect first, then one `egress` for each target a network program is seen to be called with. */
export function shellEffects(command: string): readonly Effect[] {
  const { argvs, parsed } = readShell(command);
  const exec: Effect = { type: 'exec', command, argvs: argvs.map((argv) => [...argv]), parsed };
  const seen = new Map<string, Effect>();
  for (const effect of argvs.flatMap(egressOf)) seen.set(JSON.stringify(effect), effect);
  return [exec, ...seen.values()];
}
