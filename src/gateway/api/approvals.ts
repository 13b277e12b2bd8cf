// Owns the routes of the airlock: questions that wait for a person, and answers bound to what was shown. Decides nothing.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import type { Principal } from '../../contracts/accounts.ts';
import type { QuestionRecord } from '../../contracts/decisions.ts';
import { maySee } from '../ownership.ts';
import { parseInput } from '../parse.ts';
import type { GatewayPorts } from '../ports.ts';
import type { IdParams, RouteContext } from '../route-context.ts';

const listSchema = z.object({
  state: z.enum(['waiting', 'approved', 'denied', 'expired', 'used', 'revoked']).optional(),
  run: z.string().max(64).optional(),
});
const answerSchema = z.strictObject({
  verdict: z.enum(['approve', 'deny', 'revoke']),
  /** Hash of what the person saw. */
  shown: z.string().max(128),
  note: z.string().max(4096).default(''),
  /** How far a yes to the network goes; absent: as long as the run. */
  scope: z
    .strictObject({
      uses: z.int().min(1).max(1_000_000).exactOptional(),
      ms: z
        .int()
        .min(1000)
        .max(7 * 24 * 3_600_000)
        .exactOptional(),
    })
    .exactOptional(),
});

export function approvalRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  const { approvals } = ports;
  const look = gate.admit('approver', 'author', 'auditor');

  app.get('/api/v1/approvals', { onRequest: look }, async (request) => {
    const { state, run } = parseInput(listSchema, request.query);
    const filter = { ...(state === undefined ? {} : { state }), ...(run === undefined ? {} : { run }) };
    return { approvals: await visible(await approvals.list(filter), gate.principalOf(request), ports) };
  });
  app.get<IdParams>('/api/v1/approvals/:id', { onRequest: look }, async (request) => {
    const record = await find(request.params.id, gate.principalOf(request), ports);
    const shown = await approvals.shownText(record.id);
    if (shown === undefined) throw new CaissonError('not_found', `there is no question ${record.id}`);
    return { record, shown };
  });
  app.post<IdParams>('/api/v1/approvals/:id', { onRequest: gate.admit('approver') }, async (request) => {
    const answer = parseInput(answerSchema, request.body);
    const principal = gate.principalOf(request);
    const { id } = await find(request.params.id, principal, ports);
    return approvals.answer(id, { ...answer, by: principal.name });
  });
}

async function find(id: string, principal: Principal, ports: GatewayPorts): Promise<QuestionRecord> {
  const record = await ports.approvals.get(id);
  const [seen] = record === undefined ? [] : await visible([record], principal, ports);
  if (seen === undefined) throw new CaissonError('not_found', `there is no question ${id}`);
  return seen;
}

/** Questions of runs that the principal may see. */
async function visible(
  records: readonly QuestionRecord[],
  principal: Principal,
  { runs }: GatewayPorts,
): Promise<readonly QuestionRecord[]> {
  const names = new Set(records.map(({ run }) => run));
  const known = await Promise.all([...names].map((id) => runs.get(id)));
  const allowed = new Set(known.flatMap((run) => (run !== undefined && maySee(principal, run) ? [run.id] : [])));
  return records.filter(({ run }) => allowed.has(run));
}
