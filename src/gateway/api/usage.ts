// Owns the routes that say what was used and what waits: everything for auditors, one's own for the others. Knows no limit.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import { ROLES, USAGE_VIEWS } from '../../contracts/accounts.ts';
import { hasRole } from '../access.ts';
import { parseInput } from '../parse.ts';
import type { EngineLine } from '../ports.ts';
import type { RouteContext } from '../route-context.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const MINUTE_MS = 60_000;
/** The last moment that a date can name. */
const LAST_MS = 8.64e15;

const instant = z.string().transform((text, context) => {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (time >= 0 && time <= LAST_MS) return time;
  context.addIssue({ code: 'custom', message: 'expected a date such as 2026-01-31, or milliseconds since 1970' });
  return z.NEVER;
});
const querySchema = z.object({
  from: instant.optional(),
  to: instant.optional(),
  by: z.enum(USAGE_VIEWS).default('key'),
});

export function usageRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  const onRequest = gate.admit(...ROLES);
  app.get('/api/v1/usage', { onRequest }, async (request) => {
    const principal = gate.principalOf(request);
    const now = ports.clock.now();
    const { by, from = now - (now % DAY_MS), to = now + MINUTE_MS } = parseInput(querySchema, request.query);
    if (to <= from) throw new CaissonError('invalid_input', 'to: must be later than from', { place: { field: 'to' } });
    const own = hasRole(principal, ['auditor']) ? {} : { account: principal.id };
    return { from, to, by, usage: await ports.admission.usage({ from, to, by, ...own }) };
  });
  app.get('/api/v1/queue', { onRequest }, async (request) => {
    const principal = gate.principalOf(request);
    const lines = ports.admission.lines();
    return { engines: hasRole(principal, ['auditor']) ? lines : lines.map((line) => ownPart(line, principal.id)) };
  });
}

function ownPart({ engine, running, waiting }: EngineLine, id: string): EngineLine {
  const isOwn = ({ key }: { readonly key: string }) => key === id;
  return { engine, running: running.filter(isOwn), waiting: waiting.filter(isOwn) };
}
