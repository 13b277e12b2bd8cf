// Owns `caisson doctor`: is this machine fit for the work? Says what to do for each thing that is missing. Changes nothing.
import { formatError } from '../../base/errors.ts';
import { diagnose, sandboxFindings } from '../../offline.ts';
import { type Command, type Context, type ExitCode, textFlag } from '../context.ts';

type Finding = Awaited<ReturnType<typeof diagnose>>[number];

export const doctorCommand: Command = {
  usage: '',
  summary: 'is everything here that Caisson needs, and does the sandbox hold?',
  flags: {
    repo: { type: 'string', value: 'DIR', help: "count this repository's .caisson.yaml" },
    probe: { type: 'boolean', help: 'attack the sandbox with all we know, and keep in the journal what comes of it' },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [0, 0],
  run: runDoctor,
};

async function runDoctor(context: Context): Promise<ExitCode> {
  const { terminal, flags } = context;
  const looked = await diagnose(await context.config(textFlag(flags, 'repo')));
  const findings = flags['probe'] === true ? [...withoutSandbox(looked), ...(await probe(context))] : looked;
  if (flags['json'] === true) terminal.line(JSON.stringify(findings));
  else
    for (const { ok, name, seen, hint } of findings)
      terminal.line(`${ok ? 'ok  ' : 'FAIL'}  ${name}: ${seen}${ok || hint === '' ? '' : `\n      → ${hint}`}`);
  return findings.every((finding) => finding.ok) ? 0 : 1;
}

/** What the probe says in more words. */
function withoutSandbox(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ name }) => !name.startsWith('sandbox'));
}

/** Where runs are executed: in the service if there is one. */
async function probe(context: Context): Promise<readonly Finding[]> {
  try {
    const overseer = await context.overseer(await context.config());
    try {
      const report = await overseer.probeSandbox();
      const set = { name: 'sandbox: set of attacks', ok: true, seen: report.suite ?? 'unknown', hint: '' };
      return [...(await sandboxFindings(report)), set];
    } finally {
      await overseer.close();
    }
  } catch (error) {
    const [seen = '', hint = ''] = formatError(error).split('\n  → ');
    return [{ name: 'sandbox', ok: false, seen, hint }];
  }
}
