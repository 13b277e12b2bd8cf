// Owns `caisson doctor`: is this machine fit for the work? Says what to do for each thing that is missing. Changes nothing.
import { diagnose } from '../../offline.ts';
import { type Command, type Context, type ExitCode, textFlag } from '../context.ts';

export const doctorCommand: Command = {
  usage: '',
  summary: 'is everything here that Caisson needs, and does the sandbox hold?',
  flags: {
    repo: { type: 'string', value: 'DIR', help: "count this repository's .caisson.yaml" },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [0, 0],
  run: runDoctor,
};

async function runDoctor(context: Context): Promise<ExitCode> {
  const { terminal, flags } = context;
  const findings = await diagnose(await context.config(textFlag(flags, 'repo')));
  if (flags['json'] === true) terminal.line(JSON.stringify(findings));
  else
    for (const { ok, name, seen, hint } of findings)
      terminal.line(`${ok ? 'ok  ' : 'FAIL'}  ${name}: ${seen}${ok || hint === '' ? '' : `\n      → ${hint}`}`);
  return findings.every((finding) => finding.ok) ? 0 : 1;
}
