// Owns `caisson probe`: what can the engines do that are configured? Stores what it finds for `doctor` and for the choice of engines.
import type { ProbeReport } from '../../contracts/probes.ts';
import { probeEngines } from '../../offline.ts';
import { type Command, type Context, type ExitCode, textFlag } from '../context.ts';
import type { Overseer } from '../overseer.ts';
import { withOverseer } from './overview.ts';

export const probeCommand: Command = {
  usage: '',
  summary: 'send a fixed suite to each engine and store what works, what is mended and what fails',
  flags: {
    backend: { type: 'string', value: 'NAME', help: 'only this one' },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [0, 0],
  run: (context) => withOverseer(context, (overseer) => runProbe(context, overseer)),
};

/** 1 if something fails. */
async function runProbe(context: Context, overseer: Overseer): Promise<ExitCode> {
  const { terminal, flags, signal } = context;
  const json = flags['json'] === true;
  const backend = textFlag(flags, 'backend');
  const reports = await probeEngines(await context.config(), {
    signal,
    keep: (report) => overseer.keepProbe(report),
    told: (name, { name: of, outcome, detail, milliseconds }) => {
      const words = `${outcome.padEnd(8)}  ${name}: ${of} (${milliseconds} ms)`;
      if (!json) terminal.line(detail === '' ? words : `${words}: ${detail}`);
    },
    ...(backend === undefined ? {} : { backend }),
  });
  if (json) terminal.line(JSON.stringify(reports));
  else for (const report of reports) terminal.line(scoreLine(report));
  if (signal.aborted) return 130;
  return reports.every(({ results }) => results.every(({ outcome }) => outcome !== 'fails')) ? 0 : 1;
}

function scoreLine({ backend, model, version, score }: ProbeReport): string {
  return `${backend}: ${model}${version === '' ? '' : ` on version ${version}`}: ${score} of 100`;
}
