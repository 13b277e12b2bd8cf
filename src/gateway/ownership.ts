// Owns which runs a principal sees and which ones obey it. Knows no route.
import { CaissonError } from '../base/errors.ts';
import type { Principal } from '../contracts/accounts.ts';
import type { RunService } from '../contracts/run-service.ts';
import type { RunRecord } from '../contracts/runs.ts';
import { hasRole } from './access.ts';

type Runs = Pick<RunService, 'get'>;

/**
 * The run, if the principal may see it: its own, its team's, or any for an auditor. Throws `not_found` for one that is not there and
 * for one that is not its business, in the same words.
 */
export async function visibleRun(runs: Runs, principal: Principal, id: string): Promise<RunRecord> {
  const run = await runs.get(id);
  if (run === undefined || !maySee(principal, run)) throw new CaissonError('not_found', `there is no run ${id}`);
  return run;
}

/** The run, if the principal may act on it: its own, or any for an admin. Throws as above, and `forbidden` for a colleague's. */
export async function ownRun(runs: Runs, principal: Principal, id: string): Promise<RunRecord> {
  const run = await visibleRun(runs, principal, id);
  if (isOwner(principal, run) || hasRole(principal, [])) return run;
  throw new CaissonError('forbidden', `run ${id} belongs to someone else of the team`);
}

/** What a list may hold; `{}` is everything. */
export function listFilter(principal: Principal): { readonly team?: string } {
  return hasRole(principal, ['auditor']) ? {} : { team: principal.team };
}

export function maySee(principal: Principal, run: RunRecord): boolean {
  if (hasRole(principal, ['auditor']) || isOwner(principal, run)) return true;
  return run.team === principal.team && hasRole(principal, ['author', 'approver']);
}

function isOwner(principal: Principal, run: RunRecord): boolean {
  return principal.roles.includes('author') && run.owner === principal.id;
}
