// Owns the command around the engines: how each one is, drain it, take it back, read their list anew.
import { CaissonError } from '../../base/errors.ts';
import type { BackendState } from '../../contracts/ports.ts';
import type { Command, Context } from '../context.ts';
import type { Overseer } from '../overseer.ts';
import { withOverseer } from './overview.ts';

const NAME_WIDTH = 20;
const SECOND_MS = 1000;

export const backendsCommand: Command = {
  usage: '[list | drain NAME | resume NAME | reload]',
  summary: 'the engines: how they are, and which get requests',
  flags: { json: { type: 'boolean', help: 'print JSON for a program' } },
  positionals: [0, 2],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const states = await statesOf(overseer, context);
      if (context.flags['json'] === true) context.terminal.line(JSON.stringify(states));
      else for (const state of states) context.terminal.line(lineOf(state));
      return 0;
    }),
};

async function statesOf(overseer: Overseer, { positionals }: Context): Promise<readonly BackendState[]> {
  const [verb = 'list', name] = positionals;
  if (name === undefined && verb === 'list') return overseer.backends();
  if (name === undefined && verb === 'reload') return overseer.reloadBackends();
  if (name !== undefined && (verb === 'drain' || verb === 'resume'))
    return [await overseer.drainBackend(name, verb === 'drain')];
  throw new CaissonError('usage', 'caisson backends takes: list, drain NAME, resume NAME, or reload');
}

function lineOf({ name, state, inFlight, places, requests, failures, nextTryMs, lastFailure }: BackendState): string {
  const next = nextTryMs === undefined ? '' : `, tried again in ${Math.ceil(nextTryMs / SECOND_MS)} s`;
  const last =
    lastFailure === undefined ? '' : `; last: ${new Date(lastFailure.at).toISOString()} ${lastFailure.message}`;
  const counts = `${inFlight} of ${places} in flight, ${requests} requests, ${failures} failed`;
  return `${name.padEnd(NAME_WIDTH)} ${state.padEnd(8)} ${counts}${next}${last}`;
}
