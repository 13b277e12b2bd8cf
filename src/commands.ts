// Owns the list of commands, each loaded when it is named.
import type { Loaders } from './cli/cli.ts';

export const COMMANDS: Loaders = {
  run: async () => (await import('./cli/commands/run.ts')).runCommand,
  runs: async () => (await import('./cli/commands/overview.ts')).runsCommand,
  show: async () => (await import('./cli/commands/overview.ts')).showCommand,
  diff: async () => (await import('./cli/commands/overview.ts')).diffCommand,
  apply: async () => (await import('./cli/commands/apply.ts')).applyCommand,
  setup: async () => (await import('./cli/commands/setup.ts')).setupCommand,
  rewind: async () => (await import('./cli/commands/rewind.ts')).rewindCommand,
  hold: async () => (await import('./cli/commands/hold.ts')).holdCommand,
  message: async () => (await import('./cli/commands/control.ts')).messageCommand,
  cancel: async () => (await import('./cli/commands/control.ts')).cancelCommand,
  approvals: async () => (await import('./cli/commands/airlock.ts')).approvalsCommand,
  approve: async () => (await import('./cli/commands/airlock.ts')).approveCommand,
  deny: async () => (await import('./cli/commands/airlock.ts')).denyCommand,
  revoke: async () => (await import('./cli/commands/airlock.ts')).revokeCommand,
  halt: async () => (await import('./cli/commands/airlock.ts')).haltCommand,
  journal: async () => (await import('./cli/commands/journal.ts')).journalCommand,
  keys: async () => (await import('./cli/commands/keys.ts')).keysCommand,
  backends: async () => (await import('./cli/commands/backends.ts')).backendsCommand,
  usage: async () => (await import('./cli/commands/usage.ts')).usageCommand,
  doctor: async () => (await import('./cli/commands/doctor.ts')).doctorCommand,
  probe: async () => (await import('./cli/commands/probe.ts')).probeCommand,
  models: async () => (await import('./cli/commands/models.ts')).modelsCommand,
  plan: async () => (await import('./cli/commands/plan.ts')).planCommand,
  config: async () => (await import('./cli/commands/config.ts')).configCommand,
};
