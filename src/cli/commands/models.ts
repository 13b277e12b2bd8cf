// Owns `caisson models`: what is served, by which backend, and what is known of it. Changes nothing.
import type { ListedModel } from '../../contracts/model-plan.ts';
import { reportModels } from '../../offline.ts';
import type { Command, Context, ExitCode } from '../context.ts';

export const modelsCommand: Command = {
  usage: '',
  summary: 'which models are served, by which backend, with which context, profile and aliases',
  flags: { json: { type: 'boolean', help: 'print JSON for a program' } },
  positionals: [0, 0],
  run: runModels,
};

/** 1 if nothing is served. */
async function runModels(context: Context): Promise<ExitCode> {
  const { terminal, flags } = context;
  const { models, problems } = await reportModels(await context.config());
  if (flags['json'] === true) terminal.line(JSON.stringify({ models, problems }));
  else {
    for (const line of models.flatMap(linesOf)) terminal.line(line);
    for (const problem of problems) terminal.remark(problem);
  }
  if (models.length === 0) terminal.remark('no backend serves a model');
  return models.length === 0 ? 1 : 0;
}

function linesOf({ id, backend, contextTokens, profile, aliases, remarks }: ListedModel): readonly string[] {
  const context = contextTokens === undefined ? 'context not said' : `${contextTokens} tokens`;
  const known = profile === 'generic' ? 'no profile (generic)' : `profile ${profile}`;
  return [
    `${id}: backend ${backend}, ${context}, ${known}`,
    ...(aliases.length === 0 ? [] : [`  also asked for as ${aliases.join(', ')}`]),
    ...remarks.map((remark) => `  ${remark}`),
  ];
}
